import type { Operation } from '../kernel/kernel.js';
import { type Mirror, routeOf } from './mirror.js';

/** Takes away every rule, route and nexthop object of ours, in that order. */
export function removeAll(mirror: Mirror): readonly Operation[] {
  const operations: Operation[] = [];
  for (const rule of mirror.ownRules().values()) operations.push({ op: 'rule-delete', rule });
  for (const table of mirror.tables()) {
    const routes = [...mirror.ownRoutes(table)].reverse();
    for (const route of routes)
      operations.push({ op: 'route-delete', route: routeOf(table, route) });
  }
  for (const id of mirror.groups().keys()) operations.push({ op: 'nexthop-delete', id });
  for (const id of mirror.singleObjects().keys()) operations.push({ op: 'nexthop-delete', id });
  return operations;
}
