/** What is not ours is neither overwritten nor removed, and a batch of refusals costs nobody but its routes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RouteReport } from '../../src/admin/command-report.js';
import { type Daemon, rib2fib } from '../support/daemon.js';
import { foreignLines, kernelDump, ownLines } from '../support/kernel-dump.js';
import { kernelNexthops, kernelRoutes, OWN, ownRoutes } from '../support/kernel-view.js';
import { StampedMonitor } from '../support/stamped-monitor.js';
import {
  type FileRoute,
  POOL,
  POOL_V6,
  ROUTER1,
  ROUTER1_V6,
  ROUTER2,
  ROUTER2_V6,
  TwoFabrics,
} from '../support/two-fabrics.js';
import { stays, until } from '../support/wait.js';

const V4 = '10.1.0.0/16';
const V6 = '2001:db8:1::/48';
const ROUTES: readonly FileRoute[] = [
  { prefix: V4, nextHop: ROUTER1 },
  { prefix: V6, nextHop: ROUTER1_V6 },
  { prefix: '10.2.0.0/16', nextHop: [ROUTER1, ROUTER2] },
  { prefix: '2001:db8:2222::/48', nextHop: [ROUTER1_V6, ROUTER2_V6] },
];
const table = {
  id: 100,
  metric: 20,
  filters: [{ permit: {} }],
  rules: { priority: 10_000, from: [POOL, POOL_V6] },
};

/** What is promised of the time that a route of somebody else lasts where it is to be evicted. */
const BACK_MS = 1_000;

/** Same prefix and metric as ours, by somebody else. */
const FOREIGN = [
  `route add ${V4} via 10.9.1.9 dev eth2 table 100 metric 20 proto static`,
  `route add ${V6} via 2001:db8:a::9 dev eth2 table 100 metric 20 proto static`,
];

async function protocolsOf(lab: TwoFabrics, prefix: string): Promise<string[]> {
  const routes = await kernelRoutes(lab.node, 100);
  return routes.filter(({ dst }) => dst === prefix).map(({ protocol }) => protocol ?? '');
}

describe('a foreign route of the same prefix and metric', () => {
  let lab: TwoFabrics;
  let daemon: Daemon;
  before(async () => {
    lab = await TwoFabrics.create();
    await lab.node.ipBatch(FOREIGN);
    await lab.feed(ROUTES);
    daemon = await lab.daemon({ tables: [table] });
  });
  after(() => lab[Symbol.asyncDispose]());

  it('stays as it is, and is told of', async () => {
    assert.deepEqual(
      await ownRoutes(lab.node, 100),
      new Map([
        ['10.2.0.0/16', [`via ${ROUTER1} dev eth1`, `via ${ROUTER2} dev eth2`]],
        ['2001:db8:2222::/48', [`via ${ROUTER1_V6} dev eth1`, `via ${ROUTER2_V6} dev eth2`]],
      ]),
    );
    for (const prefix of [V4, V6]) {
      assert.deepEqual(await protocolsOf(lab, prefix), ['static']);
      const [route] = (await daemon.routes({ reason: 'foreign-route' })).filter(
        (one) => one.prefix === prefix,
      );
      assert.equal(route?.state, 'failed');
      const { tables } = await daemon.explain(prefix);
      assert.match(tables[0]?.conclusion ?? '', /foreign-route/);
      assert.match(JSON.stringify(tables), /foreign: .* proto 4/);
    }
    const { tables, ready } = await daemon.status();
    assert.equal(tables[0]?.foreignRoutes, 2);
    assert.deepEqual(tables[0]?.rejected, { 'foreign-route': 2 });
    assert.ok(ready, 'a reason is known for each route that is missing');
  });

  it('gives way to ours once it goes, takes its place when somebody replaces ours, and so on', async () => {
    for (const [prefix, add] of [
      [V4, FOREIGN[0] ?? ''],
      [V6, FOREIGN[1] ?? ''],
    ] as const) {
      await lab.node.ip(...add.replace('add', 'del').split(' '));
      await until(async () => (await protocolsOf(lab, prefix)).join() === OWN, {
        what: `${prefix} is ours`,
        deadlineMs: 5000,
      });
      await lab.node.ip(...add.replace('add', 'replace').split(' '));
      await stays(async () => (await protocolsOf(lab, prefix)).join() === 'static', {
        what: `${prefix} is left alone`,
        forMs: 300,
      });
      const [route] = await daemon.routes({ reason: 'foreign-route' });
      assert.ok(route !== undefined);
      await lab.node.ip(...add.replace('add', 'del').split(' '));
      await until(async () => (await protocolsOf(lab, prefix)).join() === OWN, {
        what: `${prefix} is ours again`,
        deadlineMs: 5000,
      });
    }
    assert.deepEqual(await daemon.routes({ reason: 'foreign-route' }), []);
    assert.equal((await ownRoutes(lab.node, 100)).size, ROUTES.length);
  });
});

