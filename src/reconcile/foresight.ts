/** What a pass would do, for a plan that is not carried out. */
import type { Engine } from '../desired/engine.js';
import type { RouteTarget } from '../desired/route.js';
import type { Operation } from '../kernel/kernel.js';
import { Diff } from './diff.js';
import { diffRules, type MisplacedRule } from './diff-rules.js';
import { groupsInUse, type NexthopGroups, type NexthopState } from './groups.js';
import { Leaving } from './leaving.js';
import type { Mirror } from './mirror.js';
import { WHOLE_TABLE } from './whole-table.js';

export interface Difference {
  readonly operations: readonly Operation[];
  readonly misplaced: readonly MisplacedRule[];
}

export interface Foreseen {
  readonly engine: Engine;
  readonly mirror: Mirror;
  readonly groups: NexthopGroups;
  readonly objectsSupported: boolean;
}

/**
 * What makes the kernel equal to all that the engine wants, whatever waits for a retry; every route that
 * goes by itself, though it may go with its group. Changes nothing of what it is given.
 */
export function differenceOf({ engine, mirror, objectsSupported, ...given }: Foreseen): Difference {
  const groups = given.groups.clone();
  const leaving = new Leaving();
  const diff = new Diff({
    ...{ engine, mirror, groups, leaving },
    ...{ mayTry: () => true, anyWaits: () => false, wasRefused: () => false },
    objectsSupported: () => objectsSupported,
  });
  const work = [...engine.tables.values()].map((table) => ({ table, changes: WHOLE_TABLE }));
  const rules = diffRules(engine, mirror, () => true);
  const makes = [...diff.makes(work, Number.POSITIVE_INFINITY)].flat();
  diff.abandonedTables(() => false);
  const breaks = [...diff.breaks()];
  while (leaving.size > 0) {
    for (const one of diff.leaves(Number.POSITIVE_INFINITY)) breaks.push(one);
  }
  const operations = [...makes, ...rules.makes, ...rules.breaks, ...breaks];
  const unused = groups.unused(nexthopsAfter(operations, mirror), groupsInUse(engine, groups));
  return { operations: [...operations, ...unused], misplaced: rules.misplaced };
}

/** What the mirror would show of nexthop objects once all `operations` were done. */
function nexthopsAfter(operations: readonly Operation[], mirror: Mirror): NexthopState {
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
