/**
 * Which nexthop group a next-hop set stands on. Every route of a table that
 * uses objects stands on a group, even a group of one, because the kernel
 * replaces a group by a group in one message and refuses everything else.
 */

import type { Engine } from '../desired/engine.js';
import type { NextHopSet } from '../desired/next-hop-set.js';
import { type Leg, legKey, type NexthopObject } from '../desired/route.js';
import { NEXTHOP_ID_BASE, NEXTHOP_ID_LAST, type Operation } from '../kernel/kernel.js';
import type { Mirror } from './mirror.js';

/** Nexthop objects and what stands on them: as the kernel has them, or as a plan would leave them. */
export type NexthopState = Pick<Mirror, 'groups' | 'singleObjects' | 'routesOnGroup'>;

export class NexthopGroups {
  /**
   * Ids of groups by table and set key, which outlive a reload and the sets it
   * makes anew; ids of singles by leg, so that a refused one is asked for again
   * under its id.
   */
  readonly #claims = new Map<string, number>();
  readonly #claimants = new Map<number, string>();
  #next = NEXTHOP_ID_BASE;

  /** The id of the set's group; a free one at first. Throws RangeError when all are taken. */
  idOf(table: number, set: NextHopSet, mirror: Mirror): number {
    const claimant = groupClaimant(table, set);
    const known = this.#claims.get(claimant);
    if (known !== undefined && (mirror.groups().has(known) || !mirror.isIdTaken(known)))
      return known;
    return this.#claim(claimant, this.#free(mirror));
  }