describe('a foreign route of a lower metric, which the kernel takes before ours', () => {
  it('is told of by routes, status, explain and metrics, and ours stands behind it', async () => {
    await using lab = await TwoFabrics.create();
    await lab.feed(ROUTES);
    const daemon = await lab.daemon({ tables: [table] });
    const ahead = [
      `route add ${V4} via 10.9.1.9 dev eth2 table 100 metric 7 proto bird`,
      `route add ${V6} via 2001:db8:a::9 dev eth2 table 100 metric 7 proto bird`,
    ];
    await lab.node.ipBatch(ahead);
    await until(async () => (await daemon.routes({ state: 'shadowed' })).length === 2, {
      what: 'both are told',
    });
    assert.equal((await ownRoutes(lab.node, 100)).size, ROUTES.length);
    const [found] = await lab.node.ipJson<{ metric?: number; protocol?: string }>(
      ...['route', 'get', '10.1.2.3', 'from', '203.0.113.10', 'fibmatch'],
    );
    assert.equal(found?.metric, 7, 'the kernel takes theirs');
    const [report] = await daemon.routes({ reason: 'foreign-route' });
    assert.equal(report?.prefix, V4);
    assert.match(report.detail ?? '', /^ahead of it: 10\.1\.0\.0\/16 via 10\.9\.1\.9 .* proto 12/);
    const { tables, ready } = await daemon.status();
    assert.equal(tables[0]?.shadowed, 2);
    assert.match(tables[0].notes.join(), /2 routes of others ahead of ours \(lower metric\): /);
    assert.ok(ready);
    const { stdout } = await daemon.cli('explain', '10.1.2.3');
    assert.match(stdout, /=> installed, but a route of somebody else goes first, with metric 7$/m);
    const { body } = await daemon.http('/metrics');
    assert.match(body, /^rib2fib_routes_shadowed\{table="table100"\} 2$/m);

    await lab.node.ipBatch(ahead.map((route) => route.replace('add', 'del')));
    await until(async () => (await daemon.status()).tables[0]?.shadowed === 0, {
      what: 'nothing is ahead any more',
    });
    assert.deepEqual((await daemon.status()).tables[0]?.notes, []);
  });
});

describe('foreign: evict', () => {
  it('removes the routes of others in its table, at the start and later, and in no other', async () => {
    await using lab = await TwoFabrics.create();
    const elsewhere = ['route add 10.3.0.0/16 via 10.9.1.9 table 101 proto static'];
    const another = 'route add 10.4.0.0/16 via 10.9.1.9 table 100 metric 7 proto boot';
    await lab.node.ipBatch([...FOREIGN, ...elsewhere, another]);
    await lab.feed(ROUTES);
    await lab.daemon({ tables: [{ ...table, foreign: 'evict' }] });
    const foreign = async (id: number) =>
      (await kernelRoutes(lab.node, id)).filter(({ protocol }) => protocol !== OWN);
    assert.deepEqual(await foreign(100), []);
    assert.equal((await foreign(101)).length, 1);
    assert.equal((await ownRoutes(lab.node, 100)).size, ROUTES.length);

    await using monitor = await StampedMonitor.start(lab.node, 'route');
    await lab.node.ip(...another.split(' '));
    await lab.node.ip(...(FOREIGN[0] ?? '').replace('add', 'replace').split(' '));
    const there = await monitor.first(/^10\.4\.0\.0\/16 .*table 100/);
    const gone = await monitor.first(/^Deleted 10\.4\.0\.0\/16 .*table 100/, { after: there });
    const replaced = await monitor.first(/^(replace )?10\.1\.0\.0\/16 .*proto static/i);
    const back = await monitor.first(/^10\.1\.0\.0\/16 .*proto 178/, { after: replaced });
    for (const [from, to] of [
      [there, gone],
      [replaced, back],
    ] as const) {
      const took = to.at - from.at;
      assert.ok(took < BACK_MS, `${to.text}: after ${Math.round(took)} ms`);
    }
    await until(async () => (await foreign(100)).length === 0, { what: 'they are evicted' });
    await until(async () => (await ownRoutes(lab.node, 100)).size === ROUTES.length, {
      what: 'ours stand',
    });
    assert.equal((await foreign(101)).length, 1);
  });
});

