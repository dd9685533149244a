/**
 * A start takes over what is in the kernel, whatever configuration wrote it and
 * however the daemon before it ended: nothing is orphaned, and no destination is
 * without its route at any moment in between.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { rib2fib } from '../support/daemon.js';
import { kernelDump, ownLines } from '../support/kernel-dump.js';
import { KernelMonitor } from '../support/kernel-view.js';
import { seededRandom } from '../support/random.js';
import { RouteHistory } from '../support/route-history.js';
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
import { until } from '../support/wait.js';

const ROUTES: readonly FileRoute[] = Array.from({ length: 40 }, (_, i) => [
  { prefix: `10.${i + 20}.0.0/16`, nextHop: i % 3 === 0 ? [ROUTER1, ROUTER2] : ROUTER1 },
  { prefix: `2001:db8:${i + 10}00::/40`, nextHop: i % 3 === 0 ? ROUTER2_V6 : ROUTER1_V6 },
]).flat();

const BASE = {
  ...{ id: 100, metric: 20, filters: [{ permit: {} }], nextHop: { objects: 'never' } },
  rules: { priority: 10_000, from: [POOL, POOL_V6] },
};
const OBJECTS = { nextHop: { objects: 'always' } };

/** Each in the terms in which it differs from the first. */
const CONFIGS: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>> = {
  base: [BASE],
  metric: [{ ...BASE, metric: 30 }],
  objects: [{ ...BASE, ...OBJECTS }],
  'table, objects': [{ ...BASE, ...OBJECTS, id: 200 }],
  'rule priority': [{ ...BASE, rules: { ...BASE.rules, priority: 11_000 } }],
  'table, metric, rule priority': [
    { ...BASE, id: 300, metric: 7, rules: { ...BASE.rules, priority: 900 } },
  ],
  'two tables': [
    BASE,
    { ...BASE, ...OBJECTS, id: 200, rules: { ...BASE.rules, priority: 10_001 } },
  ],
};

/** Every kind of step, each from one that shares little with it. */
const ORDER = [
  ...['base', 'metric', 'objects', 'table, objects', 'rule priority', 'two tables'],
  ...['table, metric, rule priority', 'objects', 'base', 'table, objects', 'metric'],
  ...['two tables', 'objects', 'rule priority', 'table, metric, rule priority', 'base'],
];

/** What some rib2fib of long ago might have left: in no table, at no priority, under no id of today's. */
const RELICS = [
  `route add 10.250.0.0/16 via ${ROUTER1} table 777 proto 178 metric 5`,
  'route add throw 10.9.0.0/24 table 777 proto 178 metric 5',
  'rule add from 192.0.2.0/24 lookup 777 pref 9000 protocol 178',
  `rule add from ${POOL} fwmark 0x7 lookup 100 pref 10000 protocol 178`,
  `nexthop add id 900 via ${ROUTER1} dev eth1 proto 178`,
  'nexthop add id 901 group 900 proto 178',
  `route add 10.251.0.0/16 nhid 901 table 100 proto 178 metric 20`,
];

/** Ids of nexthop objects are whichever were free, or there already. */
async function ours(lab: TwoFabrics): Promise<string> {
  const lines = ownLines(await kernelDump(lab.node));
  return lines
    .map((line) => line.replaceAll(/\b(90[01]|1073\d{6})\b/g, 'ID'))
    .sort()
    .join('\n');
}

