import { FAMILIES, type Family } from './family.js';
import type { Prefix } from './prefix.js';
import { PrefixSlots } from './prefix-slots.js';
import { sharedSlots } from './shared-slots.js';
import { SlotArray } from './slot-array.js';

/**
 * A map by prefix, of both families, that keeps no object a prefix: those it
 * hands out are made anew. Walked by family, IPv4 first, in the order of slots:
 * that of arrival, but for what takes the place of something removed, and in
 * whole tables for what another of them held before. It may change while it is walked: what is removed is not met any more, what is added
 * may be.
 */
export class PrefixMap<Value extends NonNullable<unknown>> {
  readonly #ipv4: FamilyMap<Value>;
  readonly #ipv6: FamilyMap<Value>;

  constructor(slots: (family: Family) => SlotSpace = (family) => new PrefixSlots(family)) {
    this.#ipv4 = new FamilyMap(slots('ipv4'));
    this.#ipv6 = new FamilyMap(slots('ipv6'));
  }

  /**
   * One of those that hold whole tables: all of them number their prefixes alike, so that each
   * prefix is there once. To walk one costs a look at every prefix that any of them holds.
   */
  static ofTable<Value extends NonNullable<unknown>>(): PrefixMap<Value> {
    const map = new PrefixMap<Value>((family) => sharedSlots[family]);
    sharedSlots.ipv4.usedBy(map.#ipv4);
    sharedSlots.ipv6.usedBy(map.#ipv6);
    return map;
  }

  get size(): number {
    return this.#ipv4.size + this.#ipv6.size;
  }

  sizeOf(family: Family): number {
    return this.#of(family).size;
  }

  get(prefix: Prefix): Value | undefined {
    return this.#of(prefix.family).get(prefix);
  }

  has(prefix: Prefix): boolean {
    return this.#of(prefix.family).get(prefix) !== undefined;
  }

  set(prefix: Prefix, value: Value): void {
    this.#of(prefix.family).set(prefix, value);
  }

  /** False where it was not there. */
  delete(prefix: Prefix): boolean {
    return this.#of(prefix.family).delete(prefix);
  }

  clear(): void {
    for (const family of FAMILIES) this.clearOf(family);
  }

  clearOf(family: Family): void {
    this.#of(family).clear();
  }

  *keys(): Generator<Prefix> {
    for (const family of FAMILIES) yield* this.#of(family).keys();
  }

  /** Those that `other` does not have. Both hold whole tables: the few among many cost no search for each. */
  *keysBeside(other: PrefixMap<NonNullable<unknown>>): Generator<Prefix> {
    for (const family of FAMILIES) yield* this.#of(family).keysBeside(other.#of(family));
  }

  *values(): Generator<Value> {
    for (const family of FAMILIES) yield* this.#of(family).values();
  }

  *entries(): Generator<[Prefix, Value]> {
    for (const family of FAMILIES) yield* this.entriesOf(family);
  }

  entriesOf(family: Family): Generator<[Prefix, Value]> {
    return this.#of(family).entries();
  }

  #of(family: Family): FamilyMap<Value> {
    return family === 'ipv4' ? this.#ipv4 : this.#ipv6;
  }
}

/** Where a map has the slots of one family from. */
export interface SlotSpace {
  /** All slots are below. */
  readonly end: number;
  /** -1 where the prefix has none. */
  find(prefix: Prefix): number;
  add(prefix: Prefix): number;
  prefixAt(slot: number): Prefix;
  /** The map does not hold it any more. */
  drop(prefix: Prefix): void;
  /** The map, which held so many, holds none any more. */
  dropAll(count: number): void;
}

/** The values lie in an array by the slots of their prefixes. */
class FamilyMap<Value extends NonNullable<unknown>> {
  size = 0;
  readonly #values = new SlotArray<Value>();

  constructor(private readonly slots: SlotSpace) {}

  /** For {@link SharedSlots}. */
  uses(slot: number): boolean {
    return this.#values.get(slot) !== undefined;
  }

  /** For {@link SharedSlots}. */
  trim(end: number): void {
    this.#values.trim(end);
  }

  get(prefix: Prefix): Value | undefined {
    const slot = this.slots.find(prefix);
    return slot < 0 ? undefined : this.#values.get(slot);
  }

  set(prefix: Prefix, value: Value): void {
    const slot = this.slots.add(prefix);
    if (this.#values.get(slot) === undefined) this.size++;
    this.#values.set(slot, value);
  }

  delete(prefix: Prefix): boolean {
    const slot = this.slots.find(prefix);
    if (slot < 0 || this.#values.get(slot) === undefined) return false;
    this.slots.drop(prefix);
    this.size--;
    if (this.size === 0) this.#values.clear();
    else this.#values.set(slot, undefined);
    return true;
  }

  clear(): void {
    this.slots.dropAll(this.size);
    this.size = 0;
    this.#values.clear();
  }

  *values(): Generator<Value> {
    for (let slot = 0; slot < this.slots.end; slot++) {
      const value = this.#values.get(slot);
      if (value !== undefined) yield value;
    }
  }

  *keys(): Generator<Prefix> {
    for (let slot = 0; slot < this.slots.end; slot++) {
      if (this.uses(slot)) yield this.slots.prefixAt(slot);
    }
  }

  *keysBeside(other: FamilyMap<NonNullable<unknown>>): Generator<Prefix> {
    if (this.slots !== other.slots) throw new TypeError('maps that number their prefixes apart');
    for (let slot = 0; slot < this.slots.end; slot++) {
      if (this.uses(slot) && !other.uses(slot)) yield this.slots.prefixAt(slot);
    }
  }

  *entries(): Generator<[Prefix, Value]> {
    for (let slot = 0; slot < this.slots.end; slot++) {
      const value = this.#values.get(slot);
      if (value !== undefined) yield [this.slots.prefixAt(slot), value];
    }
  }
}
