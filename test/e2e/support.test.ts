/** The tests' own tools hold what they promise: the feeder against real gobgpds, the kernel's view against `ip`. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS, startGobgpd } from '../support/gobgpd.js';
import { KernelMonitor, kernelNexthops, kernelRules, ownRoutes } from '../support/kernel-view.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { prefixesOf, routes } from '../support/routes.js';
import { until } from '../support/wait.js';

const PEER = '10.9.0.2';
const PEER6 = '2001:db8:9::2';

/** What both versions' `gobgp global rib -j` have in common: prefix to paths. */
type Rib = Readonly<Record<string, readonly { readonly attrs: readonly Attr[] }[]>>;
interface Attr {
  readonly type: number;
  readonly communities?: readonly number[];
  readonly value?: unknown;
  readonly metric?: number;
}

async function pair(): Promise<{ fabric: Netns; node: Netns }> {
  const fabric = await createNetns('fabric');
  const node = await createNetns('node');
  await connect(fabric, { name: 'f0', addresses: [`${PEER}/24`, `${PEER6}/64`] }, node, {
    name: 'eth1',
    addresses: ['10.9.0.1/24', '2001:db8:9::1/64'],
  });
  return { fabric, node };
}

for (const version of GOBGPD_VERSIONS) {
  describe(`feeder against gobgpd ${version}`, () => {
    it('announces, changes, withdraws, goes away and comes back', async () => {
      const nets = await pair();
      await using node = nets.node;
      await using fabric = nets.fabric;
      await using gobgpd = await startGobgpd({
        version,
        netns: node,
        as: 65000,
        neighbors: [{ address: PEER, as: 65001 }],
      });
      await using feeder = await startFeeder({
        netns: fabric,
        localAddress: PEER,
        peerAddress: '10.9.0.1',
        localAs: 65001,
        peerAs: 65000,
      });
      const sizes = async () => [await gobgpd.ribSize('ipv4'), await gobgpd.ribSize('ipv6')];
      const hasSizes = (v4: number, v6: number) =>
        until(async () => (await sizes()).join() === `${v4},${v6}`, {
          what: `gobgpd has ${v4} IPv4 and ${v6} IPv6 routes`,
        });

      await feeder.announceGenerated(10_000, { family: 'ipv4', nextHops: [PEER] });
      await feeder.announceGenerated(2_000, { family: 'ipv6', nextHops: [PEER6] });
      await hasSizes(10_000, 2_000);
      const [neighbor] = await gobgpd.neighbors();
      assert.deepEqual(neighbor, {
        address: PEER,
        established: true,
        received: 12_000,
        accepted: 12_000,
      });
      const rib = await gobgpd.cliJson<Rib>('global', 'rib');
      const made = routes(10_000, { family: 'ipv4', nextHops: [PEER] });
      assert.deepEqual(Object.keys(rib).sort(), prefixesOf(made).sort());

      const [one, two] = prefixesOf(made);
      assert.ok(one !== undefined && two !== undefined);
      await feeder.announce([
        {
          attributes: {
            nextHop: PEER,
            med: 77,
            communities: ['65001:7', '65535:65281'],
            largeCommunities: ['65001:1:2'],
            linkBandwidth: { as: 65001, bytesPerSecond: 125_000 },
          },
          prefixes: [one],
        },
      ]);
      const attributes = await until(
        async () => {
          const { [one]: paths } = await gobgpd.cliJson<Rib>('global', 'rib', one);
          const attrs = paths?.[0]?.attrs;
          return attrs?.some((attr) => attr.metric === 77) ? attrs : undefined;
        },
        { what: 'the changed route' },
      );
      const communities = attributes.find(({ type }) => type === 8)?.communities;
      assert.deepEqual(communities, [65001 * 65536 + 7, 0xffffff01]);
      assert.match(JSON.stringify(attributes.find(({ type }) => type === 32)), /65001/);
      assert.match(JSON.stringify(attributes.find(({ type }) => type === 16)), /125000/);

      await feeder.withdraw([one, two]);
      await hasSizes(9_998, 2_000);
      await feeder.withdraw('all');
      await hasSizes(0, 0);

      // RFC 8950: an IPv4 route with an IPv6 next hop.
      const [extended] = routes(1, { family: 'ipv4', nextHops: [PEER6] });
      assert.ok(extended !== undefined);
      await feeder.announce([extended]);
      await hasSizes(1, 0);
      assert.match(await gobgpd.cli('global', 'rib'), /2001:db8:9::2/);

      await feeder.close();
      await hasSizes(0, 0);
      await feeder.connect();
      await hasSizes(1, 0);
      assert.equal((await feeder.state()).sessions, 2);
    });
  });
}

