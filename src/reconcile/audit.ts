/** Reads what the kernel has into a new mirror. */
import { STATIC_METRIC_OFFSET } from '../desired/fixed.js';
import { NOTHING_STANDS, type Standing } from '../desired/found.js';
import type { Route } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import { type Kernel, OWN_PROTOCOL } from '../kernel/kernel.js';
import type { Prefix } from '../net/prefix.js';
import { Mirror } from './mirror.js';

/**
 * Everything of ours wherever it stands, every rule and nexthop object, and all
 * routes of the configured tables.
 */
export async function readMirror(kernel: Kernel, tables: Iterable<number>): Promise<Mirror> {
  const mirror = new Mirror();
  for (const rule of await kernel.rules()) mirror.setRule(rule);
  for (const nexthop of await kernel.nexthops()) mirror.setNexthop(nexthop);
  await kernel.readRoutes(new Set(tables), (family) => {
    mirror.forgetRoutes(family);
    return (route) => {
      if (route.protocol === OWN_PROTOCOL) mirror.set(route.table, route);
      else mirror.setForeign(route);
    };
  });
  return mirror;
}

/**
 * Tells a table what of it the kernel has, so that a restart rewrites nothing. `complete`: a full feed
 * has ended meanwhile, so that nobody has a claim by what is there any more.
 */
export function adopt(table: Table, mirror: Mirror, complete: boolean): void {
  const { id } = table.config;
  const learned: Prefix[] = [];
  let routes = 0;
  let onObjects = 0;
  let fed = false;
  for (const { type } of mirror.targets(id)) {
    if (type === 'unreachable') fed = true;
    if (type === 'nexthop' || type === 'legs') routes++;
    if (type === 'nexthop') onObjects++;
  }
  if (table.limits.length > 0 && !complete) {
    for (const { prefix, target } of mirror.ownRoutes(id)) {
      if (target.type === 'nexthop' || target.type === 'legs') learned.push(prefix);
    }
  }
  table.adopt({
    learned,
    onObjects: onObjects * 2 > routes,
    fed,
    standing: standingOf(table, mirror),
  });
}

/** What of a table is told from learned routes by its kind or its metric. */
function standingOf({ config, found }: Table, mirror: Mirror): Standing {
  const { part, ranges } = found;
  if (part.knowledge === 'whole' && ranges.knowledge === 'whole') return NOTHING_STANDS;
  const { id, metric } = config;
  const rules = [...mirror.ownRules().values()].filter((rule) => rule.table === id);
  const routes = [...mirror.ownRoutes(id)].flatMap((route): Route[] => {
    const isThrow = route.target.type === 'throw' && route.metric === metric;
    const isStatic = route.target.type === 'legs' && route.metric === metric + STATIC_METRIC_OFFSET;
    return isThrow || isStatic ? [{ table: id, ...route }] : [];
  });
  return { rules, routes };
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
      const still = after.target(table, prefix, metric);
      if (still !== after.intern(target)) route++;
    }
  }
  const rules = [...before.ownRules().keys()].filter((key) => !after.ownRules().has(key));
  const groups = [...before.groups().keys()].filter((id) => !after.groups().has(id));
  return { route, rule: rules.length, nexthop: groups.length };
}
