/** The nexthop objects as they will be, for a plan that is not carried out. */
import type { RouteTarget } from '../desired/route.js';
import type { Operation } from '../kernel/kernel.js';
import type { NexthopState } from './groups.js';
import type { Mirror } from './mirror.js';

/** What the mirror would show of nexthop objects once all `operations` were done. */
export function nexthopsAfter(operations: readonly Operation[], mirror: Mirror): NexthopState {
  const groups = new Map(mirror.groups());
  const singles = new Map(mirror.singleObjects());
  const routes = new Map<number, number>();
  const routesOnGroup = (id: number): number => routes.get(id) ?? mirror.routesOnGroup(id);
  const move = (target: RouteTarget | undefined, step: 1 | -1): void => {
    if (target?.type === 'nexthop') routes.set(target.id, routesOnGroup(target.id) + step);
  };
  for (const operation of operations) {
    switch (operation.op) {
      case 'route-add':
        move(operation.route.target, 1);
        break;
      case 'route-replace': {
        const { table, prefix, metric, target } = operation.route;
        move(mirror.target(table, prefix, metric), -1);
        move(target, 1);
        break;
      }
      case 'route-delete':
        move(operation.route.target, -1);
        break;
      case 'nexthop-add':
      case 'nexthop-replace': {
        const { nexthop } = operation;
        if (nexthop.type === 'group') groups.set(nexthop.id, nexthop);
        else singles.set(nexthop.id, '');
        break;
      }
      case 'nexthop-delete':
        groups.delete(operation.id);
        singles.delete(operation.id);
        break;
      case 'rule-add':
      case 'rule-delete':
      case 'foreign-route-delete':
        break;
    }
  }
  return { groups: () => groups, singleObjects: () => singles, routesOnGroup };
}
