import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '../../../src/desired/route.js';
import type { Operation } from '../../../src/kernel/kernel.js';
import { leadsOutOf, Retries, standsOn } from '../../../src/reconcile/retries.js';
import { prefix } from '../policy/build.js';

function add(text: string, id = 1): Operation & { route: Route } {
  const route: Route = {
    table: 100,
    prefix: prefix(text),
    metric: 20,
    target: { type: 'nexthop', id },
  };
  return { op: 'route-add', route };
}

const A = add('10.0.0.0/8');
const B = add('11.0.0.0/8');

test('the wait doubles from a second to a minute, and begins anew after a success', () => {
  const retries = new Retries();
  const waits: number[] = [];
  let now = 0;
  for (let i = 0; i < 9; i++) {
    const { retryAt } = retries.refused(A, 'ENOMEM', 'no', now);
    waits.push(retryAt - now);
    now = retryAt;
  }
  assert.deepEqual(
    waits,
    [1, 2, 4, 8, 16, 32, 60, 60, 60].map((s) => s * 1_000),
  );
  retries.done(A);
  assert.equal(retries.size, 0);
  assert.equal(retries.next, Number.POSITIVE_INFINITY);
  assert.equal(retries.refused(A, 'ENOMEM', 'no', now).retryAt - now, 1_000);
});

test('the same wish waits, another for the same object does not', () => {
  const retries = new Retries();
  assert.ok(retries.mayTry(A, 0));
  retries.refused(A, 'ENOMEM', 'no', 0);
  assert.ok(!retries.mayTry(add('10.0.0.0/8'), 999));
  assert.ok(retries.mayTry(add('10.0.0.0/8'), 1_000));
  assert.ok(retries.mayTry(add('10.0.0.0/8', 2), 0));
  assert.ok(retries.mayTry({ ...A, op: 'route-delete' }, 0));
  assert.ok(retries.mayTry({ ...A, op: 'route-replace' }, 0));
  assert.ok(retries.mayTry(B, 0));
});

test('due is what has waited long enough; what nobody tried again is forgotten', () => {
  const retries = new Retries();
  retries.refused(A, 'ENOMEM', 'no', 0);
  retries.refused(B, 'ENOMEM', 'no', 500);
  assert.equal(retries.next, 1_000);
  assert.deepEqual(retries.due(999), []);
  const due = retries.due(1_000);
  assert.deepEqual(
    due.map(({ operation }) => operation),
    [A],
  );
  retries.dropUntried(due);
  assert.equal(retries.size, 1);
  assert.equal(retries.next, 1_500);
  const again = retries.due(1_500);
  retries.refused(B, 'ENOMEM', 'still', 1_500);
  retries.dropUntried(again);
  assert.equal(retries.find(100, 20, prefix('11.0.0.0/8').key)?.message, 'still');
  assert.equal(retries.next, 3_500);
});

test('routes, rules and nexthop objects are told apart; a foreign route from ours', () => {
  const retries = new Retries();
  const everything = { from: undefined, to: undefined, iif: undefined, fwmark: undefined };
  const rule = { ...everything, family: 'ipv4', priority: 1, table: 100 } as const;
  const foreign = { ...A.route, protocol: 4, dead: false };
  const operations: Operation[] = [
    A,
    { op: 'foreign-route-delete', route: foreign },
    { op: 'rule-add', rule },
    { op: 'rule-add', rule: { ...rule, priority: 2 } },
    { op: 'nexthop-delete', id: 1 },
    { op: 'nexthop-delete', id: 2 },
  ];
  for (const operation of operations) retries.refused(operation, 'EPERM', 'no', 0);
  assert.equal(retries.size, operations.length);
});

test('what may have stood in the way is gone: due at once, with its attempts kept', () => {
  const retries = new Retries();
  retries.refused(A, 'EINVAL', 'Nexthop id does not exist', 0);
  retries.refused(add('11.0.0.0/8', 2), 'EINVAL', 'Nexthop id does not exist', 0);
  retries.hasten((operation) => standsOn(operation, 1), 10);
  assert.equal(retries.next, 10);
  assert.deepEqual(
    retries.due(10).map(({ operation }) => operation),
    [A],
  );
  assert.ok(retries.mayTry(A, 10));
  assert.equal(retries.refused(A, 'EINVAL', 'no', 10).retryAt, 2_010);
  assert.equal(retries.next, 1_000);
});

test('a group stands on its members, a route and a single lead out of their interfaces', () => {
  const leg = { gateway: undefined, oif: 3, onlink: false, weight: 1 };
  const inline: Operation = {
    op: 'route-add',
    route: { ...A.route, target: { type: 'legs', legs: [leg, { ...leg, oif: 4 }] } },
  };
  const group: Operation = {
    op: 'nexthop-add',
    nexthop: { type: 'group', id: 7, members: [{ id: 8, weight: 1 }] },
  };
  const single: Operation = {
    op: 'nexthop-add',
    nexthop: { type: 'single', id: 8, family: 'ipv4', leg },
  };
  assert.ok(standsOn(group, 8) && !standsOn(group, 7) && !standsOn(single, 8));
  assert.ok(!standsOn(inline, 8) && standsOn(add('10.0.0.0/8', 8), 8));
  assert.ok(leadsOutOf(inline, new Set([4])) && !leadsOutOf(inline, new Set([5])));
  assert.ok(leadsOutOf(single, new Set([3])) && !leadsOutOf(group, new Set([3])));
});
