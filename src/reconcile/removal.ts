import type { Operation } from '../kernel/kernel.js';
import { Leaving } from './leaving.js';
import { type Mirror, routeOf } from './mirror.js';

/** Takes away every rule, route and nexthop object of ours, in that order. */
export function removeAll(mirror: Mirror): readonly Operation[] {
  const operations: Operation[] = [];
  for (const rule of mirror.ownRules().values()) operations.push({ op: 'rule-delete', rule });
  const leaving = new Leaving();
  for (const table of mirror.tables()) {
    for (const prefix of mirror.prefixes(table)) leaving.add(table, prefix);
  }
  for (const { table, prefix } of leaving.take(Number.POSITIVE_INFINITY)) {
    for (const route of mirror.own(table, prefix)) {
      operations.push({ op: 'route-delete', route: routeOf(table, route) });
    }
  }
  for (const id of mirror.groups().keys()) operations.push({ op: 'nexthop-delete', id });
  for (const id of mirror.singleObjects().keys()) operations.push({ op: 'nexthop-delete', id });
  return operations;
}
