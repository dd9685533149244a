import { FAMILIES, type Family } from './family.js';
import type { Prefix } from './prefix.js';
import { PrefixSlots } from './prefix-slots.js';

/**
 * A map by prefix, of both families, that keeps no object a prefix: those it
 * hands out are made anew. Walked by family, IPv4 first, in the order of slots:
 * that of arrival, but for what takes the place of something removed. It may
 * change while it is walked: what is removed is not met any more, what is added
 * may be.
 */
export class PrefixMap<Value> {
  readonly #ipv4 = new FamilyMap<Value>('ipv4');
  readonly #ipv6 = new FamilyMap<Value>('ipv6');

  get size(): number {
    return this.#ipv4.slots.size + this.#ipv6.slots.size;
  }

  sizeOf(family: Family): number {
    return this.#of(family).slots.size;
  }

  get(prefix: Prefix): Value | undefined {
    return this.#of(prefix.family).get(prefix);
  }

  has(prefix: Prefix): boolean {
    return this.#of(prefix.family).slots.find(prefix) >= 0;
  }

  set(prefix: Prefix, value: Value): void {
    this.#of(prefix.family).set(prefix, value);
  }

  /** False where it was not there. */
  delete(prefix: Prefix): boolean {
    return this.#of(prefix.family).delete(prefix);
  }

  clear(): void {
    for (const family of FAMILIES) this.#of(family).clear();
  }

  *keys(): Generator<Prefix> {
    for (const family of FAMILIES) for (const [prefix] of this.entriesOf(family)) yield prefix;
  }

  *values(): Generator<Value> {
    for (const family of FAMILIES) yield* this.#of(family).walk((_slots, _slot, value) => value);
  }

  *entries(): Generator<[Prefix, Value]> {
    for (const family of FAMILIES) yield* this.entriesOf(family);
  }

  entriesOf(family: Family): Generator<[Prefix, Value]> {
    return this.#of(family).walk((slots, slot, value) => [slots.prefixAt(slot), value]);
  }

  #of(family: Family): FamilyMap<Value> {
    return family === 'ipv4' ? this.#ipv4 : this.#ipv6;
  }
}

/** The values lie in an array by the slots of their prefixes. */
class FamilyMap<Value> {
  readonly slots: PrefixSlots;
  readonly #values: (Value | undefined)[] = [];

  constructor(family: Family) {
    this.slots = new PrefixSlots(family);
  }

  get(prefix: Prefix): Value | undefined {
    const slot = this.slots.find(prefix);
    return slot < 0 ? undefined : this.#values[slot];
  }

  set(prefix: Prefix, value: Value): void {
    this.#values[this.slots.add(prefix)] = value;
  }

  delete(prefix: Prefix): boolean {
    const slot = this.slots.remove(prefix);
    if (slot < 0) return false;
    if (this.slots.size === 0) this.#values.length = 0;
    else this.#values[slot] = undefined;
    return true;
  }

  clear(): void {
    this.slots.clear();
    this.#values.length = 0;
  }

  *walk<Item>(make: (slots: PrefixSlots, slot: number, value: Value) => Item): Generator<Item> {
    const { slots } = this;
    for (let slot = 0; slot < slots.end; slot++) {
      if (slots.isUsed(slot)) yield make(slots, slot, this.#values[slot] as Value);
    }
  }
}
