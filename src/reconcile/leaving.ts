/**
 * Prefixes of which all that is ours goes, kept from pass to pass. After a default
 * route the longest go first over all that is known, and those of one length scattered over the
 * address space: docs/decisions/016-longest-deleted-first.md. Those on one nexthop group are kept
 * together, since all of them may go with it: docs/decisions/017-groups-go-with-their-routes.md.
 */
import { PrefixBacklog } from '../desired/prefix-backlog.js';
import { FAMILIES, type Family, forFamilies } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixSlots } from '../net/prefix-slots.js';

export interface LeavingPrefix {
  readonly table: number;
  readonly prefix: Prefix;
  /** Its `throw` goes; otherwise all others do. */
  readonly throws: boolean;
}

/** In the place of a nexthop group's id. */
const NO_GROUP = 0;

export class Leaving {
  readonly #tables = new Map<number, Readonly<Record<Family, OfTable>>>();
  readonly #throws = new Map<number, PrefixBacklog>();
  /** Groups whose routes were found not to go together. */
  readonly #apart = new Set<number>();

  get size(): number {
    let size = 0;
    for (const { ipv4, ipv6 } of this.#tables.values()) size += ipv4.size + ipv6.size;
    for (const prefixes of this.#throws.values()) size += prefixes.size;
    return size;
  }

  /** Its routes go, but for a `throw`. `group`: what its only route stands on, where that is a nexthop group. */
  add(table: number, prefix: Prefix, group = NO_GROUP): void {
    let families = this.#tables.get(table);
    if (families === undefined) {
      families = forFamilies((family) => new OfTable(family));
      this.#tables.set(table, families);
    }
    families[prefix.family].add(prefix, group);
  }

  /** Its `throw` goes, once all that traffic was kept from has gone. */
  addThrow(table: number, prefix: Prefix): void {
    let prefixes = this.#throws.get(table);
    if (prefixes === undefined) {
      prefixes = new PrefixBacklog();
      this.#throws.set(table, prefixes);
    }
    prefixes.add(prefix);
  }

  /** Those that go next, which are not there any more: up to `count`, or all the throws. */
  take(count: number): readonly LeavingPrefix[] {
    const taken = this.#take(count, (prefixes, left) => prefixes.take(left));
    if (taken.length < count) {
      this.#tables.clear();
      this.#apart.clear();
    }
    return taken.length > 0 ? taken : this.#takeThrows();
  }

  /** Default routes alone: all of them. */
  takeDefaults(): readonly LeavingPrefix[] {
    return this.#take(Number.POSITIVE_INFINITY, (prefixes) => prefixes.takeOf(0));
  }

  /** IPv4 prefixes by the group that their routes stood on when they were added, of all tables; not those {@link keepApart}. */
  byGroup(): ReadonlyMap<number, number> {
    const counts = new Map<number, number>();
    for (const { ipv4 } of this.#tables.values()) {
      for (const [group, size] of ipv4.sizes) {
        if (group === NO_GROUP || this.#apart.has(group)) continue;
        counts.set(group, (counts.get(group) ?? 0) + size);
      }
    }
    return counts;
  }

  /** One by one, until all that goes now has gone. */
  keepApart(group: number): void {
    this.#apart.add(group);
  }

  /** Nothing stands on the group any more. */
  forget(group: number): void {
    for (const families of this.#tables.values()) {
      for (const family of FAMILIES) families[family].forget(group);
    }
  }

  #take(
    count: number,
    from: (prefixes: OfTable, left: number) => Iterable<Prefix>,
  ): LeavingPrefix[] {
    const taken: LeavingPrefix[] = [];
    for (const [table, families] of this.#tables) {
      for (const family of FAMILIES) {
        for (const prefix of from(families[family], count - taken.length)) {
          taken.push({ table, prefix, throws: false });
        }
      }
    }
    return taken;
  }

  #takeThrows(): readonly LeavingPrefix[] {
    const taken: LeavingPrefix[] = [];
    for (const [table, prefixes] of this.#throws) {
      for (const prefix of prefixes) taken.push({ table, prefix, throws: true });
    }
    this.#throws.clear();
    return taken;
  }
}

/** Of one table and family. */
class OfTable {
  size = 0;
  /** Prefixes by group. */
  readonly sizes = new Map<number, number>();
  /** By length, and then by group. */
  readonly #lengths: (Map<number, Alike> | undefined)[] = [];

  constructor(private readonly family: Family) {}

  add(prefix: Prefix, group: number): void {
    const { length } = prefix;
    let groups = this.#lengths[length];
    if (groups === undefined) {
      groups = new Map();
      this.#lengths[length] = groups;
    }
    let alike = groups.get(group);
    if (alike === undefined) {
      alike = new Alike(this.family);
      groups.set(group, alike);
    }
    if (alike.add(prefix)) this.#count(group, 1);
  }

  /** Up to `count`. */
  *take(count: number): Generator<Prefix> {
    let left = count;
    // A default route goes first: what is deleted before it would fall on it, and it is as dead.
    for (let length = 0; left > 0 && length >= 0; ) {
      for (const prefix of this.takeOf(length)) {
        yield prefix;
        if (--left === 0) return;
      }
      length = (length === 0 ? this.#lengths.length : length) - 1 || -1;
    }
  }

  /** All of one length. */
  *takeOf(length: number): Generator<Prefix> {
    const groups = this.#lengths[length];
    for (const [group, alike] of groups ?? []) {
      for (let next = alike.next(); next !== undefined; next = alike.next()) {
        this.#count(group, -1);
        yield next;
      }
      groups?.delete(group);
    }
  }

  forget(group: number): void {
    for (const groups of this.#lengths) groups?.delete(group);
    this.#count(group, -(this.sizes.get(group) ?? 0));
  }

  #count(group: number, by: number): void {
    const size = (this.sizes.get(group) ?? 0) + by;
    if (size === 0) this.sizes.delete(group);
    else this.sizes.set(group, size);
    this.size += by;
  }
}

/** Of one group and length. */
class Alike {
  #gathered: PrefixSlots | undefined;
  /** What is left of those that are being taken. */
  #taking: Iterator<Prefix> | undefined;

  constructor(private readonly family: Family) {}

  /** False for one that is gathered already. */
  add(prefix: Prefix): boolean {
    this.#gathered ??= new PrefixSlots(this.family);
    const before = this.#gathered.size;
    this.#gathered.add(prefix);
    return this.#gathered.size > before;
  }

  /** Takes one. */
  next(): Prefix | undefined {
    const next = this.#taking?.next();
    if (next !== undefined && next.done !== true) return next.value;
    const gathered = this.#gathered;
    this.#gathered = undefined;
    this.#taking = gathered && scattered(gathered);
    return gathered && this.next();
  }
}

function* scattered(slots: PrefixSlots): Generator<Prefix> {
  for (const slot of slots.scattered()) yield slots.prefixAt(slot);
}
