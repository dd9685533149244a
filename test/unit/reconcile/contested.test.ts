/** Stories of a program that does not let ours stand: put right at longer and longer intervals, and told of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config, nextHop, rulesFrom, table } from '../desired/build.js';
import { type FakeNode, runningNode } from './node.js';

const ROUTE = '10.0.0.0/8 via 10.9.0.2';
const OURS = '10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 metric 20';
const OTHER = '11.0.0.0/8 via 10.9.0.2';
const BEGUN = /^warn: others undo what is ours again and again/;
const ENDED = /^info: what others undid again and again is left in peace/;

/** The loop rests when they are told; a pause lets the log tell. */
async function fiveTimes(node: FakeNode, ...texts: string[]): Promise<void> {
  for (let i = 0; i < 5; i++) await node.outside(...texts);
}

function told(node: FakeNode, what: RegExp): Record<string, unknown>[] {
  return node.lines
    .filter((line) => what.test(line))
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))) as Record<string, unknown>);
}

test('a route deleted again and again: longer and longer away, the others at once, told once', async () => {
  const node = await runningNode(config(table()), ROUTE, OTHER);
  await fiveTimes(node, `route del ${OURS}`);
  node.did(...Array<string>(4).fill(`route add ${OURS}`));
  assert.equal(node.drift.route, 5);
  // Nothing else waits, and nothing is written before its time.
  await node.outside('route del 11.0.0.0/8 table 100 metric 20');
  node.did(`route add ${OURS.replace('10.0', '11.0')}`);
  for (const wait of [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]) {
    await node.pass(wait - 1);
    node.did();
    await node.pass(1);
    node.did(`route add ${OURS}`);
    await node.outside(`route del ${OURS}`);
  }
  assert.deepEqual(told(node, BEGUN), [
    {
      contested: 1,
      example: '10.0.0.0/8 table 100 metric 20',
      ...{ rounds: 7, protocol: 'unknown', port: 4711 },
    },
  ]);
  assert.equal(node.drift.route, 6 + 11);
  await node.pass(30_000);
  await node.pass(30_000 + 500);
  assert.equal(told(node, ENDED).length, 1);
  assert.equal(node.reconciler.contests.size, 0);
  node.kernel.takeLog();
  await node.outside(`route del ${OURS}`);
  node.did(`route add ${OURS}`);
  await node.stop();
});

test('while ours stands, a contested route follows its next hop at once, and is withdrawn at once', async () => {
  const node = await runningNode(config(table()), ROUTE);
  await fiveTimes(node, `route del ${OURS}`);
  await node.hears('10.0.0.0/8 via 10.9.0.3');
  node.kernel.takeLog();
  await node.pass(1_000);
  node.did('route add 10.0.0.0/8 via 10.9.0.3 dev eth1 table 100 metric 20');
  await node.hears(ROUTE);
  node.did(`route replace ${OURS}`);
  await node.hears('10.0.0.0/8');
  node.did(`route del ${OURS}`, 'route del throw 10.9.0.0/24 table 100 metric 20');
  await node.stop();
});

test('preserve: a route that replaces ours and goes, again and again', async () => {
  const node = await runningNode(config(table()), ROUTE);
  const theirs = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 11 metric 20';
  await fiveTimes(node, `route replace ${theirs}`, `route del ${theirs}`);
  assert.equal(node.drift.route, 5);
  assert.deepEqual(node.routes(), []);
  await node.pass(1_000);
  assert.deepEqual(node.routes(), [OURS]);
  const [begun] = told(node, BEGUN);
  assert.equal(begun?.['protocol'], 11);
  await node.stop();
});

for (const [what, theirs] of [
  ['in our place', '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20'],
  ['of another metric', '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 5'],
  ['of another prefix', '12.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 20'],
] as const) {
  test(`evict: an evicted route ${what} that comes back again and again stays for longer and longer`, async () => {
    const node = await runningNode(config(table({ foreign: 'evict' })), ROUTE);
    const replaces = what === 'in our place';
    const verb = replaces ? 'replace' : 'add';
    await fiveTimes(node, `route ${verb} ${theirs}`);
    assert.ok(node.routes().includes(theirs));
    assert.equal(node.drift.route ?? 0, replaces ? 5 : 0);
    node.kernel.takeLog();
    await node.pass(99);
    node.did();
    await node.pass(1);
    node.did(`route del ${theirs}`, ...(replaces ? [`route add ${OURS}`] : []));
    await node.outside(`route ${verb} ${theirs}`);
    await node.pass(199);
    node.did();
    await node.pass(1);
    assert.deepEqual(node.routes(), [OURS]);
    await node.pass(500);
    const [begun] = told(node, BEGUN);
    assert.equal(begun?.['protocol'], 4);
    await node.stop();
  });
}

