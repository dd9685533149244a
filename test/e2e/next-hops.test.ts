/** From a BGP next hop to a gateway: every way of resolving, one table each; and through gobgpd. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ConfigValue, type Daemon, startDaemon } from '../support/daemon.js';
import { startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS, startGobgpd } from '../support/gobgpd.js';
import { ownRoutes } from '../support/kernel-view.js';
import { connect, createNetns } from '../support/netns.js';
import {
  type FileRoute,
  GATEWAY,
  GATEWAY_V6,
  ROUTER1,
  ROUTER1_V6,
  ROUTER2,
  TwoFabrics,
} from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

/** Next hops behind other routers: the main table knows the way, one hop or two further. */
const REMOTE = '10.77.0.1';
const REMOTE_V6 = '2001:db8:77::1';
const MAIN = [
  'route add 10.77.0.0/24 via 10.9.0.9',
  'route add 10.78.0.0/24 nexthop via 10.9.0.9 nexthop via 10.9.1.9 weight 3',
  'route add 2001:db8:77::/64 via 2001:db8:9::9',
  'route add unreachable 10.79.0.0/24',
  'route add 10.79.0.0/16 via 10.9.0.9',
];

const ROUTES: readonly FileRoute[] = [
  { prefix: '10.1.0.0/16', nextHop: ROUTER1 },
  { prefix: '10.2.0.0/16', nextHop: REMOTE },
  { prefix: '10.3.0.0/16', nextHop: '172.31.0.1' },
  { prefix: '10.4.0.0/16', nextHop: '10.9.1.1' },
  { prefix: '10.5.0.0/16', nextHop: '10.78.0.1' },
  { prefix: '10.6.0.0/16', nextHop: [ROUTER1, ROUTER2, '172.31.0.1'] },
  { prefix: '10.7.0.0/16', nextHop: ROUTER1_V6 },
  { prefix: '10.8.0.0/16', nextHop: 'fe80::2%eth1' },
  { prefix: '10.10.0.0/16', nextHop: '10.79.0.1' },
  { prefix: '2001:db8:1::/48', nextHop: ROUTER1_V6 },
  { prefix: '2001:db8:2000::/48', nextHop: REMOTE_V6 },
  { prefix: '2001:db8:3000::/48', nextHop: '2001:db8:31::1' },
  { prefix: '2001:db8:4::/48', nextHop: 'fe80::2%eth2' },
  { prefix: '2001:db8:5::/48', nextHop: 'fe80::2%eth7' },
  { prefix: '2001:db8:6::/48', nextHop: ['fe80::2%eth1', 'fe80::2%eth2'] },
];

const NEXT_HOPS = {
  recursive: {},
  connected: { resolve: 'connected' },
  onlink: { resolve: 'onlink' },
  viaDefault: { viaDefault: true },
  override: { override: ['10.9.0.254', '10.9.1.254', '2001:db8:9::fe'] },
} as const;
const IDS = {
  recursive: 101,
  connected: 102,
  onlink: 103,
  viaDefault: 104,
  override: 105,
} as const;
type Way = keyof typeof NEXT_HOPS;

const tables: readonly ConfigValue[] = Object.entries(NEXT_HOPS).map(([name, nextHop]) => ({
  ...{ name, nextHop, id: IDS[name as Way], filters: [{ permit: {} }] },
}));

const viaRouter1 = {
  '10.1.0.0/16': [`via ${ROUTER1} dev eth1`],
  '10.7.0.0/16': [`via ${ROUTER1_V6} dev eth1`],
  '10.8.0.0/16': ['via fe80::2 dev eth1'],
  '2001:db8:1::/48': [`via ${ROUTER1_V6} dev eth1`],
  '2001:db8:4::/48': ['via fe80::2 dev eth2'],
  '2001:db8:6::/48': ['via fe80::2 dev eth1', 'via fe80::2 dev eth2'],
};
const bothRouters = [`via ${ROUTER1} dev eth1`, `via ${ROUTER2} dev eth2`];
const recursive = {
  ...viaRouter1,
  '10.2.0.0/16': ['via 10.9.0.9 dev eth1'],
  '10.5.0.0/16': ['via 10.9.0.9 dev eth1', 'via 10.9.1.9 dev eth2 weight 3'],
  '10.6.0.0/16': bothRouters,
  '2001:db8:2000::/48': ['via 2001:db8:9::9 dev eth1'],
};

