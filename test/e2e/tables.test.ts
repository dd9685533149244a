/**
 * Where traffic goes: real TCP connections from an address in a rule's pool, to addresses that the
 * management uplink and both fabrics all have. Who answers tells which way the packets took.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ConfigValue, Daemon } from '../support/daemon.js';
import { kernelRoutes, kernelRules } from '../support/kernel-view.js';
import { createNetns } from '../support/netns.js';
import {
  type FileRoute,
  POOL,
  POOL_V6,
  ROUTER1,
  ROUTER1_V6,
  ROUTER2,
  ROUTER2_V6,
  SERVICE,
  SERVICE_V6,
  TwoFabrics,
} from '../support/two-fabrics.js';
import { until } from '../support/wait.js';
import { answerAs, whoAnswers } from '../support/who-answers.js';

/** An address that everybody beyond the node has, and so reaches the node whichever way was chosen. */
const ANYCAST = '198.51.100.1';
const ANYCAST_V6 = '2001:db8:aaaa::1';
/** Likewise, and nobody announces it. */
const UNKNOWN = '198.51.101.1';
const UNKNOWN_V6 = '2001:db8:bbbb::1';
/** On the wire of fabric 1, a host of its own. */
const NEIGHBOUR = '10.9.0.50';
const NEIGHBOUR_V6 = '2001:db8:9::50';

const LEARNED: readonly FileRoute[] = [
  { prefix: '198.51.100.0/24', nextHop: ROUTER1 },
  { prefix: '2001:db8:aaaa::/48', nextHop: ROUTER1_V6 },
];
const DEFAULTS: readonly FileRoute[] = [
  { prefix: '0.0.0.0/0', nextHop: ROUTER1 },
  { prefix: '::/0', nextHop: ROUTER1_V6 },
];

const fabric: ConfigValue = {
  id: 100,
  name: 'fabric',
  metric: 20,
  filters: [{ permit: {} }],
  acceptDefault: true,
  rules: { priority: 10_000, from: [POOL, POOL_V6] },
};

