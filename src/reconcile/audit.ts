/** Reads what the kernel has into a new mirror. */
import type { Table } from '../desired/table.js';
import type { Kernel } from '../kernel/kernel.js';
import { Mirror } from './mirror.js';

/**
 * Everything of ours wherever it stands, every rule and nexthop object, and all
 * routes of the configured tables.
 * @param before whose routes are kept as objects where they still stand: nearly all do, and memory stays as it is
 */
export async function readMirror(
  kernel: Kernel,
  tables: Iterable<number>,
  before: Mirror,
): Promise<Mirror> {
  const mirror = new Mirror();
  for (const rule of await kernel.rules()) mirror.setRule(rule);
  for (const nexthop of await kernel.nexthops()) mirror.setNexthop(nexthop);
  for (const route of await kernel.ownRoutes()) {
    const { table, prefix, metric, target } = route;
    const known = before.own(table, prefix.key).find((one) => one.metric === metric);
    const stands = known !== undefined && mirror.intern(known.target) === mirror.intern(target);
    mirror.set(table, stands ? known : route);
  }
  for (const table of tables) {
    for (const route of await kernel.foreignRoutes(table)) mirror.setForeign(route);
  }
  return mirror;
}

/** Tells a table what of it the kernel has, so that a restart rewrites nothing. */
export function adopt(table: Table, mirror: Mirror): void {
  const learned: string[] = [];
  let onObjects = 0;
  let fed = false;
  for (const { prefix, target } of mirror.ownRoutes(table.config.id)) {
    if (target.type === 'unreachable') fed = true;
    if (target.type !== 'nexthop' && target.type !== 'legs') continue;
    learned.push(prefix.key);
    if (target.type === 'nexthop') onObjects++;
  }
  table.adopt({ learned, onObjects: onObjects * 2 > learned.length, fed });
}

/** Objects of ours that somebody else changed or removed. */
export interface Drift {
  readonly route: number;
  readonly rule: number;
  readonly nexthop: number;
}

/** What of ours stood in one mirror and does not stand so in the next. O(routes). */
export function driftBetween(before: Mirror, after: Mirror): Drift {
  let route = 0;
  for (const table of before.tables()) {
    for (const { prefix, metric, target } of before.ownRoutes(table)) {
      const still = after.own(table, prefix.key).find((one) => one.metric === metric);
      if (still?.target !== after.intern(target)) route++;
    }
  }
  const rules = [...before.ownRules().keys()].filter((key) => !after.ownRules().has(key));
  const groups = [...before.groups().keys()].filter((id) => !after.groups().has(id));
  return { route, rule: rules.length, nexthop: groups.length };
}
