/** What others do to the routes of a table: stand in their place, go ahead of them, undo them again and again. */
import { formatRoute, type LinkName } from '../desired/format.js';
import type { NextHopSet } from '../desired/next-hop-set.js';
import type { Table } from '../desired/table.js';
import type { WantedRoute } from '../desired/wanted-route.js';
import type { KernelRoute } from '../kernel/kernel.js';
import type { Contest } from '../reconcile/contests.js';
import { isLeftAlone } from '../reconcile/left-alone.js';
import type { Reconciler } from '../reconcile/loop.js';
import type { Mirror } from '../reconcile/mirror.js';

/** Somebody else's route of the same prefix and metric. */
export function inPlaceOf(
  table: Table,
  { prefix, metric }: WantedRoute,
  mirror: Mirror,
): KernelRoute | undefined {
  return mirror.foreign(table.config.id, prefix).find((route) => route.metric === metric);
}

/** Of somebody else's routes of the same prefix the one that the kernel takes before ours: the lowest metric below it. */
export function aheadOf(
  table: Table,
  { prefix, metric }: Pick<WantedRoute, 'prefix' | 'metric'>,
  mirror: Mirror,
): KernelRoute | undefined {
  return mirror
    .foreign(table.config.id, prefix)
    .filter((route) => route.metric < metric)
    .sort((a, b) => a.metric - b.metric)[0];
}

/** The contest that keeps a wanted route away now: over its own place, or over the objects it stands on. */
export function contestOver(
  table: Table,
  wanted: WantedRoute,
  reconciler: Reconciler,
): Contest | undefined {
  const { contests } = reconciler;
  if (contests.size === 0) return undefined;
  const own = contests.ofRoute(table.config.id, wanted.metric, wanted.prefix.key);
  if (own?.heldUntil !== undefined) return own;
  return wanted.kind === 'learned' ? contestOverGroup(table, wanted.set, reconciler) : undefined;
}

function contestOverGroup(
  table: Table,
  set: NextHopSet,
  { contests, groups, mirror }: Reconciler,
): Contest | undefined {
  if (!table.useObjects || set.legs.length === 0) return undefined;
  const group = groups.claimOf(table.config.id, set);
  if (group === undefined || mirror.groups().has(group)) return undefined;
  const ids = new Set([group, ...set.legs.map((leg) => groups.singleClaimOf(leg))]);
  for (const contest of contests.values()) {
    const { object, heldUntil } = contest;
    if (object.kind === 'nexthop' && heldUntil !== undefined && ids.has(object.id)) return contest;
  }
  return undefined;
}

/** How many wanted routes of the table contests keep away now. */
export function contestedRoutes(table: Table, reconciler: Reconciler): number {
  const { contests, mirror } = reconciler;
  if (contests.size === 0) return 0;
  const { id } = table.config;
  let count = 0;
  for (const { object, heldUntil } of contests.values()) {
    if (object.kind !== 'route' || object.table !== id || heldUntil === undefined) continue;
    const wanted = table.wanted(object.prefix).find(({ metric }) => metric === object.metric);
    const own = mirror.own(id, object.prefix);
    if (wanted !== undefined && !own.some(({ metric }) => metric === object.metric)) count++;
  }
  for (const set of table.nextHops.values()) {
    if (contestOverGroup(table, set, reconciler) !== undefined)
      count += set.routes.ipv4 + set.routes.ipv6;
  }
  return count;
}

/** What the routes of others in a table do to ours. */
export interface ForeignEffects {
  /** Wanted routes that are kept out. */
  readonly keptOut: number;
  /** Routes of ours that are there, behind one of the same prefix. */
  readonly shadowed: number;
  /** One line for each of the two that there is, with an example. */
  readonly notes: readonly string[];
}

/** O(foreign routes); O(routes) for a table that is left alone. */
export function foreignEffects(table: Table, mirror: Mirror, linkName: LinkName): ForeignEffects {
  const { id, foreign } = table.config;
  const inTheWay: KernelRoute[] = [];
  const ahead: KernelRoute[] = [];
  let shadowed = 0;
  for (const route of mirror.foreignRoutes(id)) {
    const { prefix, metric } = route;
    const own = mirror.own(id, prefix);
    const place = (one: { readonly metric: number }) => one.metric === metric;
    if (foreign !== 'evict' && table.wanted(prefix).some(place) && !own.some(place))
      inTheWay.push(route);
    const first = own.filter((one) => aheadOf(table, one, mirror) === route);
    if (first.length > 0) ahead.push(route);
    shadowed += first.length;
  }
  const alone = isLeftAlone(table, mirror);
  const example = ([first]: readonly KernelRoute[]): string =>
    first === undefined ? '' : formatRoute(first, linkName);
  return {
    keptOut: alone ? missing(table, mirror) : inTheWay.length,
    shadowed,
    notes: [
      ...(alone || inTheWay.length === 0
        ? []
        : [`${routes(inTheWay.length)} of others in the place of ours: ${example(inTheWay)}`]),
      ...(shadowed === 0
        ? []
        : [`${routes(ahead.length)} of others ahead of ours (lower metric): ${example(ahead)}`]),
      ...(alone ? ['not touched while others have routes here (foreign: fail)'] : []),
    ],
  };
}

function missing(table: Table, mirror: Mirror): number {
  let count = 0;
  for (const prefix of table.prefixes()) {
    const own = mirror.own(table.config.id, prefix);
    for (const { metric } of table.wanted(prefix)) {
      if (!own.some((route) => route.metric === metric)) count++;
    }
  }
  return count;
}

function routes(count: number): string {
  return count === 1 ? 'a route' : `${count} routes`;
}
