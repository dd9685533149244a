/** A group that nothing wants any more goes with all its routes, in one message, and never with one that is to stay. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { Engine } from '../../../src/desired/engine.js';
import { NEXTHOP_ID_BASE, OWN_PROTOCOL } from '../../../src/kernel/kernel.js';
import type { DiffOptions } from '../../../src/reconcile/diff.js';
import { NexthopGroups } from '../../../src/reconcile/groups.js';
import { Leaving } from '../../../src/reconcile/leaving.js';
import { Mirror } from '../../../src/reconcile/mirror.js';
import { wholeGroups } from '../../../src/reconcile/whole-groups.js';
import type { SourceEvent } from '../../../src/source/source.js';
import { config, nextHop, prefix, rulesFrom, SYNCED, table, updates } from '../desired/build.js';
import { rule } from '../policy/build.js';
import { settled } from './fake-clock.js';
import { FakeNode } from './node.js';

const OBJECTS = nextHop({ objects: 'always' });
/** As many routes are a lot, and the least that go with their group. */
const LOT = 3;

/** What one turn of the source brings, while what goes waits for its turn. */
type Turn = (node: FakeNode) => void | Promise<void>;

/** Six routes on group #1 over 10.9.0.2, four on group #3 over 10.9.1.2. */
const GOING = ['20', '21', '22', '23', '24', '25'].map((net) => `${net}.0.0.0/16`);
const STAYING = ['30', '31', '32', '33'].map((net) => `${net}.0.0.0/16`);

const FEED = [
  ...GOING.map((one) => `${one} via 10.9.0.2`),
  ...STAYING.map((one) => `${one} via 10.9.1.2`),
];

async function loaded(
  given: Config = config(table({ nextHop: OBJECTS })),
  ...more: string[]
): Promise<FakeNode & { readonly turns: Turn[] }> {
  const turns: Turn[] = [];
  const turn = async () => await turns.shift()?.(node);
  const node = new FakeNode(given, undefined, undefined, [], { lot: LOT, turn });
  await node.start();
  await node.feed(...FEED, ...more);
  node.kernel.takeLog();
  return Object.assign(node, { turns });
}