for (const id of [100, 77]) {
  test(`a route that comes into table ${id} in our name again and again`, async () => {
    const node = await runningNode(config(table()), ROUTE);
    const alien = `12.0.0.0/8 via 10.9.0.9 dev eth1 table ${id} proto 178 metric 20`;
    await fiveTimes(node, `route add ${alien}`);
    const deletion = `route del ${alien.replace(' proto 178', '')}`;
    node.did(...Array<string>(4).fill(deletion));
    const { audits } = node.kernel;
    // What stands already is no news.
    for (let i = 0; i < 9; i++) await node.outside(`route replace ${alien}`);
    assert.equal(node.kernel.audits, audits);
    node.did();
    await node.pass(1_000);
    node.did(deletion);
    await node.stop();
  });
}

test('what others do to their own routes is no contest, and costs no reading of the table', async () => {
  for (const foreign of ['preserve', 'evict'] as const) {
    const node = await runningNode(config(table({ foreign })), ROUTE);
    const theirs = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100 proto 4 metric 5';
    node.kernel.refuse('proto', 'EPERM');
    await node.outside(`route add ${theirs}`);
    const { audits } = node.kernel;
    for (let i = 0; i < 20; i++) {
      await node.outside(`route replace ${theirs.replace('proto 4', `proto ${11 + (i % 2)}`)}`);
    }
    assert.equal(node.kernel.audits, audits);
    assert.equal([...node.reconciler.mirror.foreignRoutes(100)].length, 1);
    assert.equal(node.reconciler.contests.size, 0);
    await node.stop();
  }
});

test('a rule', async () => {
  const node = await runningNode(config(table({ rules: rulesFrom('203.0.113.0/24') })), ROUTE);
  await fiveTimes(node, 'rule del from 203.0.113.0/24 lookup 100 pref 10000 proto 178');
  assert.deepEqual(node.kernel.ruleTexts(), []);
  await node.pass(1_000);
  assert.deepEqual(node.kernel.ruleTexts(), ['from 203.0.113.0/24 lookup 100 pref 10000']);
  assert.equal(node.drift.rule, 5);
  const [begun] = told(node, BEGUN);
  assert.equal(begun?.['example'], 'rule from 203.0.113.0/24 lookup 100 pref 10000 proto 178');
  await node.stop();
});

for (const [what, id] of [
  ['group', '#0'],
  ['single one', '#1'],
] as const) {
  test(`a nexthop object, a ${what}: its routes wait with it, and none is asked of the kernel in vain`, async () => {
    const node = await runningNode(
      config(table({ nextHop: nextHop({ objects: 'always' }) })),
      ROUTE,
      OTHER,
      '12.0.0.0/8 via 10.9.1.2',
    );
    await fiveTimes(node, `nexthop del id ${id}`);
    assert.equal(node.routes().length, 1, node.routes().join('\n'));
    await node.pass(1_000);
    assert.equal(node.routes().length, 3, node.routes().join('\n'));
    assert.deepEqual(node.errors, {});
    assert.equal(told(node, BEGUN).length, 1);
    await node.stop();
  });
}

test('what the kernel does by itself is nobody’s doing', async () => {
  const node = await runningNode(config(table()), ROUTE);
  for (let i = 0; i < 9; i++) {
    node.kernel.outside(`route del ${OURS}`, { port: 0 });
    await node.rest();
    node.did(`route add ${OURS}`);
  }
  assert.deepEqual(node.drift, {});
  await node.pass(10_000);
  assert.deepEqual(node.lines, []);
  await node.stop();
});

test('many at once: one line of log for what changed, one for what is contested', async () => {
  const feed = Array.from({ length: 500 }, (_, i) => `20.${i >> 8}.${i & 255}.0/24 via 10.9.0.2`);
  const node = await runningNode(config(table({ rules: rulesFrom('203.0.113.0/24') })), ...feed);
  const lines = node.lines.length;
  for (let round = 0; round < 5; round++) {
    const standing = node.routes();
    assert.equal(standing.length, 500);
    // A notice a turn of the loop, as a busy kernel tells them.
    for (const line of standing.slice(0, 100)) node.kernel.outside(`route del ${line}`);
    await node.outside('rule del from 203.0.113.0/24 lookup 100 pref 10000 proto 178');
    await node.outside(...standing.slice(100, 130).map((line) => `route del ${line}`));
  }
  await node.pass(499);
  assert.equal(node.lines.length, lines);
  await node.pass(1);
  assert.equal(node.lines.length, lines + 2, node.lines.join('\n'));
  const [drift] = told(node, /^warn: others changed what is ours /);
  const [example] = feed[0]?.split(' ') ?? [];
  assert.deepEqual(drift, {
    ...{ route: 5 * 130, rule: 5, nexthop: 0 },
    example: `${example} table 100 metric 20`,
  });
  assert.equal(told(node, BEGUN)[0]?.['contested'], 131);
  await node.stop();
});

test('a contested route that is withdrawn while another stands in our name goes at once', async () => {
  const node = await runningNode(config(table()), ROUTE);
  const theirs = '10.0.0.0/8 via 10.9.0.77 dev eth1 table 100';
  await fiveTimes(node, `route replace ${theirs} proto 178 metric 20`);
  node.kernel.takeLog();
  await node.hears('10.0.0.0/8');
  assert.deepEqual(node.routes(), []);
  await node.stop();
});