  /** Groups in the kernel that no set has claimed. */
  unclaimed(mirror: Mirror): Set<number> {
    return new Set([...mirror.groups().keys()].filter((id) => !this.#claimants.has(id)));
  }

  /** Gives an unclaimed group to a set that has none. */
  claim(table: number, set: NextHopSet, id: number): void {
    this.#claim(groupClaimant(table, set), id);
  }

  /** The kernel's group has exactly these legs. */
  holds(id: number, legs: readonly Leg[], mirror: Mirror): boolean {
    const members = legs.map((leg) => ({
      id: mirror.singles().get(keyOf(leg)) ?? 0,
      weight: leg.weight,
    }));
    return membersKey(mirror.groups().get(id)?.members ?? []) === membersKey(members);
  }

  /** An independent copy, for a plan that is not to be carried out. */
  clone(): NexthopGroups {
    const copy = new NexthopGroups();
    for (const [claimant, id] of this.#claims) copy.#claim(claimant, id);
    copy.#next = this.#next;
    return copy;
  }

  /** The id of the leg's single object, if it was ever asked for. */
  singleClaimOf(leg: Leg): number | undefined {
    return this.#claims.get(`${LEG}${keyOf(leg)}`);
  }

  /** The id, if the set has claimed one. */
  claimOf(table: number, set: NextHopSet): number | undefined {
    return this.#claims.get(groupClaimant(table, set));
  }

  /**
   * Operations that make the kernel's group equal to the legs, singles first. A
   * leg whose object is not certain to be there is left out, so that it keeps no
   * other waiting; without any leg left the group stays as it is.
   */
  operationsFor(
    id: number,
    legs: readonly Leg[],
    mirror: Mirror,
    singles: SingleAllocation,
  ): Operation[] {
    const operations: Operation[] = [];
    const members: { readonly id: number; readonly weight: number }[] = [];
    for (const leg of legs) {
      const known = singles.idOf(leg, mirror);
      if (known !== undefined) {
        members.push({ id: known, weight: leg.weight });
        continue;
      }
      const { operation, certain } = singles.add(leg, this.#singleId(leg, mirror));
      if (operation !== undefined) operations.push(operation);
      if (certain) members.push({ id: operation.nexthop.id, weight: leg.weight });
    }
    if (members.length === 0) return operations;
    const group: NexthopObject = { type: 'group', id, members };
    const actual = mirror.groups().get(id);
    if (actual === undefined) operations.push({ op: 'nexthop-add', nexthop: group });
    else if (membersKey(actual.members) !== membersKey(members)) {
      operations.push({ op: 'nexthop-replace', nexthop: group });
    }
    return operations;
  }

  /** Deletions of groups that no set claims and no route stands on, then of singles in no group. */
  unused(state: NexthopState, inUse: ReadonlySet<number>): Operation[] {
    const operations: Operation[] = [];
    const members = new Set<number>();
    for (const group of state.groups().values()) {
      if (!inUse.has(group.id) && state.routesOnGroup(group.id) === 0) {
        operations.push({ op: 'nexthop-delete', id: group.id });
        this.forget(group.id);
      } else for (const member of group.members) members.add(member.id);
    }
    for (const id of state.singleObjects().keys()) {
      if (members.has(id)) continue;
      operations.push({ op: 'nexthop-delete', id });
      this.forget(id);
    }
    for (const [claimant, id] of this.#claims) {
      const given = inUse.has(id) || state.groups().has(id) || claimant.startsWith(LEG);
      if (!given) this.forget(id);
    }
    return operations;
  }

  /** Gives the id up: its object is gone, or is somebody else's. */
  forget(id: number): void {
    const claimant = this.#claimants.get(id);
    if (claimant === undefined) return;
    this.#claimants.delete(id);
    this.#claims.delete(claimant);
  }

  #claim(claimant: string, id: number): number {
    const before = this.#claims.get(claimant);
    if (before !== undefined) this.#claimants.delete(before);
    this.#claims.set(claimant, id);
    this.#claimants.set(id, claimant);
    return id;
  }

  #singleId(leg: Leg, mirror: Mirror): number {
    const claimant = `${LEG}${keyOf(leg)}`;
    const known = this.#claims.get(claimant);
    if (known !== undefined && !mirror.isIdTaken(known)) return known;
    return this.#claim(claimant, this.#free(mirror));
  }

  #free(mirror: Mirror): number {
    const size = NEXTHOP_ID_LAST - NEXTHOP_ID_BASE + 1;
    for (let tries = 0; tries < size; tries++) {
      const id = this.#next;
      this.#next = id === NEXTHOP_ID_LAST ? NEXTHOP_ID_BASE : id + 1;
      if (!mirror.isIdTaken(id) && !this.#claimants.has(id)) return id;
    }
    throw new RangeError('all nexthop ids are taken');
  }
}

/** What one pass does about the single object of a leg that the kernel has not got. */
type SingleAddition =
  | { readonly operation: SingleAdd; readonly certain: true }
  /** Refused before: tried by itself first, or not before its time. */
  | { readonly operation: SingleAdd | undefined; readonly certain: false };

type SingleAdd = {
  readonly op: 'nexthop-add';
  readonly nexthop: Extract<NexthopObject, { type: 'single' }>;
};

/** Single objects of one pass: those the kernel has, and those the pass adds. */
export class SingleAllocation {
  readonly #added = new Map<string, number>();
  readonly #uncertain = new Set<string>();

  constructor(
    private readonly mayTry: (operation: Operation) => boolean,
    private readonly wasRefused: (operation: Operation) => boolean,
  ) {}

  idOf(leg: Leg, mirror: Mirror): number | undefined {
    const key = keyOf(leg);
    return mirror.singles().get(key) ?? this.#added.get(key);
  }

  add(leg: Leg, id: number): SingleAddition {
    const key = keyOf(leg);
    const nexthop = {
      type: 'single',
      id,
      family: familyOf(leg),
      leg: { ...leg, weight: 1 },
    } as const;
    const operation = { op: 'nexthop-add', nexthop } as const;
    if (!this.mayTry(operation) || this.#uncertain.has(key))
      return { operation: undefined, certain: false };
    if (this.wasRefused(operation)) {
      this.#uncertain.add(key);
      return { operation, certain: false };
    }
    this.#added.set(key, id);
    return { operation, certain: true };
  }
}

/** A table's id stands in its place for groups. */
const LEG = 'leg ';

function groupClaimant(table: number, { key }: NextHopSet): string {
  return `${table} ${key}`;
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

/** The groups of all next-hop sets there are, of those without routes too. */
export function groupsInUse(engine: Engine, groups: NexthopGroups): Set<number> {
  const inUse = new Set<number>();
  for (const table of engine.tables.values()) {
    if (!table.useObjects) continue;
    for (const set of table.nextHops.values()) {
      const id = groups.claimOf(table.config.id, set);
      if (id !== undefined) inUse.add(id);
    }
  }
  return inUse;
}
