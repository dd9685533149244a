/**
 * Which nexthop groups of a life before are taken over, so that a restart moves
 * no route. A group goes to the next-hop set that it equals already, among
 * those whose routes stand on it. Failing that, to the one that at least half
 * of its routes follow now, which moves them all in one message. Otherwise it
 * is left alone: to point it elsewhere would move routes that nobody has spoken
 * of yet.
 */
import type { NextHopSet } from '../desired/next-hop-set.js';
import type { Table } from '../desired/table.js';
import type { Prefix } from '../net/prefix.js';
import type { NexthopGroups } from './groups.js';
import type { Mirror } from './mirror.js';

/** O(prefixes) while there is a group that no set has claimed; O(groups) otherwise. */
export function adoptGroups(
  table: Table,
  prefixes: Iterable<Prefix>,
  groups: NexthopGroups,
  mirror: Mirror,
): void {
  const { id } = table.config;
  const orphans = groups.unclaimed(mirror);
  if (orphans.size === 0) return;
  const followers = countFollowers(table, prefixes, orphans, mirror);
  const claim = (set: NextHopSet, group: number): void => {
    if (groups.claimOf(id, set) === undefined && orphans.delete(group))
      groups.claim(id, set, group);
  };
  for (const [group, sets] of followers) {
    for (const set of sets.keys()) if (groups.holds(group, set.legs, mirror)) claim(set, group);
  }
  for (const [group, sets] of followers) {
    for (const [set, routes] of sets) {
      if (routes * 2 >= mirror.routesOnGroup(group)) claim(set, group);
    }
  }
}

/** Of each orphaned group: how many of its routes are heard to belong to which set. */
function countFollowers(
  table: Table,
  prefixes: Iterable<Prefix>,
  orphans: ReadonlySet<number>,
  mirror: Mirror,
): ReadonlyMap<number, ReadonlyMap<NextHopSet, number>> {
  const followers = new Map<number, Map<NextHopSet, number>>();
  for (const prefix of prefixes) {
    const learned = table.learned(prefix);
    if (learned?.kind !== 'learned') continue;
    for (const { target } of mirror.own(table.config.id, prefix)) {
      if (target.type !== 'nexthop' || !orphans.has(target.id)) continue;
      const sets = followers.get(target.id) ?? new Map<NextHopSet, number>();
      followers.set(target.id, sets.set(learned.set, (sets.get(learned.set) ?? 0) + 1));
    }
  }
  return followers;
}
