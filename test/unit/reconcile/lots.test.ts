/** A pass decides and writes in lots: what holds of the whole holds across them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PACE } from '../../../src/reconcile/pace.js';
import { config, nextHop, rulesFrom, table } from '../desired/build.js';
import { FakeNode } from './node.js';

const SMALL = { lot: 2 };

/** Prefixes enough for some lots of the given size, over two next hops. */
function feed(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `20.${i >> 8}.${i & 255}.0/24 via 10.9.${i % 2}.2`,
  );
}

async function running(
  given: Parameters<typeof table>[0],
  lot: number,
  count: number,
): Promise<FakeNode> {
  const node = new FakeNode(config(table(given)), undefined, undefined, [], { lot });
  await node.start();
  await node.feed(...feed(count));
  return node;
}

/** Where the operations that begin so stand in the log: the first and the last. */
function span(log: readonly string[], start: string): { first: number; last: number } {
  const at = log.flatMap((line, i) => (line.startsWith(start) ? [i] : []));
  assert.ok(at.length > 0, `${start} is not among ${log.length} operations`);
  return { first: at[0] ?? -1, last: at.at(-1) ?? -1 };
}

for (const [lot, count] of [
  [SMALL.lot, 9],
  [PACE.lot, 2_500],
] as const) {
  for (const objects of ['never', 'always'] as const) {
    const of = `lots of ${lot}, ${count} routes, objects ${objects}`;
    test(`${of}: what keeps traffic in main comes first, and a group before what stands on it`, async () => {
      const node = await running({ nextHop: nextHop({ objects }) }, lot, count);
      const log = node.kernel.takeLog();
      const fixed = span(log, 'route add throw');
      const learned = span(log, 'route add 20.');
      assert.ok(fixed.last < learned.first);
      const there = new Set<string>();
      for (const line of log) {
        const made = /^nexthop add id (#\d+)/.exec(line)?.[1];
        if (made !== undefined) there.add(made);
        const stoodOn = / nhid (#\d+)/.exec(line)?.[1];
        if (stoodOn !== undefined) assert.ok(there.has(stoodOn), line);
      }
      assert.equal(node.routes().length, count);
      await node.stop();
    });

    test(`${of}: another metric is made for the last route before the first one goes`, async () => {
      const given = { nextHop: nextHop({ objects }), rules: rulesFrom('203.0.113.0/24') };
      const node = await running(given, lot, count);
      node.kernel.takeLog();
      await node.reload(config(table({ ...given, metric: 30 })));
      const log = node.kernel.takeLog();
      assert.ok(span(log, 'route add').last < span(log, 'route del').first);
      assert.ok(node.routes().every((line) => line.endsWith(' metric 30')));
      assert.equal(node.routes().length, count);
      await node.stop();
    });

    test(`${of}: another table is filled, then its rules come, and only then the old ones go`, async () => {
      const given = { nextHop: nextHop({ objects }), rules: rulesFrom('203.0.113.0/24') };
      const node = await running(given, lot, count);
      node.kernel.takeLog();
      await node.reload(config(table({ ...given, id: 200 })));
      const log = node.kernel.takeLog();
      const order = ['route add', 'rule add', 'rule del', 'route del'].map((one) => span(log, one));
      for (const [i, one] of order.entries()) {
        assert.ok(one.last < (order[i + 1]?.first ?? log.length), log.slice(one.first, 3).join());
      }
      // What kept traffic in main goes after all that it was kept from, which goes as two groups where these are large.
      const throws = span(log, 'route del throw').first;
      if (objects === 'always' && count / 2 >= lot) {
        const before = log.slice(0, throws).filter((line) => line.startsWith('nexthop del'));
        assert.equal(before.length, 2);
        assert.ok(!log.some((line) => line.startsWith('route del 20.')));
      } else assert.ok(span(log, 'route del 20.').last < throws);
      assert.equal(node.routes(200).length, count);
      assert.deepEqual(node.kernel.table(100), []);
      await node.stop();
    });
  }
}

test('refusals in many lots of one pass are one line', async () => {
  const node = new FakeNode(config(table()), undefined, undefined, [], SMALL);
  await node.start();
  node.kernel.refuse('/24 via', 'ENETUNREACH', 50);
  await node.feed(...feed(60));
  assert.equal(node.reconciler.retries.size, 50);
  const lines = node.lines.filter((line) => line.includes('refused'));
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /"refused":50,"first":\{"op":"route-add","errno":"ENETUNREACH"/);
  await node.pass(1_000);
  assert.equal(node.routes().length, 60);
  assert.equal(node.lines.filter((line) => line.includes('refused')).length, 1);
  await node.stop();
});

test('a lost answer ends the pass: nothing goes before the kernel was read again', async () => {
  const node = await running({}, SMALL.lot, 9);
  node.kernel.takeLog();
  node.kernel.loseAnswersFrom(1);
  const { audits } = node.kernel;
  await node.reload(config(table({ metric: 30 })));
  const log = node.kernel.takeLog();
  assert.ok(node.kernel.audits > audits + 1);
  assert.ok(span(log, 'route add').last < span(log, 'route del').first);
  assert.ok(node.routes().every((line) => line.endsWith(' metric 30')));
  assert.equal(node.routes().length, 9);
  await node.stop();
});

test('a reload between two lots: the rest is decided by the new configuration', async () => {
  const node = await running({}, SMALL.lot, 9);
  node.kernel.takeLog();
  node.kernel.meanwhile(() => {
    node.engine.reconfigure(config(table({ metric: 40 })));
    node.reconciler.audit();
  });
  await node.reload(config(table({ metric: 30 })));
  const log = node.kernel.takeLog();
  const under30 = log.filter((line) => /^route add 20\.\S+ .* metric 30$/.test(line));
  assert.ok(under30.length <= SMALL.lot, under30.join());
  assert.ok(node.routes().every((line) => line.endsWith(' metric 40')));
  assert.equal(node.routes().length, 9);
  await node.stop();
});

for (const lot of [SMALL.lot, PACE.lot]) {
  test(`lots of ${lot}: of many tables what keeps traffic in main comes first, and the next hops that move`, async () => {
    const inline = table({ nextHop: nextHop({ objects: 'never' }) });
    const onGroups = table({ id: 200, name: 'other', nextHop: nextHop({ objects: 'always' }) });
    const node = new FakeNode(config(inline, onGroups), undefined, undefined, [], { lot });
    await node.start();
    await node.main('add', '172.16.0.0/24 via 10.9.0.2 dev eth1');
    await node.feed(
      ...Array.from({ length: 300 }, (_, i) => `20.${i >> 8}.${i & 255}.0/24 via 172.16.0.9`),
    );
    const filled = node.kernel.takeLog();
    assert.ok(span(filled, 'route add throw').last < span(filled, 'route add 20.').first);
    await node.main('add', '172.16.0.8/29 via 10.9.1.3 dev eth2');
    const log = node.kernel.takeLog();
    const moved = span(log, 'nexthop replace');
    assert.ok(moved.last < span(log, 'route replace 20.').first, `operation ${moved.last}`);
    assert.ok(span(log, 'route add throw').last < span(log, 'route replace 20.').first);
    assert.ok(node.routes().every((line) => line.includes(' via 10.9.1.3 ')));
    await node.stop();
  });
}

for (const errno of ['EOPNOTSUPP', 'ENOMEM']) {
  test(`a group that the kernel refuses (${errno}) in one lot is not stood on by the next`, async () => {
    const given = table({ nextHop: nextHop({ objects: 'always' }) });
    const node = new FakeNode(config(given), undefined, undefined, [], SMALL);
    await node.start();
    node.kernel.refuse('nexthop', errno);
    await node.feed(...feed(200));
    const log = node.kernel.takeLog();
    const onGroups = log.filter((line) => line.startsWith('route') && line.includes(' nhid '));
    assert.ok(onGroups.length <= 2 * SMALL.lot, `${onGroups.length} routes`);
    assert.equal(node.routes().length, errno === 'EOPNOTSUPP' ? 200 : 0);
    node.kernel.refuseNothing();
    await node.pass(70_000);
    assert.equal(node.routes().length, 200);
    assert.equal(node.reconciler.retries.size, 0);
    await node.stop();
  });
}
