import { FAMILIES, type Family, forFamilies } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { type SharedSlots, type SlotUser, sharedSlots } from '../net/shared-slots.js';

const FIRST_ROOM = 64;

/**
 * Prefixes of a whole table that are to be looked at, each once, IPv4 first and in the order in
 * which they were added. Numbered as the table is ({@link sharedSlots}): to add one that it has just
 * decided costs no search.
 */
export class ChangedPrefixes implements Iterable<Prefix> {
  readonly #families = forFamilies((family) => new Changed(family));

  get size(): number {
    return this.#families.ipv4.size + this.#families.ipv6.size;
  }

  add(prefix: Prefix): void {
    this.#families[prefix.family].add(prefix);
  }

  clear(): void {
    for (const family of FAMILIES) this.#families[family].clear();
  }

  *[Symbol.iterator](): Generator<Prefix> {
    for (const family of FAMILIES) yield* this.#families[family].prefixes();
  }
}

class Changed implements SlotUser {
  size = 0;
  readonly #slots: SharedSlots;
  #order = new Int32Array(FIRST_ROOM);
  /** By number: 1 for those in the list. */
  #marks = new Uint8Array(FIRST_ROOM);

  constructor(family: Family) {
    this.#slots = sharedSlots[family];
    this.#slots.usedBy(this);
  }

  uses(slot: number): boolean {
    return this.#marks[slot] === 1;
  }

  trim(end: number): void {
    const room = Math.max(FIRST_ROOM, end);
    if (room * 2 < this.#marks.length) this.#marks = this.#marks.slice(0, room);
  }

  add(prefix: Prefix): void {
    const slot = this.#slots.add(prefix);
    if (this.uses(slot)) return;
    if (slot >= this.#marks.length) {
      const larger = new Uint8Array(Math.ceil((slot + 1) * 1.25));
      larger.set(this.#marks);
      this.#marks = larger;
    }
    this.#marks[slot] = 1;
    if (this.size === this.#order.length) {
      const larger = new Int32Array(this.size * 2);
      larger.set(this.#order);
      this.#order = larger;
    }
    this.#order[this.size++] = slot;
  }

  clear(): void {
    for (let at = 0; at < this.size; at++) this.#marks[this.#order[at] as number] = 0;
    this.size = 0;
    if (this.#order.length > FIRST_ROOM) this.#order = new Int32Array(FIRST_ROOM);
  }

  *prefixes(): Generator<Prefix> {
    for (let at = 0; at < this.size; at++) yield this.#slots.prefixAt(this.#order[at] as number);
  }
}