/** Everything that could be taken for ours and is not. */
const NEIGHBOURS = [
  ...FOREIGN,
  `route add ${V4} via 10.9.1.9 table 100 metric 1020 proto bgp`,
  `route add 2001:db8:2222::/48 via 2001:db8:a::9 table 100 metric 22 proto bgp`,
  'route add throw 10.99.0.0/16 table 100 metric 20 proto 177',
  'route add unreachable 2001:db8:99::/48 table 100 metric 20 proto 179',
  'route add 10.5.0.0/16 via 10.9.1.9 table 101 metric 20 proto static',
  'route add 10.6.0.0/16 via 10.9.1.9 metric 20 proto static',
  'nexthop add id 7 via 10.9.0.9 dev eth1 proto zebra',
  `nexthop add id ${0x40000000} via 10.9.0.8 dev eth1 proto static`,
  `nexthop add id ${0x40000001} group 7 proto static`,
  'route add 10.7.0.0/16 nhid 7 table 100 metric 20 proto bgp',
  `route add 10.8.0.0/16 nhid ${0x40000001} table 100 metric 20 proto bgp`,
  // Equal to a rule of ours but for the protocol; and of other words at the same priority.
  `rule add from ${POOL} lookup 100 priority 10000 protocol static`,
  `rule add from ${POOL} iif eth1 lookup 100 priority 10000 protocol static`,
  'rule add from 198.51.100.0/24 lookup 101 priority 10000 protocol kernel',
  'rule add to 10.6.0.0/16 lookup main priority 50',
];

const NEIGHBOURS_V6 = [
  'rule add fwmark 0x14 lookup 100 priority 10000 protocol static',
  `rule add from ${POOL_V6} lookup 100 priority 9999 protocol boot`,
];

describe('all that others have', () => {
  it('is byte for byte the same after every step of a life with rib2fib, and after cleanup', async () => {
    await using lab = await TwoFabrics.create();
    await lab.node.ipBatch(NEIGHBOURS);
    await lab.node.ipBatch(NEIGHBOURS_V6, '-6');
    const theirs = foreignLines(await kernelDump(lab.node));
    const same = async (step: string) =>
      assert.deepEqual(foreignLines(await kernelDump(lab.node)), theirs, step);
    const settled = (daemon: Daemon, objects: boolean) =>
      until(
        async () => {
          const { ready, tables } = await daemon.status();
          return ready && tables[0]?.nexthopObjects === objects;
        },
        { what: 'the reload is done' },
      );

    await lab.feed(ROUTES);
    const rules = { ...table.rules, match: [{ fwmark: 0x14 }] };
    const config = (objects: string, metric: number) => ({
      source: lab.source,
      tables: [{ ...table, metric, nextHop: { objects }, rules, onMiss: 'unreachable' }],
    });
    const daemon = await lab.daemon(config('never', 20));
    await same('started');
    assert.ok(ownLines(await kernelDump(lab.node)).length > 0);
    await daemon.configure(config('always', 20));
    await settled(daemon, true);
    await same('nexthop objects');
    assert.ok((await kernelNexthops(lab.node)).length > 0);
    await daemon.configure(config('never', 21));
    await settled(daemon, false);
    await same('another metric');
    await lab.feed(ROUTES.slice(2).map((route) => ({ ...route, nextHop: route.nextHop[1] ?? '' })));
    await until(async () => (await ownRoutes(lab.node, 100)).size === 2, { what: 'the new feed' });
    await same('other routes');
    await daemon.stop('SIGKILL');
    await lab.feed(ROUTES);
    await daemon.launch();
    await same('killed and started again');
    assert.equal(await daemon.stop(), 0);
    await same('stopped');
    assert.ok(ownLines(await kernelDump(lab.node)).length > 0);

    const { code, stdout } = await rib2fib(lab.node, ['cleanup']);
    assert.equal(code, 0);
    assert.match(stdout, /^removed \d+ rules, \d+ routes and \d+ nexthop objects\n$/);
    assert.deepEqual(ownLines(await kernelDump(lab.node)), []);
    await same('cleaned up');
    const again = await rib2fib(lab.node, ['cleanup']);
    assert.equal(again.stdout, 'nothing of rib2fib was in the kernel\n');
  });
});