describe('traffic', () => {
  let lab: TwoFabrics;
  let daemon: Daemon;
  const inside: AsyncDisposable[] = [];

  /** Both families: who answers for an address, to the service address. */
  const answers = (v4: string, v6: string) =>
    Promise.all([whoAnswers(lab.node, v4, SERVICE), whoAnswers(lab.node, v6, SERVICE_V6)]);
  const reload = async (table: ConfigValue) => {
    await daemon.configure({ source: lab.source, tables: [{ ...fabric, ...table }] });
    const { code, stderr } = await daemon.cli('reload');
    assert.equal(code, 0, stderr);
    await until(async () => (await daemon.status()).ready, { what: 'the reload is done' });
  };
  const feed = async (routes: readonly FileRoute[]) => {
    await lab.feed(routes);
    await until(
      async () => {
        const { tables, ready } = await daemon.status();
        const heard = tables[0]?.routes;
        return ready && (heard?.ipv4.heard ?? 0) + (heard?.ipv6.heard ?? 0) === routes.length;
      },
      { what: 'the feed is taken' },
    );
  };

  before(async () => {
    lab = await TwoFabrics.create();
    const { node, mgmt, router1, router2 } = lab;
    const host = await createNeighbour(lab);
    inside.push(host);
    for (const [name, netns, via, via6] of [
      ['mgmt', mgmt, '192.0.2.10', '2001:db8:2::10'],
      ['router1', router1, '10.9.0.1', '2001:db8:9::1'],
      ['router2', router2, '10.9.1.1', '2001:db8:a::1'],
      ['neighbour', host, '10.9.0.1', '2001:db8:9::1'],
    ] as const) {
      const back = [`route replace default via ${via}`, `route replace ::/0 via ${via6}`];
      const anycast = [ANYCAST, UNKNOWN, `${ANYCAST_V6}/128`, `${UNKNOWN_V6}/128`];
      const addresses = anycast.map((address) => `address add ${address} dev lo`);
      await netns.ipBatch(name === 'neighbour' ? back : [...back, ...addresses]);
      inside.unshift(await answerAs(name, netns));
    }
    await node.sysctl('net/ipv4/ip_forward', 1);
    assert.deepEqual(await answers(ANYCAST, ANYCAST_V6), ['mgmt', 'mgmt'], 'before rib2fib');
    await lab.feed(LEARNED);
    daemon = await lab.daemon({ tables: [fabric] });
  });
  after(async () => {
    for (const one of inside) await one[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  it('takes the learned route; what the table does not know goes on to main', async () => {
    assert.deepEqual(await answers(ANYCAST, ANYCAST_V6), ['router1', 'router1']);
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['mgmt', 'mgmt']);
    const others = [ANYCAST, '192.0.2.10'] as const;
    assert.equal(await whoAnswers(lab.node, ...others), 'mgmt', 'from outside the pool');
  });

  it('onMiss: unreachable ends the search, for the pool alone', async () => {
    await reload({ onMiss: 'unreachable' });
    assert.deepEqual(await answers(ANYCAST, ANYCAST_V6), ['router1', 'router1']);
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['EHOSTUNREACH', 'EHOSTUNREACH']);
    assert.equal(await whoAnswers(lab.node, UNKNOWN, '192.0.2.10'), 'mgmt');
    await reload({ onMiss: 'main' });
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['mgmt', 'mgmt']);
  });

  it('keepInMain goes to main, whatever is learned for it', async () => {
    await feed([...LEARNED, ...DEFAULTS]);
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['router1', 'router1']);
    await reload({ keepInMain: ['198.51.100.0/23', '2001:db8:bbbb::/48'] });
    assert.deepEqual(await answers(ANYCAST, ANYCAST_V6), ['mgmt', 'router1']);
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['mgmt', 'mgmt']);
    const kept = await daemon.routes({ reason: 'kept-in-main' });
    assert.deepEqual(
      kept.map(({ prefix }) => prefix),
      ['198.51.100.0/24'],
    );
    await reload({ keepInMain: [] });
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['router1', 'router1']);
  });

  it('reaches an on-link neighbour of the fabric on-link, from a pool and from the interface', async () => {
    const from = [POOL, POOL_V6, { interface: 'eth1' }];
    await reload({ rules: { priority: 10_000, from } });
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['router1', 'router1']);
    const neighbour = async () => [
      await whoAnswers(lab.node, NEIGHBOUR, SERVICE),
      await whoAnswers(lab.node, NEIGHBOUR_V6, SERVICE_V6),
      await whoAnswers(lab.node, NEIGHBOUR, '10.9.0.1'),
      await whoAnswers(lab.node, NEIGHBOUR_V6, '2001:db8:9::1'),
    ];
    assert.deepEqual(await neighbour(), Array(4).fill('neighbour'));

    // The proof that it could be otherwise: the same default route in a table without `throw` routes.
    const naive = [
      `route add default via ${ROUTER1} table 101`,
      `rule add from ${SERVICE} lookup 101 priority 9000`,
    ];
    await lab.node.ipBatch(naive);
    assert.equal(await whoAnswers(lab.node, NEIGHBOUR, SERVICE, 500), 'silence');
    await lab.node.ipBatch(naive.map((line) => line.replace(' add ', ' del ')).reverse());
    assert.deepEqual(await neighbour(), Array(4).fill('neighbour'));
  });

  it('a static default takes over as the learned one goes, and also when nobody is there to see it go', async () => {
    await reload({
      static: [
        { prefix: '0.0.0.0/0', via: [{ gateway: ROUTER2, interface: 'eth2' }] },
        { prefix: '::/0', via: [{ gateway: ROUTER2_V6 }] },
      ],
    });
    const defaults = await kernelRoutes(lab.node, 100);
    assert.deepEqual(
      defaults.flatMap(({ dst, metric }) => (/^(0\.0\.0\.0|::)\/0$/.test(dst) ? [metric] : [])),
      [20, 1020, 20, 1020],
    );
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['router1', 'router1']);
    await feed(LEARNED);
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['router2', 'router2']);
    assert.deepEqual(await answers(ANYCAST, ANYCAST_V6), ['router1', 'router1']);
    await feed([...LEARNED, ...DEFAULTS]);
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['router1', 'router1']);

    await daemon.stop('SIGKILL');
    await lab.node.ip('link', 'set', 'eth1', 'down');
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['router2', 'router2']);
    await lab.node.configure({ name: 'eth1', addresses: ['2001:db8:9::1/64'] });
    await daemon.launch();
    assert.deepEqual(await answers(UNKNOWN, UNKNOWN_V6), ['router1', 'router1']);
  });

  it('match: what comes in by an interface, and what bears a mark', async () => {
    await reload({
      rules: {
        priority: 10_000,
        match: [{ iif: 'eth2' }, { fwmark: '0x14/0xff', family: 'ipv4' }],
      },
    });
    assert.deepEqual(await kernelRules(lab.node), [
      '10000: from all fwmark 0x14/0xff lookup 100 -4',
      '10000: from all iif eth2 lookup 100 -4',
      '10000: from all iif eth2 lookup 100 -6',
    ]);
    assert.deepEqual(await answers(ANYCAST, ANYCAST_V6), ['mgmt', 'mgmt'], 'no rule for the pool');
    // Forwarded: router 2 sends through the node what it does not have itself.
    const remote = '198.51.100.99';
    for (const netns of [lab.mgmt, lab.router1])
      await netns.ip('address', 'add', remote, 'dev', 'lo');
    assert.equal(await whoAnswers(lab.router2, remote, ROUTER2), 'router1');
    const marked = async (mark: string) =>
      (await lab.node.ip('route', 'get', ANYCAST, 'from', SERVICE, 'mark', mark)).includes(ROUTER1);
    assert.deepEqual(await Promise.all(['0x14', '0x4014', '0x15'].map(marked)), [
      true,
      true,
      false,
    ]);
  });

  it('rules follow the addresses of an interface within a second', async () => {
    await reload({ rules: { priority: 10_000, from: [{ interface: 'eth1' }] } });
    const addresses = async () =>
      (await kernelRules(lab.node)).map((rule) => /from (\S+) lookup 100/.exec(rule)?.[1]);
    const own = ['10.9.0.1/32', '2001:db8:9::1/128'];
    assert.deepEqual(await addresses(), own);
    const added = ['10.9.0.77/24', '2001:db8:9::77/64'];
    await lab.node.ipBatch(added.map((address) => `address add ${address} dev eth1`));
    // Deprecated, link-local and somebody else's: no rules for those.
    await lab.node.ipBatch([
      'address add 2001:db8:9::99/64 dev eth1 preferred_lft 0',
      'address add fe80::99/64 dev eth1',
      'address add 10.9.1.77/24 dev eth2',
    ]);
    const both = ['10.9.0.1/32', '10.9.0.77/32', '2001:db8:9::1/128', '2001:db8:9::77/128'];
    await until(async () => (await addresses()).join() === both.join(), {
      what: 'rules for the new addresses',
      deadlineMs: 1000,
    });
    await lab.node.ipBatch(added.map((address) => `address del ${address} dev eth1`));
    await until(async () => (await addresses()).join() === own.join(), {
      what: 'no rules for addresses that are gone',
      deadlineMs: 1000,
    });
    assert.equal((await daemon.status()).tables[0]?.rules.installed, 2);
  });
});

/** A host of its own on the wire of fabric 1, with another MAC address than the router. */
async function createNeighbour(lab: TwoFabrics) {
  const host = await createNetns('neighbour');
  await lab.router1.ipBatch([
    `link add host0 link n0 type macvlan mode bridge`,
    `link set host0 netns ${host.name}`,
  ]);
  await host.configure({ name: 'host0', addresses: [`${NEIGHBOUR}/24`, `${NEIGHBOUR_V6}/64`] });
  return host;
}
