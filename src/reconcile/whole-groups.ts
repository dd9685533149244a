/**
 * Nexthop groups that nothing wants any more and all of whose routes are to go: the kernel takes the
 * routes along as the group is deleted, in one message (docs/decisions/017-groups-go-with-their-routes.md).
 */
import type { Prefix } from '../net/prefix.js';
import type { DiffOptions } from './diff.js';
import { groupsInUse } from './groups.js';
import { isLeftAlone } from './left-alone.js';
import { type OwnRoute, routeOf } from './mirror.js';
import { hasRuleTo } from './owed.js';

/**
 * The kernel looks at every IPv4 route there is as it deletes one group, in a twentieth of the time
 * that it takes to delete a route by itself: so large a part of all is worth that.
 */
const WORTH = 16;

/**
 * Ids, the largest first. Of IPv4 alone: of each IPv6 route that goes along the kernel tells everybody,
 * as of a change of its own. A look at each route of the mirror where there may be such a group, and
 * none otherwise; a group that may not go as a whole is kept apart in `leaving`.
 * @param least no group with fewer routes
 */
export function wholeGroups(options: DiffOptions, least: number): readonly number[] {
  const { engine, mirror, groups, leaving } = options;
  if (leaving.size < least) return [];
  let all = engine.underlay.snapshot.routes.length;
  for (const table of mirror.tables()) all += mirror.count(table, 'ipv4');
  const fitting: number[] = [];
  const sizes = [...leaving.byGroup()].sort(([, a], [, b]) => b - a);
  for (const [id, size] of sizes) {
    if (size < least || size * WORTH < all) break;
    // Those of IPv6 count in the mirror, and not here.
    if (size !== mirror.routesOnGroup(id)) continue;
    fitting.push(id);
    all -= size;
  }
  if (fitting.length === 0) return [];
  const inUse = groupsInUse(engine, groups);
  const whole = new Set(fitting.filter((id) => mirror.groups().has(id) && !inUse.has(id)));
  if (whole.size > 0) for (const id of bound(options, whole)) whole.delete(id);
  for (const id of fitting) if (!whole.has(id)) leaving.keepApart(id);
  return fitting.filter((id) => whole.has(id));
}

/** Those of `groups` with a route that may not go, or not now, or is somebody else's. */
function bound(options: DiffOptions, groups: ReadonlySet<number>): ReadonlySet<number> {
  const { engine, mirror } = options;
  const bound = new Set<number>();
  for (const id of engine.tables.keys()) {
    for (const { target } of mirror.foreignRoutes(id)) {
      if (target.type === 'nexthop') bound.add(target.id);
    }
  }
  for (const id of mirror.tables()) {
    const mayGo = goingFrom(options, id);
    mirror.eachOnGroup(id, (group, prefix, standing) => {
      if (groups.has(group) && !bound.has(group) && !mayGo(prefix, standing)) bound.add(group);
    });
  }
  return bound;
}

/** What a deletion by itself is asked before it is handed to the kernel, of one table: in `Diff.leaves` and `isOwed`. */
function goingFrom(
  { engine, mirror, mayTry, wasRefused, anyWaits }: DiffOptions,
  id: number,
): (prefix: Prefix, standing: Omit<OwnRoute, 'prefix'>) => boolean {
  // What was refused before waits, or is told; it is forgotten as that very operation is done.
  const isFree = anyWaits()
    ? (prefix: Prefix, standing: Omit<OwnRoute, 'prefix'>) => {
        const route = routeOf(id, { prefix, ...standing });
        const operation = { op: 'route-delete', route } as const;
        return mayTry(operation) && !wasRefused(operation);
      }
    : () => true;
  const table = engine.tables.get(id);
  if (table === undefined) return engine.maySweep && !hasRuleTo(id, mirror) ? isFree : () => false;
  if (isLeftAlone(table, mirror)) return () => false;
  return (prefix, standing) =>
    !table.isWanted(prefix) && engine.mayDelete(prefix) && isFree(prefix, standing);
}
