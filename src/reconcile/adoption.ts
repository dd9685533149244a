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

/** O(prefixes) while there is a group that no set claims; O(groups) otherwise. */
export function adoptGroups(
  table: Table,
  prefixes: Iterable<Prefix>,
  groups: NexthopGroups,
  mirror: Mirror,
): void {
  const { id } = table.config;
  const orphans = groups.unclaimed(mirror);
  if (orphans.size === 0) return;
  const claim = (set: NextHopSet, group: number): void => {
    if (groups.claimOf(id, set) === undefined && orphans.delete(group))
      groups.claim(id, set, group);
  };
  const followers = new Map<number, Map<NextHopSet, number>>();
  for (const [set, group] of heard(table, prefixes, orphans, mirror)) {
    let sets = followers.get(group);
    if (sets === undefined) {
      sets = new Map();
      followers.set(group, sets);
    }
    const routes = sets.get(set) ?? 0;
    sets.set(set, routes + 1);
    if (routes > 0 || !groups.holds(group, set.legs, mirror)) continue;
    claim(set, group);
    // Of an unchanged table all is claimed after a few routes, and a million are not looked at.
    if (orphans.size === 0) return;
  }
  for (const [group, sets] of followers) {
    for (const [set, routes] of sets) {
      if (routes * 2 >= mirror.routesOnGroup(group)) claim(set, group);
    }
  }
}

/** Routes that stand on orphaned groups, and the sets that they are heard to belong to. */
function* heard(
  table: Table,
  prefixes: Iterable<Prefix>,
  orphans: ReadonlySet<number>,
  mirror: Mirror,
): Generator<readonly [set: NextHopSet, group: number]> {
  for (const prefix of prefixes) {
    const set = table.learnedSet(prefix);
    if (set === undefined) continue;
    for (const { target } of mirror.own(table.config.id, prefix)) {
      if (target.type === 'nexthop' && orphans.has(target.id)) yield [set, target.id];
    }
  }
}
