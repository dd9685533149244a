/**
 * Prefixes of which all that is ours goes, kept from pass to pass. After a default
 * route the longest go first over all that is known, and those of one length scattered over the
 * address space: docs/decisions/016-longest-deleted-first.md.
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

export class Leaving {
  readonly #tables = new Map<number, Readonly<Record<Family, ByLength>>>();
  readonly #throws = new Map<number, PrefixBacklog>();

  get size(): number {
    let size = 0;
    for (const { ipv4, ipv6 } of this.#tables.values()) size += ipv4.size + ipv6.size;
    for (const prefixes of this.#throws.values()) size += prefixes.size;
    return size;
  }

  /** Its routes go, but for a `throw`. */
  add(table: number, prefix: Prefix): void {
    let families = this.#tables.get(table);
    if (families === undefined) {
      families = forFamilies((family) => new ByLength(family));
      this.#tables.set(table, families);
    }
    families[prefix.family].add(prefix);
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
    const taken: LeavingPrefix[] = [];
    for (const [table, families] of this.#tables) {
      for (const family of FAMILIES) {
        for (const prefix of families[family].take(count - taken.length)) {
          taken.push({ table, prefix, throws: false });
        }
      }
    }
    if (taken.length < count) this.#tables.clear();
    return taken.length > 0 ? taken : this.#takeThrows();
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
class ByLength {
  size = 0;
  readonly #gathered: (PrefixSlots | undefined)[] = [];
  /** What is left of those that are being taken. */
  readonly #taking: (Iterator<Prefix> | undefined)[] = [];

  constructor(private readonly family: Family) {}

  add(prefix: Prefix): void {
    const { length } = prefix;
    let slots = this.#gathered[length];
    if (slots === undefined) {
      slots = new PrefixSlots(this.family);
      this.#gathered[length] = slots;
    }
    const before = slots.size;
    slots.add(prefix);
    this.size += slots.size - before;
  }

  *take(count: number): Generator<Prefix> {
    let left = Math.min(count, this.size);
    // A default route goes first: what is deleted before it would fall on it, and it is as dead.
    for (let length = 0; left > 0 && length >= 0; ) {
      const next = this.#next(length);
      if (next === undefined) length = (length === 0 ? this.#longest : length - 1) || -1;
      else {
        left--;
        this.size--;
        yield next;
      }
    }
  }

  get #longest(): number {
    return Math.max(this.#gathered.length, this.#taking.length) - 1;
  }

  #next(length: number): Prefix | undefined {
    const next = this.#taking[length]?.next();
    if (next !== undefined && next.done !== true) return next.value;
    const gathered = this.#gathered[length];
    this.#gathered[length] = undefined;
    this.#taking[length] = gathered && scattered(gathered);
    return gathered && this.#next(length);
  }
}

function* scattered(slots: PrefixSlots): Generator<Prefix> {
  for (const slot of slots.scattered()) yield slots.prefixAt(slot);
}
