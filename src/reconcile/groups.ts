/**
 * Which nexthop group a next-hop set stands on. Every route of a table that
 * uses objects stands on a group, even a group of one, because the kernel
 * replaces a group by a group in one message and refuses everything else.
 */

import type { NextHopSet } from '../desired/next-hop-set.js';
import { type Leg, legKey, type NexthopObject } from '../desired/route.js';
import { NEXTHOP_ID_BASE, NEXTHOP_ID_LAST, type Operation } from '../kernel/kernel.js';
import type { Mirror } from './mirror.js';

export class NexthopGroups {
  /** Group ids by table and set key: it outlives a reload, which makes the sets anew. */
  readonly #claims = new Map<string, number>();
  readonly #claimed = new Set<number>();
  #next = NEXTHOP_ID_BASE;

  /**
   * The id of the set's group. At first it is claimed: the group that the
   * kernel's route of a prefix stands on already (`current`), so that a restart
   * moves no route; a free id otherwise. Throws RangeError when all are taken.
   */
  idOf(table: number, set: NextHopSet, current: number | undefined, mirror: Mirror): number {
    const claim = `${table} ${set.key}`;
    let id = this.#claims.get(claim);
    if (id === undefined) {
      const adoptable =
        current !== undefined && mirror.groups().has(current) && !this.#claimed.has(current);
      id = adoptable ? current : this.#free(mirror);
      this.#claims.set(claim, id);
      this.#claimed.add(id);
    }
    return id;
  }

  /** An independent copy, for a plan that is not to be carried out. */
  clone(): NexthopGroups {
    const copy = new NexthopGroups();
    for (const [claim, id] of this.#claims) copy.#claims.set(claim, id);
    for (const id of this.#claimed) copy.#claimed.add(id);
    copy.#next = this.#next;
    return copy;
  }

  /** The id, if the set has claimed one. */
  claimOf(table: number, set: NextHopSet): number | undefined {
    return this.#claims.get(`${table} ${set.key}`);
  }

  /** Operations that make the kernel's group equal to the legs, singles first. */
  operationsFor(
    id: number,
    legs: readonly Leg[],
    mirror: Mirror,
    singles: SingleAllocation,
  ): Operation[] {
    const operations: Operation[] = [];
    const members = legs.map((leg) => {
      const known = singles.idOf(leg, mirror);
      if (known !== undefined) return { id: known, weight: leg.weight };
      const added = singles.add(leg, this.#free(mirror));
      this.#claimed.add(added.id);
      operations.push({ op: 'nexthop-add', nexthop: added });
      return { id: added.id, weight: leg.weight };
    });
    const group: NexthopObject = { type: 'group', id, members };
    const actual = mirror.groups().get(id);
    if (actual === undefined) operations.push({ op: 'nexthop-add', nexthop: group });
    else if (membersKey(actual.members) !== membersKey(members)) {
      operations.push({ op: 'nexthop-replace', nexthop: group });
    }
    return operations;
  }

  /** Deletions of groups that no set claims and no route stands on, then of singles in no group. */
  unused(mirror: Mirror, inUse: ReadonlySet<number>): Operation[] {
    const operations: Operation[] = [];
    const members = new Set<number>();
    for (const group of mirror.groups().values()) {
      if (!inUse.has(group.id) && mirror.routesOnGroup(group.id) === 0) {
        operations.push({ op: 'nexthop-delete', id: group.id });
        this.forget(group.id);
      } else for (const member of group.members) members.add(member.id);
    }
    for (const id of mirror.singleObjects().keys()) {
      if (members.has(id)) continue;
      operations.push({ op: 'nexthop-delete', id });
      this.#claimed.delete(id);
    }
    return operations;
  }

  /** Gives the id up: its group is gone. */
  forget(id: number): void {
    this.#claimed.delete(id);
    for (const [claim, claimed] of this.#claims) if (claimed === id) this.#claims.delete(claim);
  }

  #free(mirror: Mirror): number {
    const size = NEXTHOP_ID_LAST - NEXTHOP_ID_BASE + 1;
    for (let tries = 0; tries < size; tries++) {
      const id = this.#next;
      this.#next = id === NEXTHOP_ID_LAST ? NEXTHOP_ID_BASE : id + 1;
      if (!mirror.isIdTaken(id) && !this.#claimed.has(id)) return id;
    }
    throw new RangeError('all nexthop ids are taken');
  }
}

/** Single objects of one pass: those the kernel has, and those the pass adds. */
export class SingleAllocation {
  readonly #added = new Map<string, number>();

  idOf(leg: Leg, mirror: Mirror): number | undefined {
    const key = keyOf(leg);
    return mirror.singles().get(key) ?? this.#added.get(key);
  }

  add(leg: Leg, id: number): Extract<NexthopObject, { type: 'single' }> {
    this.#added.set(keyOf(leg), id);
    return { type: 'single', id, family: familyOf(leg), leg: { ...leg, weight: 1 } };
  }
}

function familyOf(leg: Leg): 'ipv4' | 'ipv6' {
  return leg.gateway?.family ?? 'ipv4';
}

function keyOf(leg: Leg): string {
  return `${familyOf(leg)} ${legKey({ ...leg, weight: 1 })}`;
}

function membersKey(members: readonly { readonly id: number; readonly weight: number }[]): string {
  return members
    .map(({ id, weight }) => `${id}*${weight}`)
    .sort()
    .join(' ');
}