const EXPECTED: Readonly<Record<Way, Readonly<Record<string, readonly string[]>>>> = {
  recursive,
  connected: { ...viaRouter1, '10.6.0.0/16': bothRouters },
  onlink: {
    ...recursive,
    '10.2.0.0/16': [`via ${REMOTE} dev eth1 onlink`],
    '10.5.0.0/16': ['via 10.78.0.1 dev eth1 onlink', 'via 10.78.0.1 dev eth2 weight 3 onlink'],
    '2001:db8:2000::/48': [`via ${REMOTE_V6} dev eth1 onlink`],
  },
  viaDefault: {
    ...recursive,
    '10.3.0.0/16': [`via ${GATEWAY} dev eth0`],
    '10.6.0.0/16': [`via ${GATEWAY} dev eth0`, ...bothRouters].sort(),
    '2001:db8:3000::/48': [`via ${GATEWAY_V6} dev eth0`],
  },
  override: Object.fromEntries(
    ROUTES.map(({ prefix, nextHop }) => {
      const [first = ''] = [nextHop].flat();
      const legs = first.includes(':')
        ? ['via 2001:db8:9::fe dev eth1']
        : ['via 10.9.0.254 dev eth1', 'via 10.9.1.254 dev eth2'];
      return [prefix, legs];
    }),
  ),
};
// The node's own address is no next hop, whatever would stand in its place.
delete (EXPECTED.override as Record<string, unknown>)['10.4.0.0/16'];

describe('resolving', () => {
  let lab: TwoFabrics;
  let daemon: Daemon;
  before(async () => {
    lab = await TwoFabrics.create();
    await lab.node.ipBatch(MAIN);
    await lab.feed(ROUTES);
    daemon = await lab.daemon({ tables });
  });
  after(() => lab[Symbol.asyncDispose]());

  for (const way of Object.keys(NEXT_HOPS) as Way[]) {
    it(way, async () => {
      assert.deepEqual(
        Object.fromEntries(await ownRoutes(lab.node, IDS[way])),
        Object.fromEntries(Object.entries(EXPECTED[way])),
      );
    });
  }

  it('says why a route is not there', async () => {
    const reasons = async (table: Way) =>
      Object.fromEntries(
        (await daemon.routes({ table, state: 'rejected' })).map(({ prefix, reason, detail }) => [
          prefix,
          detail === undefined ? reason : `${reason}: ${detail}`,
        ]),
      );
    const always = {
      '10.4.0.0/16': 'next-hop-local',
      '10.10.0.0/16': 'next-hop-unreachable: 10.79.0.0/24 of main leads nowhere',
      '2001:db8:5::/48': 'next-hop-unreachable: there is no interface eth7',
    };
    const viaDefault = (address: string) =>
      `next-hop-via-default: ${address} is reached through the default route only (viaDefault: false)`;
    assert.deepEqual(await reasons('recursive'), {
      ...always,
      '10.3.0.0/16': viaDefault('172.31.0.1'),
      '2001:db8:3000::/48': viaDefault('2001:db8:31::1'),
    });
    const notOnLink = (address: string) =>
      `next-hop-unreachable: ${address} is not on-link (resolve: connected)`;
    const connected = await reasons('connected');
    assert.equal(connected['10.2.0.0/16'], notOnLink(REMOTE));
    assert.equal(connected['2001:db8:2000::/48'], notOnLink(REMOTE_V6));
    assert.deepEqual(await reasons('viaDefault'), always);
    assert.deepEqual(await reasons('override'), { '10.4.0.0/16': 'next-hop-local' });
  });

  it('follows the main table: moved, gone, back', async () => {
    const legs = async (prefix: string) => (await ownRoutes(lab.node, IDS.recursive)).get(prefix);
    const becomes = (prefix: string, wanted: readonly string[] | undefined) =>
      until(async () => (await legs(prefix))?.join() === wanted?.join(), {
        what: `${prefix} is ${wanted?.join(' ') ?? 'gone'}`,
        deadlineMs: 2000,
      });
    for (const [prefix, route, via, moved] of [
      ['10.2.0.0/16', '10.77.0.0/24', '10.9.0.9', '10.9.1.7'],
      ['2001:db8:2000::/48', '2001:db8:77::/64', '2001:db8:9::9', '2001:db8:a::7'],
    ] as const) {
      await lab.node.ip('route', 'replace', route, 'via', moved);
      await becomes(prefix, [`via ${moved} dev eth2`]);
      await lab.node.ip('route', 'del', route);
      await becomes(prefix, undefined);
      const [rejected] = (await daemon.routes({ table: 'recursive', state: 'rejected' })).filter(
        (one) => one.prefix === prefix,
      );
      assert.equal(rejected?.reason, 'next-hop-via-default');
      await lab.node.ip('route', 'add', route, 'via', via);
      await becomes(prefix, [`via ${via} dev eth1`]);
    }
  });

  for (const how of ['set down', 'without carrier'] as const) {
    it(`follows an interface ${how}, and back`, async () => {
      const full = EXPECTED.recursive;
      const onlyEth1 = (legs: readonly string[]) => legs.every((leg) => leg.includes('eth1'));
      const rest = Object.values(full).filter((legs) => !onlyEth1(legs)).length;
      if (how === 'set down') await lab.node.ip('link', 'set', 'eth1', 'down');
      else await lab.router1.ip('link', 'set', 'n0', 'down');
      await until(
        async () => {
          const routes = [...(await ownRoutes(lab.node, IDS.recursive)).values()];
          return routes.length === rest && routes.flat().every((leg) => !leg.includes('eth1'));
        },
        { what: 'only routes over eth2 are left', deadlineMs: 5000 },
      );
      const { tables: reports } = await daemon.status();
      assert.ok((reports[0]?.rejected['next-hop-unreachable'] ?? 0) > 0);

      if (how === 'set down') {
        // The kernel drops the interface's IPv6 addresses and its routes of the main table for good.
        await lab.node.configure({ name: 'eth1', addresses: ['2001:db8:9::1/64'] });
        await lab.node.ipBatch(MAIN.map((line) => line.replace(' add ', ' replace ')));
      } else await lab.router1.ip('link', 'set', 'n0', 'up');
      await until(
        async () => (await ownRoutes(lab.node, IDS.recursive)).size === Object.keys(full).length,
        { what: 'all routes are back', deadlineMs: 5000 },
      );
      assert.deepEqual(Object.fromEntries(await ownRoutes(lab.node, IDS.recursive)), full);
      assert.ok((await daemon.status()).ready);
    });
  }
});

