import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Operation } from '../../../src/kernel/kernel.js';
import { Contests } from '../../../src/reconcile/contests.js';
import type { KernelObject } from '../../../src/reconcile/kernel-object.js';
import { prefix } from '../policy/build.js';

const STATIC = { protocol: 4, port: 7 };
const DELETION = { protocol: undefined, port: 7 };

function place(text: string): KernelObject & { kind: 'route' } {
  return { kind: 'route', table: 100, prefix: prefix(text), metric: 20 };
}

const A = place('10.0.0.0/8');
const ROUTE = { table: 100, prefix: A.prefix, metric: 20, target: { type: 'throw' } } as const;
const ADD: Operation = { op: 'route-add', route: ROUTE };

/** Undone five times, a second apart. */
function begun(contests: Contests, object: KernelObject = A): number {
  for (let i = 0; i < 5; i++) contests.undone(object, DELETION, i * 1_000);
  return 4_000;
}

test('five times within ten seconds, and no less, is a contest', () => {
  const contests = new Contests();
  for (const at of [0, 3_000, 6_000, 9_000, 10_000, 13_000, 16_000])
    assert.equal(contests.undone(A, STATIC, at), 'passing', `${at}`);
  assert.ok(contests.mayTry(ADD));
  assert.equal(contests.undone(A, STATIC, 16_001), 'begun');
  assert.ok(!contests.mayTry(ADD));
  assert.ok(!contests.mayTry({ op: 'route-replace', route: ROUTE }));
  assert.ok(contests.mayTry({ op: 'route-delete', route: ROUTE }), 'withdrawn meanwhile');
  assert.ok(contests.mayTry({ ...ADD, route: { ...ROUTE, metric: 21 } }), 'another place');
  const eviction = { ...ROUTE, protocol: 4, dead: false };
  assert.ok(!contests.mayTry({ op: 'foreign-route-delete', route: eviction }), 'the same place');
});

test('the wait doubles from a tenth of a second to thirty seconds with each round, and half a minute of peace ends it', () => {
  const contests = new Contests();
  let now = begun(contests);
  const waits: number[] = [];
  for (let i = 0; i < 11; i++) {
    const { heldUntil = Number.NaN } = contests.of(A) ?? {};
    waits.push(heldUntil - now);
    assert.ok(contests.next <= heldUntil);
    assert.deepEqual(contests.due(heldUntil - 1), { free: [], ended: [] });
    assert.deepEqual(contests.due(heldUntil).free, [A]);
    assert.ok(contests.mayTry(ADD));
    now = heldUntil + 10;
    assert.deepEqual(contests.due(now).free, [], 'once');
    assert.equal(contests.undone(A, DELETION, now), 'contested');
  }
  assert.deepEqual(
    waits,
    [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000],
  );
  const { heldUntil = Number.NaN } = contests.of(A) ?? {};
  contests.due(heldUntil);
  assert.equal(contests.next, heldUntil + 30_000);
  assert.deepEqual(contests.due(heldUntil + 29_999).ended, []);
  const [ended] = contests.due(heldUntil + 30_000).ended;
  assert.equal(ended?.rounds, 5 + 11);
  assert.equal(contests.size, 0);
  assert.equal(contests.next, Number.POSITIVE_INFINITY);
  // What comes later begins anew.
  assert.equal(contests.undone(A, DELETION, heldUntil + 31_000), 'passing');
});

test('what others do among themselves while we wait is no round', () => {
  const contests = new Contests();
  const now = begun(contests);
  const { heldUntil } = contests.of(A) ?? {};
  for (let i = 1; i < 9; i++) contests.undone(A, STATIC, now + i);
  assert.equal(contests.of(A)?.heldUntil, heldUntil);
  assert.equal(contests.of(A)?.rounds, 5);
  assert.equal(contests.of(A)?.protocol, 4);
});

test('who: the last protocol told, and the port while it is one', () => {
  const contests = new Contests();
  contests.due(begun(contests) + 1_000);
  assert.deepEqual([contests.of(A)?.protocol, contests.of(A)?.port], [undefined, 7]);
  contests.undone(A, { protocol: 11, port: 7 }, 6_000);
  contests.undone(A, DELETION, 6_001);
  assert.deepEqual([contests.of(A)?.protocol, contests.of(A)?.port], [11, 7]);
  contests.undone(A, { protocol: undefined, port: 8 }, 6_002);
  contests.undone(A, DELETION, 6_003);
  assert.deepEqual([contests.of(A)?.protocol, contests.of(A)?.port], [11, 'several']);
});

test('each object by itself: routes by place, rules, nexthop objects', () => {
  const everything = { from: undefined, to: undefined, iif: undefined, fwmark: undefined };
  const rule = { ...everything, family: 'ipv4', priority: 1, table: 100 } as const;
  const contests = new Contests();
  begun(contests, { kind: 'rule', rule });
  begun(contests, { kind: 'nexthop', id: 9 });
  const group = { type: 'group', members: [{ id: 1, weight: 1 }] } as const;
  assert.ok(contests.mayTry(ADD));
  assert.ok(!contests.mayTry({ op: 'rule-add', rule }));
  assert.ok(contests.mayTry({ op: 'rule-add', rule: { ...rule, priority: 2 } }));
  assert.ok(contests.mayTry({ op: 'rule-delete', rule }));
  assert.ok(!contests.mayTry({ op: 'nexthop-add', nexthop: { ...group, id: 9 } }));
  assert.ok(contests.mayTry({ op: 'nexthop-replace', nexthop: { ...group, id: 8 } }));
  assert.ok(contests.mayTry({ op: 'nexthop-delete', id: 9 }));
  assert.equal(contests.size, 2);
});

test('memory is bounded, and what was undone once is forgotten', () => {
  const contests = new Contests();
  const nth = (id: number): KernelObject => ({ kind: 'nexthop', id });
  for (let id = 0; id < 100_000; id++) contests.undone(nth(id), DELETION, 0);
  for (let i = 0; i < 9; i++)
    assert.equal(contests.undone(nth(100_000), DELETION, 1_000), 'passing', 'no room');
  assert.equal(contests.next, 10_000, 'the last one watched');
  contests.due(10_000);
  assert.equal(contests.next, Number.POSITIVE_INFINITY);
  begun(contests, nth(100_000));
  assert.equal(contests.size, 1);
});
