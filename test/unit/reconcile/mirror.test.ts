/** What the mirror drops with a nexthop group. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RouteTarget } from '../../../src/desired/route.js';
import { NEXTHOP_ID_BASE } from '../../../src/kernel/kernel.js';
import { FAMILIES } from '../../../src/net/family.js';
import { Mirror } from '../../../src/reconcile/mirror.js';
import { prefix } from '../desired/build.js';

const TABLES = [100, 200];
const GROUPS = [NEXTHOP_ID_BASE, NEXTHOP_ID_BASE + 1, NEXTHOP_ID_BASE + 2];
const TARGETS: readonly RouteTarget[] = [
  ...GROUPS.map((id) => ({ type: 'nexthop', id }) as const),
  { type: 'throw' },
];

const anyRoute = fc.record({
  table: fc.constantFrom(...TABLES),
  prefix: fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.boolean())
    .map(([n, ipv4]) => prefix(ipv4 ? `${n}.0.0.0/8` : `2001:db8:${n}::/48`)),
  metric: fc.constantFrom(20, 30),
  target: fc.constantFrom(...TARGETS),
});

function contents(mirror: Mirror): unknown {
  return {
    routes: TABLES.map((id) =>
      [...mirror.ownRoutes(id)].map((one) => `${one.prefix} ${one.metric}`).sort(),
    ),
    counts: TABLES.map((id) => FAMILIES.map((family) => mirror.count(id, family))),
    groups: GROUPS.map((id) => mirror.routesOnGroup(id)),
  };
}

test('a group takes along what stood on it, whatever else there is, and all that is counted is there', () => {
  fc.assert(
    fc.property(
      fc.array(anyRoute, { maxLength: 60 }),
      fc.constantFrom(...GROUPS),
      (routes, group) => {
        const [at, expected] = [new Mirror(), new Mirror()];
        const slot = (one: (typeof routes)[number]) => `${one.table} ${one.prefix} ${one.metric}`;
        const last = new Map(routes.map((one) => [slot(one), one]));
        for (const one of routes) at.set(one.table, one);
        for (const one of last.values()) {
          if (one.target.type !== 'nexthop' || one.target.id !== group)
            expected.set(one.table, one);
        }
        at.mayHaveUnused = false;
        const some = at.routesOnGroup(group) > 0;
        at.removeRoutesOn(group);
        assert.deepEqual(contents(at), contents(expected));
        assert.equal(at.mayHaveUnused, some);
        for (const { table, prefix, metric } of last.values()) {
          assert.equal(
            at.target(table, prefix, metric)?.type,
            expected.target(table, prefix, metric)?.type,
          );
        }
      },
    ),
  );
});

test('a large table keeps what stays, whether that is most of it or little', () => {
  for (const [going, staying] of [
    [5_000, 20],
    [20, 5_000],
  ] as const) {
    const mirror = new Mirror();
    const add = (net: number, count: number, target: RouteTarget) => {
      for (let i = 0; i < count; i++) {
        const one = prefix(`${net}.${i >> 8}.${i & 255}.0/24`);
        mirror.set(100, { prefix: one, metric: 20, target });
      }
    };
    const [first, second] = TARGETS;
    if (first === undefined || second === undefined) throw new Error('no targets');
    add(20, going, first);
    add(30, staying, second);
    mirror.removeRoutesOn(NEXTHOP_ID_BASE);
    assert.equal(mirror.count(100, 'ipv4'), staying);
    assert.equal([...mirror.prefixes(100)].length, staying);
    assert.equal(mirror.onlyTarget(100, prefix('30.0.1.0/24'), 20)?.type, 'nexthop');
  }
});