for (const version of GOBGPD_VERSIONS) {
  describe(`IPv6 next hops through gobgpd ${version}`, () => {
    for (const { name, peer, listener, nextHops, expected } of [
      {
        name: 'IPv4 routes with an IPv6 next hop (RFC 8950), IPv6 ones with a global and a link-local',
        peer: '10.9.0.2',
        listener: '10.9.0.1',
        nextHops: [
          { nextHop: '2001:db8:9::2' },
          { nextHop: '2001:db8:9::2', linkLocal: 'fe80::2' },
        ],
        expected: ['via 2001:db8:9::2 dev eth1', 'via 2001:db8:9::2 dev eth1'],
      },
      {
        name: 'a session between link-local addresses: next hops with its interface, for both families',
        peer: 'fe80::2',
        listener: 'fe80::1',
        nextHops: [{ nextHop: 'fe80::2' }, { nextHop: 'fe80::2' }],
        expected: ['via fe80::2 dev eth1', 'via fe80::2 dev eth1'],
      },
    ]) {
      it(name, async () => {
        await using fabric = await createNetns('fabric');
        await using node = await createNetns('node');
        const addresses = (n: number) => [`10.9.0.${n}/24`, `2001:db8:9::${n}/64`, `fe80::${n}/64`];
        await connect(fabric, { name: 'n0', addresses: addresses(2) }, node, {
          name: 'eth1',
          addresses: addresses(1),
        });
        const zone = (address: string, name: string) =>
          address.startsWith('fe80') ? `${address}%${name}` : address;
        await using gobgpd = await startGobgpd({
          ...{ version, netns: node, as: 65000 },
          neighbors: [{ address: zone(peer, 'eth1'), as: 65001 }],
        });
        await using feeder = await startFeeder({
          ...{ netns: fabric, localAddress: zone(peer, 'n0'), localAs: 65001, peerAs: 65000 },
          peerAddress: zone(listener, 'n0'),
        });
        const prefixes = ['198.51.100.0/24', '2001:db8:aaaa::/48'];
        await feeder.announce(
          prefixes.map((prefix, i) => ({
            attributes: nextHops[i] ?? { nextHop: '' },
            prefixes: [prefix],
          })),
        );
        await using daemon = await startDaemon({
          netns: node,
          config: {
            source: { gobgp: { address: gobgpd.address } },
            tables: [{ id: 100, filters: [{ permit: { peer } }] }],
          },
        });
        await until(async () => (await ownRoutes(node, 100)).size === 2, {
          what: 'both routes are in the kernel',
        }).catch(async (error: Error) => {
          throw new Error(`${error.message}: ${JSON.stringify(await daemon.routes())}`);
        });
        assert.deepEqual(
          Object.fromEntries(await ownRoutes(node, 100)),
          Object.fromEntries(prefixes.map((prefix, i) => [prefix, [expected[i]]])),
        );
        const { source } = await daemon.status();
        assert.deepEqual(
          source.peers.map((one) => one.peer),
          [peer],
        );
      });
    }
  });
}