/** The group that a prefix of the feed stands on. */
function groupOf(node: FakeNode, prefix: string | undefined, id = 100): string {
  const line = node.kernel.table(id).find((one) => one.startsWith(`${prefix} `));
  return /nhid (#\d+)/.exec(line ?? '')?.[1] ?? assert.fail(`${prefix} stands on no group`);
}

function deletions(log: readonly string[]): string[] {
  return log.filter((line) => line.startsWith('route del') && !line.includes('throw'));
}

test('the routes of one next hop go in one message; those of others stay', async () => {
  const node = await loaded();
  const group = groupOf(node, GOING[0]);
  await node.hears(...GOING);
  const log = node.kernel.takeLog();
  assert.equal(log[0], `nexthop del id ${group}`);
  assert.deepEqual(deletions(log), []);
  assert.equal(node.routes().length, STAYING.length);
  const { mirror, retries } = node.reconciler;
  assert.equal(mirror.count(100, 'ipv4'), node.kernel.table(100).length);
  assert.equal(retries.size, 0);
  assert.equal(node.reconciler.settled, true);
  assert.equal(node.reconciler.pending, 0);
  assert.deepEqual(node.drift, {});
  // The group, and its single; routes that went along are counted as one.
  assert.equal(node.done['nexthop-delete'], 2);
  await node.stop();
});

test('what keeps traffic in main goes after the group', async () => {
  const node = await loaded();
  await node.hears(...GOING);
  const log = node.kernel.takeLog();
  const gone = log.findIndex((line) => line.startsWith('route del throw 10.9.0.0/24'));
  assert.ok(gone > 0, log.join('\n'));
  await node.stop();
});

test('a default route goes before the group', async () => {
  const node = await loaded(undefined, '0.0.0.0/0 via 10.9.1.2');
  await node.hears('0.0.0.0/0', ...GOING);
  const [first, second] = node.kernel.takeLog();
  assert.match(first ?? '', /^route del default /);
  assert.match(second ?? '', /^nexthop del id /);
  await node.stop();
});

test('less than a lot on one group goes route by route', async () => {
  const node = await loaded(undefined, '40.0.0.0/16 via 10.9.0.3', '41.0.0.0/16 via 10.9.0.3');
  await node.hears('40.0.0.0/16', '41.0.0.0/16', ...GOING.slice(0, 2));
  assert.equal(deletions(node.kernel.takeLog()).length, 4);
  await node.stop();
});

test('a small part of all there is goes route by route, since the kernel looks at all for one group', async () => {
  for (const [others, whole] of [
    [26, true],
    [27, false],
  ] as const) {
    const many = Array.from({ length: others }, (_, i) => `50.${i}.0.0/16 via 10.9.1.2`);
    const more = ['40', '41', '42'].map((net) => `${net}.0.0.0/16`);
    const node = await loaded(undefined, ...many, ...more.map((one) => `${one} via 10.9.0.3`));
    const own = node.reconciler.mirror.count(100, 'ipv4');
    const all = own + node.engine.underlay.snapshot.routes.length;
    assert.equal(all <= 3 * 16, whole, `${all} routes`);
    await node.hears(...more);
    assert.equal(deletions(node.kernel.takeLog()).length, whole ? 0 : more.length);
    await node.stop();
  }
});

test('two groups that go are two messages, the larger first', async () => {
  const node = await loaded();
  const groups = [groupOf(node, GOING[0]), groupOf(node, STAYING[0])];
  await node.hears(...STAYING, ...GOING);
  const log = node.kernel.takeLog();
  assert.deepEqual(
    log.slice(0, 2),
    groups.map((id) => `nexthop del id ${id}`),
  );
  assert.deepEqual(deletions(log), []);
  assert.deepEqual(node.routes(), []);
  assert.deepEqual(node.kernel.nexthopTexts(), []);
  await node.stop();
});

test('one that is announced again meanwhile stays, and so does its group', async () => {
  const node = await loaded();
  const [again] = GOING;
  node.turns.push(({ engine, clock }) =>
    engine.apply([updates(`${again} via 10.9.0.2`)], clock.monotonic()),
  );
  const group = groupOf(node, again);
  await node.hears(...GOING);
  assert.equal(deletions(node.kernel.takeLog()).length, GOING.length - 1);
  assert.equal(groupOf(node, again), group);
  await node.stop();
});

test('one that is to move, and is refused, stays where it is, and the others go', async () => {
  const node = await loaded();
  const [moved] = GOING;
  node.kernel.refuse(`replace ${moved}`, 'ENOMEM', 1);
  node.turns.push(({ engine, clock }) =>
    engine.apply([updates(`${moved} via 10.9.1.2`)], clock.monotonic()),
  );
  const group = groupOf(node, moved);
  await node.hears(...GOING);
  assert.equal(deletions(node.kernel.takeLog()).length, GOING.length - 1);
  assert.equal(groupOf(node, moved), group);
  await node.pass(1_000);
  assert.notEqual(groupOf(node, moved), group);
  await node.stop();
});

test('what is refused for one of them is forgotten with it', async () => {
  const node = await loaded();
  const [moved = '', ...rest] = GOING;
  node.kernel.refuse(`replace ${moved}`, 'ENOMEM', 1);
  await node.hears(`${moved} via 10.9.1.2`);
  assert.equal(node.reconciler.retries.size, 1);
  await node.hears(moved, ...rest);
  assert.equal(node.reconciler.retries.size, 0);
  assert.equal(node.routes().length, STAYING.length);
  await node.stop();
});

test('a deletion that waits for its retry keeps the group, and goes in its time', async () => {
  const node = await loaded();
  const [stuck = '', ...rest] = GOING;
  node.kernel.refuse(`del ${stuck}`, 'EBUSY', 1);
  await node.hears(stuck);
  node.kernel.takeLog();
  await node.hears(...rest);
  assert.deepEqual(deletions(node.kernel.takeLog()).length, rest.length);
  assert.equal(node.routes().length, STAYING.length + 1);
  await node.pass(1_000);
  assert.equal(node.routes().length, STAYING.length);
  await node.stop();
});

test('a group that the kernel does not let go: its routes go one by one, in the same pass', async () => {
  const node = await loaded();
  const group = groupOf(node, GOING[0]);
  node.kernel.refuse(`nexthop del id ${group}`, 'EBUSY', 1);
  await node.hears(...GOING);
  const log = node.kernel.takeLog();
  assert.equal(log[0], `nexthop del id ${group} ! EBUSY`);
  assert.equal(deletions(log).length, GOING.length);
  assert.equal(node.routes().length, STAYING.length);
  await node.pass(2_000);
  assert.equal(node.kernel.nexthopTexts().length, 2);
  await node.stop();
});

test('an answer that is lost: all is read again, and what is there goes', async () => {
  const node = await loaded();
  node.kernel.loseAnswersFrom(0);
  const { audits } = node.kernel;
  await node.hears(...GOING);
  assert.equal(node.kernel.audits, audits + 1);
  assert.equal(node.routes().length, STAYING.length);
  assert.equal(node.reconciler.mirror.count(100, 'ipv4'), node.kernel.table(100).length);
  assert.deepEqual(node.drift, {});
  await node.stop();
});

test('a route of somebody else on the group: ours go one by one before', async () => {
  const node = await loaded();
  const group = groupOf(node, GOING[0]);
  await node.outside(`route add 60.0.0.0/16 nhid ${group} table 100 proto 4 metric 5`);
  node.kernel.takeLog();
  await node.hears(...GOING);
  const log = node.kernel.takeLog();
  assert.equal(deletions(log).length, GOING.length);
  assert.ok(log.findIndex((line) => line.startsWith('nexthop del')) >= GOING.length);
  await node.stop();
});

test('a route in our name that somebody put on the group goes too; in another table it goes with it', async () => {
  const node = await loaded();
  const group = groupOf(node, GOING[0]);
  node.kernel.outside(`route add 60.0.0.0/16 nhid ${group} table 400 proto 178 metric 5`, {
    silent: true,
  });
  node.reconciler.audit();
  await node.rest();
  assert.deepEqual(node.kernel.table(400), []);
  await node.stop();
});

test('one that is to move to a group which the kernel refuses stays where it is', async () => {
  const node = await loaded();
  const [moved] = GOING;
  // What leads there is refused already: no route is tried before its next hop.
  node.kernel.refuse('nexthop add', 'ENOMEM', 1);
  await node.hears('62.0.0.0/16 via 10.9.0.3');
  node.kernel.takeLog();
  node.turns.push(({ engine, clock }) =>
    engine.apply([updates(`${moved} via 10.9.0.3`)], clock.monotonic()),
  );
  const group = groupOf(node, moved);
  await node.hears(...GOING);
  assert.equal(deletions(node.kernel.takeLog()).length, GOING.length - 1);
  assert.equal(groupOf(node, moved), group);
  await node.pass(1_000);
  assert.notEqual(groupOf(node, moved), group);
  await node.stop();
});

test('a group that a prefix kept in main still refers to stays, and its routes go one by one', async () => {
  const keepInMain = [prefix('70.0.0.0/16')];
  const node = await loaded(
    config(table({ nextHop: OBJECTS, keepInMain })),
    '70.0.0.0/16 via 10.9.0.2',
  );
  await node.hears(...GOING);
  const log = node.kernel.takeLog();
  assert.equal(deletions(log).length, GOING.length);
  assert.ok(!log.some((line) => line.startsWith('nexthop del')));
  await node.stop();
});

test('what somebody fights over in our name, on that group, waits, and keeps the group', async () => {
  const node = await loaded();
  const stray = `60.0.0.0/16 nhid ${groupOf(node, GOING[0])} table 100 proto 178 metric 20`;
  for (let i = 0; i < 3; i++) await node.outside(`route add ${stray}`);
  node.kernel.takeLog();
  node.turns.push(
    ({ engine, clock }) => engine.apply([updates(...GOING)], clock.monotonic()),
    async ({ kernel, engine, clock }) => {
      kernel.outside(`route del ${stray}`);
      kernel.outside(`route add ${stray}`);
      engine.apply([updates('61.0.0.0/16 via 10.9.1.2')], clock.monotonic());
      await settled();
    },
  );
  node.kernel.outside(`route add ${stray}`);
  for (let i = 0; i < 20; i++) await settled();
  await node.rest();
  assert.equal(deletions(node.kernel.takeLog()).length, GOING.length);
  assert.ok(node.routes().some((line) => line.startsWith('60.0.0.0/16')));
  await node.pass(1_000);
  assert.ok(!node.routes().some((line) => line.startsWith('60.0.0.0/16')));
  await node.stop();
});

test('a group that may not go is looked at once, not with every lot', async () => {
  const more = Array.from({ length: 30 }, (_, i) => `71.${i}.0.0/16`);
  const keepInMain = [prefix('70.0.0.0/16')];
  for (const [given, most] of [
    [table({ nextHop: OBJECTS, keepInMain }), 0],
    [table({ nextHop: OBJECTS }), 1],
  ] as const) {
    const feed = more.map((one) => `${one} via 10.9.0.2`);
    const node = await loaded(config(given), ...feed, '70.0.0.0/16 via 10.9.0.2');
    if (most === 1) await node.hears('70.0.0.0/16');
    const group = groupOf(node, GOING[0]);
    await node.outside(`route add 60.0.0.0/16 nhid ${group} table 100 proto 4 metric 5`);
    const { mirror } = node.reconciler;
    const { foreignRoutes } = mirror;
    let looks = 0;
    mirror.foreignRoutes = (id) => {
      looks++;
      return foreignRoutes.call(mirror, id);
    };
    node.kernel.takeLog();
    await node.hears(...GOING, ...more);
    assert.equal(deletions(node.kernel.takeLog()).length, GOING.length + more.length);
    assert.equal(looks, most);
    await node.stop();
  }
});

test('what went with its group is not looked up again', async () => {
  const node = await loaded();
  const { mirror } = node.reconciler;
  const { own } = mirror;
  const looks: string[] = [];
  mirror.own = (id, one) => {
    looks.push(one.text);
    return own.call(mirror, id, one);
  };
  await node.hears(...GOING);
  assert.deepEqual(
    looks.filter((one) => GOING.includes(one)),
    [],
  );
  await node.stop();
});

test('foreign: fail: a table that somebody writes into while they wait is left alone', async () => {
  const node = await loaded(config(table({ nextHop: OBJECTS, foreign: 'fail' })));
  node.turns.push(({ kernel, engine, clock }) => {
    kernel.outside('route add blackhole 60.0.0.0/16 table 100 proto 4 metric 5');
    engine.apply([updates('61.0.0.0/16 via 10.9.1.2')], clock.monotonic());
  });
  await node.hears(...GOING);
  assert.equal(node.routes().filter((line) => line.includes('nhid')).length, FEED.length);
  await node.outside('route del blackhole 60.0.0.0/16 table 100 proto 4 metric 5');
  assert.equal(node.routes().length, STAYING.length + 1);
  await node.stop();
});

const RULES = rulesFrom('203.0.113.0/24');

test('a table that the configuration does not name any more goes by its groups, after its rules', async () => {
  const old = table({ id: 200, name: 'old', nextHop: OBJECTS, rules: RULES });
  const node = await loaded(config(old));
  await node.reload(config(table({ nextHop: OBJECTS })));
  const log = node.kernel.takeLog();
  const own = log.filter((line) => !line.includes(' table 100 '));
  const order = own.map((line) => line.split(' ').slice(0, 2).join(' '));
  assert.deepEqual(deletions(own), []);
  const rules = order.indexOf('rule del');
  assert.ok(rules >= 0 && rules < order.indexOf('nexthop del'), log.join('\n'));
  assert.deepEqual(node.kernel.table(200), []);
  await node.stop();
});

test('a rule that leads to such a table again keeps its groups', async () => {
  const old = table({ id: 200, name: 'old', nextHop: OBJECTS, rules: RULES });
  const node = await loaded(config(old));
  node.turns.push(({ kernel, engine, clock }) => {
    kernel.refuse('rule del', 'EBUSY', 1);
    kernel.outside('rule add from 203.0.113.0/24 lookup 200 pref 10000 proto 178');
    engine.apply([updates('61.0.0.0/16 via 10.9.1.2')], clock.monotonic());
  });
  await node.reload(config(table({ nextHop: OBJECTS })));
  assert.equal(node.routes(200).length, FEED.length);
  await node.pass(1_000);
  assert.deepEqual(node.kernel.table(200), []);
  await node.stop();
});

test('a reload that wants them again while they wait leaves them as they are', async () => {
  const denied = [rule('deny', 'd', { prefix: '20.0.0.0/6' }), rule('permit', 'p')];
  const node = await loaded();
  node.turns.push(({ engine }) => engine.reconfigure(config(table({ nextHop: OBJECTS }))));
  await node.reload(config(table({ nextHop: OBJECTS, filters: denied })));
  assert.equal(node.routes().length, FEED.length);
  assert.deepEqual(deletions(node.kernel.takeLog()), []);
  await node.stop();
});

test('told to stop while it is under way: nothing more goes', async () => {
  const node = await loaded();
  let stopped: Promise<void> | undefined;
  node.kernel.meanwhile(() => {
    stopped = node.stop();
  });
  node.engine.apply([updates(...GOING)], node.clock.monotonic());
  node.reconciler.wake();
  while (stopped === undefined) await new Promise((resolve) => setImmediate(resolve));
  await stopped;
  assert.equal(node.kernel.table(100).filter((line) => line.startsWith('throw')).length, 2);
});

test('a table on its way below the mark for inline next hops gives its groups up once, for what stays', async () => {
  const node = await loaded(config(table({ nextHop: nextHop({ objects: 'auto' }) })));
  const many = Array.from({ length: 10_100 }, (_, i) => `80.${i >> 8}.${i & 255}.0/24`);
  await node.hears(...many.map((one) => `${one} via 10.9.0.2`), ...FEED);
  const { engine, clock, reconciler, kernel } = node;
  assert.equal(node.routes().filter((line) => line.includes('nhid')).length, 10_110);
  kernel.takeLog();
  // Two lots of one backlog: after the first the table is small enough, and after the second it is what it will be.
  const gone = [...many, ...GOING];
  const first = { ...updates(...gone.slice(0, 9_000)), more: true } as SourceEvent;
  engine.apply([first], clock.monotonic());
  reconciler.wake();
  await node.rest();
  assert.ok(!kernel.takeLog().some((line) => line.startsWith('route replace')));
  const [only] = engine.tables.values();
  assert.ok(only !== undefined);
  const { prefixes } = only;
  let looked = 0;
  // All that the table may hold is walked only where all of it is to be looked at.
  only.prefixes = () => {
    looked++;
    return prefixes.call(only);
  };
  await node.hears(...gone.slice(9_000));
  const log = kernel.takeLog();
  assert.equal(looked, 0);
  assert.equal(log.filter((line) => line.startsWith('route replace')).length, STAYING.length);
  assert.equal(node.routes().length, STAYING.length);
  assert.deepEqual(kernel.nexthopTexts(), []);
  await node.stop();
});

test('a single that is of no use goes, though nothing else is to do', async () => {
  const node = new FakeNode(config(table({ nextHop: OBJECTS })));
  await node.start();
  await node.hears('20.0.0.0/16 via 10.9.0.2');
  const group = groupOf(node, '20.0.0.0/16');
  // Before the first full feed nothing of the table before is swept, and no table uses objects any more.
  await node.reload(config(table({ id: 200, nextHop: nextHop({ objects: 'never' }) })));
  assert.equal(groupOf(node, '20.0.0.0/16'), group);
  await node.outside(`nexthop del id ${group}`);
  assert.deepEqual(node.kernel.nexthopTexts(), []);
  await node.stop();
});

test('foreign: evict: what others put beside a route that is withdrawn goes with it', async () => {
  const node = await loaded(config(table({ nextHop: OBJECTS, foreign: 'evict' })));
  const [gone = ''] = GOING;
  // The notice is what wakes the loop: both are there by then.
  node.kernel.outside(`route add blackhole ${gone} table 100 proto 4 metric 5`);
  node.engine.apply([updates(gone)], node.clock.monotonic());
  await node.rest();
  assert.ok(!node.routes().some((line) => line.includes(gone)));
  await node.stop();
});

interface Built {
  readonly engine: Engine;
  readonly mirror: Mirror;
  readonly leaving: Leaving;
  whole(): readonly number[];
}

/** `prefixes` stand on one group of ours in a table and are to leave, whatever an engine that has heard nothing says. */
function built(id: number, prefixes: readonly string[]): Built {
  const engine = new Engine({ config: config(table()), now: 0, latched: new Set() });
  const mirror = new Mirror();
  const leaving = new Leaving();
  const target = { type: 'nexthop', id: NEXTHOP_ID_BASE } as const;
  mirror.setNexthop({ type: 'group', id: NEXTHOP_ID_BASE, members: [], protocol: OWN_PROTOCOL });
  for (const one of prefixes.map(prefix)) {
    mirror.set(id, { prefix: one, metric: 20, target });
    leaving.add(id, one, NEXTHOP_ID_BASE);
  }
  const options: DiffOptions = {
    ...{ engine, mirror, leaving, groups: new NexthopGroups() },
    ...{ mayTry: () => true, anyWaits: () => false, wasRefused: () => false },
    objectsSupported: () => true,
  };
  return { engine, mirror, leaving, whole: () => wholeGroups(options, LOT) };
}

for (const id of [100, 900]) {
  test(`table ${id}: none goes before the first full feed has ended`, () => {
    const { engine, leaving, whole } = built(id, GOING);
    assert.deepEqual(whole(), []);
    leaving.take(1_000);
    engine.apply(SYNCED, 0);
    for (const one of GOING) leaving.add(id, prefix(one), NEXTHOP_ID_BASE);
    assert.deepEqual(whole(), [NEXTHOP_ID_BASE]);
  });
}

test('none goes with an IPv6 route, nor one of IPv6 alone', () => {
  const ipv6 = ['2001:db8:1::/48', '2001:db8:2::/48', '2001:db8:3::/48'];
  for (const [prefixes, whole] of [
    [GOING, true],
    [ipv6, false],
    [[...GOING, ...ipv6], false],
  ] as const) {
    const made = built(100, prefixes);
    made.engine.apply(SYNCED, 0);
    assert.equal(made.whole().length, whole ? 1 : 0, prefixes.join());
  }
});

test('none goes that has a route which was not said to leave', () => {
  const { engine, mirror, whole } = built(100, GOING);
  engine.apply(SYNCED, 0);
  const target = { type: 'nexthop', id: NEXTHOP_ID_BASE } as const;
  mirror.set(400, { prefix: prefix('60.0.0.0/16'), metric: 20, target });
  assert.deepEqual(whole(), []);
});