describe('the made-up feed', () => {
  it('is distinct, realistic and the same every time', () => {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const options = { family, nextHops: ['192.0.2.1', '192.0.2.2'], seed: 3 };
      const sets = routes(50_000, options);
      const prefixes = prefixesOf(sets);
      assert.equal(new Set(prefixes).size, 50_000);
      assert.deepEqual(routes(50_000, options), sets);
      const longest = family === 'ipv4' ? '/24' : '/48';
      const share = prefixes.filter((prefix) => prefix.endsWith(longest)).length / 50_000;
      assert.ok(share > 0.6 && share < 0.95, `${share} are ${longest}`);
      assert.ok(sets.length > 4_000 && sets.length < 6_500, `${sets.length} sets`);
    }
    const inside = prefixesOf(
      routes(500, { family: 'ipv4', nextHops: ['a'], within: '10.32.0.0/11' }),
    );
    assert.ok(inside.every((prefix) => /^10\.(3[2-9]|[45]\d|6[0-3])\./.test(prefix)));
  });
});

describe('the kernel view', () => {
  it('reads routes, rules and nexthops, and hears every change', async () => {
    const nets = await pair();
    await using node = nets.node;
    await using _fabric = nets.fabric;
    await using monitor = await KernelMonitor.start(node);
    assert.deepEqual(await monitor.settled(), []);
    await node.ipBatch([
      'nexthop add id 0x40000001 via 10.9.0.2 dev eth1 proto 178',
      'nexthop add id 0x40000002 group 0x40000001 proto 178',
      'nexthop add id 7 via 10.9.0.2 dev eth1',
      'route add 198.51.100.0/24 nhid 0x40000002 table 100 proto 178 metric 20',
      'route add 203.0.113.7/32 table 100 proto 178 nexthop via 10.9.0.2 dev eth1 weight 3 nexthop via 10.9.0.3 dev eth1',
      'route add 192.0.2.0/24 via inet6 2001:db8:9::2 dev eth1 table 100 proto 178',
      'route add 2001:db8:77::/48 via 2001:db8:9::2 dev eth1 table 100 proto 178',
      'route add 10.0.0.0/8 via 10.9.0.2 table 100 proto static',
      'rule add from 203.0.113.0/24 lookup 100 priority 10000 protocol 178',
      'rule add fwmark 0x14/0xff iif eth1 lookup 100 priority 10000 protocol 178',
      'rule add to 192.0.2.1 lookup 100 priority 9',
    ]);
    assert.deepEqual(Object.fromEntries(await ownRoutes(node, 100)), {
      '198.51.100.0/24': ['via 10.9.0.2 dev eth1'],
      '203.0.113.7/32': ['via 10.9.0.2 dev eth1 weight 3', 'via 10.9.0.3 dev eth1'],
      '192.0.2.0/24': ['via 2001:db8:9::2 dev eth1'],
      '2001:db8:77::/48': ['via 2001:db8:9::2 dev eth1'],
    });
    assert.deepEqual(await kernelRules(node), [
      '10000: from 203.0.113.0/24 lookup 100 -4',
      '10000: from all iif eth1 fwmark 0x14/0xff lookup 100 -4',
    ]);
    assert.equal((await kernelNexthops(node)).length, 2);
    assert.equal((await kernelNexthops(node, 'all')).length, 3);
    assert.equal((await monitor.settled()).length, 11);
    assert.equal((await monitor.own()).length, 8);
  });
});