describe('a start with another configuration', () => {
  it('leaves what a first start with it would, and no window on the way', async (t) => {
    await using lab = await TwoFabrics.create();
    await lab.feed(ROUTES);
    const config = (name: string) => ({ source: lab.source, tables: CONFIGS[name] });
    const daemon = await lab.daemon(config('base'));
    const fresh = new Map<string, string>();
    for (const name of Object.keys(CONFIGS)) {
      await daemon.stop();
      assert.equal((await rib2fib(lab.node, ['cleanup'])).code, 0);
      await daemon.configure(config(name));
      await daemon.launch();
      fresh.set(name, await ours(lab));
    }
    await daemon.stop();
    await rib2fib(lab.node, ['cleanup']);
    await daemon.configure(config('base'));
    await daemon.launch();
    const prefixes = ROUTES.map(({ prefix }) => prefix);
    let deletions = 0;
    for (const [step, name] of ORDER.entries()) {
      await using monitor = await KernelMonitor.start(lab.node);
      const history = await RouteHistory.begin(lab.node, prefixes);
      assert.equal(history.covered, ROUTES.length, `before ${name}`);
      await daemon.stop(step % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      if (step % 4 === 0) await lab.node.ipBatch(RELICS);
      await daemon.configure(config(name));
      await daemon.launch();
      await until(
        async () => {
          assert.deepEqual((await ours(lab)).split('\n'), fresh.get(name)?.split('\n'));
          return true;
        },
        { what: `step ${step}: the kernel holds what ${name} asks for, and nothing else` },
      );
      history.replay(await monitor.own());
      assert.deepEqual(history.gaps, [], `step ${step}, ${name}`);
      assert.deepEqual(history.deletedInVain, [], `step ${step}, ${name}`);
      deletions += history.deletions;
    }
    t.diagnostic(`${ORDER.length} starts, ${deletions} deletions, all owed`);
    assert.ok(deletions > 0);
  });
});

const MANY = 6_000;
const LIVES = 8;

describe(`kill -9 at random moments, with ${MANY} routes`, () => {
  it('of the first load, into two tables: costs nothing that was written: no deletion, no orphan, nothing written twice', async (t) => {
    await using lab = await TwoFabrics.create();
    await lab.feed(FEED);
    const daemon = await lab.daemon({ tables: CONFIGS['two tables'] });
    const whole = await ours(lab);
    const random = seededRandom(t);
    const kills: number[] = [];
    while (kills.length < LIVES) {
      await daemon.stop();
      assert.equal((await rib2fib(lab.node, ['cleanup'])).code, 0);
      await using monitor = await KernelMonitor.start(lab.node);
      // Killed again and again before all the routes are there.
      while (monitor.seen < 2 * MANY) {
        const moment = monitor.seen + random.below(2 * MANY - monitor.seen);
        await daemon.launch({ until: 'nothing' });
        await until(() => monitor.seen >= moment, { what: 'the moment', everyMs: 1 });
        await daemon.stop('SIGKILL');
        kills.push(ownLines(await kernelDump(lab.node)).length);
      }
      await daemon.launch();
      await until(async () => (await ours(lab)) === whole, { what: 'all is there, and no more' });
      const notices = await monitor.own();
      const routes = notices.filter((line) => line.startsWith('[ROUTE]'));
      // But for a nexthop object that no route stood on yet.
      assert.deepEqual(
        notices.filter((line) => line.includes(']Deleted') && !line.startsWith('[NEXTHOP]')),
        [],
      );
      assert.equal(new Set(routes).size, routes.length, 'a route was written twice');
      assert.equal((await daemon.status()).kernel.failingTotal, 0);
    }
    const all = whole.split('\n').length;
    t.diagnostic(`objects in the kernel at each kill: ${kills.join(' ')} of ${all}`);
  });

  it('of a change to another configuration: no destination is without its route at any moment', async (t) => {
    await using lab = await TwoFabrics.create();
    await lab.feed(FEED);
    const config = (name: string) => ({ source: lab.source, tables: CONFIGS[name] });
    const daemon = await lab.daemon(config('base'));
    const whole = await ours(lab);
    await daemon.stop();
    await using monitor = await KernelMonitor.start(lab.node);
    const history = await RouteHistory.begin(
      lab.node,
      FEED.map(({ prefix }) => prefix),
    );
    const start = performance.now();
    await daemon.launch();
    const load = performance.now() - start;
    const random = seededRandom(t);
    const names = Object.keys(CONFIGS);
    for (let life = 1; life <= LIVES; life++) {
      await daemon.stop('SIGKILL');
      await daemon.configure(config(names[life % names.length] ?? 'base'));
      await daemon.launch({ until: 'nothing' });
      // Before the first write, among the additions, or among the deletions.
      await delay(load / 2 + random.below(load));
    }
    await daemon.stop('SIGKILL');
    await daemon.configure(config('base'));
    await daemon.launch();
    await until(async () => (await ours(lab)) === whole, { what: 'as at first, and no more' });
    history.replay(await monitor.own());
    assert.equal(history.covered, MANY);
    assert.deepEqual(history.gaps.slice(0, 10), []);
    t.diagnostic(`${history.deletions} deletions, all owed`);
  });
});

const FEED: readonly FileRoute[] = Array.from({ length: MANY }, (_, i) => ({
  prefix: `11.${i >> 8}.${i & 255}.0/24`,
  nextHop: i % 5 === 0 ? [ROUTER1, ROUTER2] : i % 2 === 0 ? ROUTER1 : ROUTER2,
}));