describe('a batch of 1,000 failing messages', () => {
  const prefixes = Array.from({ length: 1000 }, (_, i) => `172.${16 + (i >> 8)}.${i & 255}.0/24`);
  const installed = async (lab: TwoFabrics) => (await ownRoutes(lab.node, 100, ['ipv4'])).size;

  it('each has its reason, the process lives, and they come in later', async () => {
    await using lab = await TwoFabrics.create();
    // The kernel looks a gateway up in the route's own table first, and there it is no host (fib_check_nh).
    const obstacle = `route add broadcast ${ROUTER1} dev eth1 table 100 proto static`;
    await lab.node.ip(...obstacle.split(' '));
    await lab.feed([
      ...prefixes.map((prefix) => ({ prefix, nextHop: ROUTER1 })),
      { prefix: '10.2.0.0/16', nextHop: ROUTER2 },
    ]);
    const daemon = await lab.daemon({ tables: [table] });
    const { pid } = daemon;
    assert.deepEqual([...(await ownRoutes(lab.node, 100, ['ipv4'])).keys()], ['10.2.0.0/16']);

    const failed = await daemon.cliJson<readonly RouteReport[]>('routes', '--state', 'failed');
    assert.deepEqual(failed.map(({ prefix }) => prefix).sort(), [...prefixes].sort());
    for (const { reason, detail } of failed) {
      assert.equal(reason, 'kernel-error');
      assert.match(detail ?? '', /^E[A-Z]+: Nexthop has invalid gateway/);
    }
    const { kernel, tables, ready } = await daemon.status();
    assert.equal(kernel.failingTotal, 1000);
    assert.equal(tables[0]?.rejected['kernel-error'], 1000);
    assert.ok(ready);
    const { stdout } = await daemon.cli('explain', prefixes[500] ?? '');
    assert.match(stdout, /kernel-error: E[A-Z]+ Nexthop has invalid gateway/);

    await lab.node.ip(...obstacle.replace('add', 'del').split(' '));
    await until(async () => (await installed(lab)) === 1001, { what: 'all are in' });
    assert.equal(daemon.pid, pid);
    assert.equal((await daemon.status()).kernel.failingTotal, 0);
    assert.deepEqual(await daemon.routes({ state: 'failed' }), []);
  });

  it('so too where others were first, behind the back of a stopped daemon', async () => {
    await using lab = await TwoFabrics.create();
    const daemon = await lab.daemon({ tables: [table] });
    const { pid } = daemon;
    process.kill(pid, 'SIGSTOP');
    const theirs = prefixes.map(
      (prefix) => `${prefix} via 10.9.1.9 table 100 metric 20 proto static`,
    );
    await lab.node.ipBatch(theirs.map((route) => `route add ${route}`));
    await lab.feed(prefixes.map((prefix) => ({ prefix, nextHop: ROUTER1 })));
    process.kill(pid, 'SIGCONT');
    await until(async () => (await daemon.routes({ reason: 'foreign-route' })).length === 1000, {
      what: 'each is told of',
    });
    assert.equal(await installed(lab), 0);
    assert.equal((await daemon.status()).tables[0]?.foreignRoutes, 1000);
    await lab.node.ipBatch(theirs.map((route) => `route del ${route}`));
    await until(async () => (await installed(lab)) === 1000, { what: 'all are in' });
    assert.equal(daemon.pid, pid);
  });
});
