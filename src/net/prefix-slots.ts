/**
 * Prefixes of one family, numbered: each has a slot, a small number that is its
 * own until it is removed, and may then be another's. What is known of a prefix
 * lies in arrays by slot, beside this, so that a million prefixes are some large
 * arrays and not a million objects (docs/decisions/013-prefix-slots.md).
 *
 * A hash table with open addressing. An entry of the index is a slot and seven
 * bits of the hash, so that nearly every entry of another prefix is passed over
 * without a look at it.
 */
import { Address } from './address.js';
import type { Family } from './family.js';
import { Prefix } from './prefix.js';

const SLOT_BITS = 25;
const SLOT_MASK = 2 ** SLOT_BITS - 1;
/** Slots in an entry of the index begin at 1: 0 is an empty one. */
const MOST = SLOT_MASK;
const FIRST_ROOM = 16;
/** Of the room for keys, when it is full; the index doubles. */
const GROWTH = 1.25;
/** In the place of the length, of a slot that is nobody's; its first word is the next such slot. */
const FREE = -1;
const NO_SLOT = -1;

export class PrefixSlots {
  /** A power of two; at most three quarters of it are in use. */
  #index = new Int32Array(FIRST_ROOM * 2);
  /** Of each slot the words of the address and the length. */
  #keys: Int32Array;
  readonly #stride: number;
  #free = NO_SLOT;
  #end = 0;
  #size = 0;

  constructor(readonly family: Family) {
    this.#stride = family === 'ipv4' ? 2 : 5;
    this.#keys = new Int32Array(FIRST_ROOM * this.#stride);
  }

  /** Prefixes. */
  get size(): number {
    return this.#size;
  }

  /** All slots in use are below. They go on from 0, and what was removed leaves holes until others fill them. */
  get end(): number {
    return this.#end;
  }

  /** False for a hole. */
  isUsed(slot: number): boolean {
    return slot < this.#end && this.#lengthAt(slot) !== FREE;
  }

  /** The slot of a prefix of this family; -1 where it has none. */
  find(prefix: Prefix): number {
    const index = this.#index;
    const mask = index.length - 1;
    const hash = hashOf(prefix);
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const entry = index[at] as number;
      if (entry === 0) return NO_SLOT;
      if ((entry ^ hash) >>> SLOT_BITS !== 0) continue;
      const slot = (entry & SLOT_MASK) - 1;
      if (this.holds(slot, prefix)) return slot;
    }
  }

  /** The slot of a prefix of this family, which has one from now on; {@link size} tells whether it is new. */
  add(prefix: Prefix): number {
    const known = this.find(prefix);
    return known === NO_SLOT ? this.insert(prefix) : known;
  }

  /** As {@link add}, of a prefix that has none. */
  insert(prefix: Prefix): number {
    const slot = this.#take();
    this.#write(slot, prefix);
    this.#size++;
    if (this.#size * 4 > this.#index.length * 3) this.#rebuild(this.#index.length * 2);
    else this.#enter(hashOf(prefix), slot);
    return slot;
  }

  /** Returns the slot it had, or -1. */
  remove(prefix: Prefix): number {
    const index = this.#index;
    const mask = index.length - 1;
    const slot = this.find(prefix);
    if (slot === NO_SLOT) return NO_SLOT;
    let hole = hashOf(prefix) & mask;
    while (((index[hole] as number) & SLOT_MASK) - 1 !== slot) hole = (hole + 1) & mask;
    // What was put off by it moves back, so that no search ends before its prefix.
    for (let at = (hole + 1) & mask; index[at] !== 0; at = (at + 1) & mask) {
      const entry = index[at] as number;
      const home = this.#hashAt((entry & SLOT_MASK) - 1) & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      index[hole] = entry;
      hole = at;
    }
    index[hole] = 0;
    this.#size--;
    if (this.#size === 0) this.clear();
    else this.#giveBack(slot);
    return slot;
  }

  /** As {@link remove}, for a map that has no other use of the slot. */
  drop(prefix: Prefix): void {
    this.remove(prefix);
  }

  /** As {@link clear}, likewise. */
  dropAll(): void {
    this.clear();
  }

  /** Removes the prefix of every slot that `keep` is false for; gives the room behind the last slot back. */
  removeUnless(keep: (slot: number) => boolean): void {
    for (let slot = 0; slot < this.#end; slot++) {
      if (!this.isUsed(slot) || keep(slot)) continue;
      this.#size--;
      this.#giveBack(slot);
    }
    if (this.#size === 0) this.clear();
    else this.#cut();
  }

  /** The prefix of a slot that is in use. */
  prefixAt(slot: number): Prefix {
    const keys = this.#keys;
    const at = slot * this.#stride;
    const w0 = keys[at] as number;
    if (this.family === 'ipv4')
      return Prefix.ofWords(new Address('ipv4', w0), keys[at + 1] as number);
    const [w1, w2, w3] = [keys[at + 1] as number, keys[at + 2] as number, keys[at + 3] as number];
    return Prefix.ofWords(new Address('ipv6', w0, w1, w2, w3), keys[at + 4] as number);
  }

  /** Slots in use, in the order of the hash: scattered over the address space. */
  *scattered(): Generator<number> {
    for (const entry of this.#index) if (entry !== 0) yield (entry & SLOT_MASK) - 1;
  }

  /** Room and all. */
  clear(): void {
    this.#index = new Int32Array(FIRST_ROOM * 2);
    this.#keys = new Int32Array(FIRST_ROOM * this.#stride);
    this.#free = NO_SLOT;
    this.#end = 0;
    this.#size = 0;
  }

  /** The slot is that of the prefix. */
  holds(slot: number, { address, length }: Prefix): boolean {
    const keys = this.#keys;
    const at = slot * this.#stride;
    if (keys[at] !== address.w0 || this.#lengthAt(slot) !== length) return false;
    return (
      this.#stride === 2 ||
      (keys[at + 1] === address.w1 && keys[at + 2] === address.w2 && keys[at + 3] === address.w3)
    );
  }

  #lengthAt(slot: number): number {
    return this.#keys[slot * this.#stride + this.#stride - 1] as number;
  }

  #write(slot: number, { address, length }: Prefix): void {
    const keys = this.#keys;
    const at = slot * this.#stride;
    keys[at] = address.w0;
    if (this.#stride > 2) {
      keys[at + 1] = address.w1;
      keys[at + 2] = address.w2;
      keys[at + 3] = address.w3;
    }
    keys[at + this.#stride - 1] = length;
  }

  #take(): number {
    inUse = true;
    const slot = this.#free;
    if (slot !== NO_SLOT) {
      this.#free = this.#keys[slot * this.#stride] as number;
      return slot;
    }
    if (this.#end === MOST) throw new RangeError(`more than ${MOST} prefixes`);
    const end = this.#end++;
    if (this.#end * this.#stride > this.#keys.length) {
      const larger = new Int32Array(Math.ceil(end * GROWTH) * this.#stride);
      larger.set(this.#keys);
      this.#keys = larger;
    }
    return end;
  }

  #giveBack(slot: number): void {
    const at = slot * this.#stride;
    this.#keys[at] = this.#free;
    this.#keys[at + this.#stride - 1] = FREE;
    this.#free = slot;
  }

  /** {@link end} falls to the last slot in use; the holes below are filled from the first. */
  #cut(): void {
    while (this.#lengthAt(this.#end - 1) === FREE) this.#end--;
    this.#free = NO_SLOT;
    for (let slot = this.#end - 1; slot >= 0; slot--) {
      if (this.#lengthAt(slot) === FREE) this.#giveBack(slot);
    }
    const keys = Math.max(FIRST_ROOM, Math.ceil(this.#end * GROWTH)) * this.#stride;
    if (keys * 2 < this.#keys.length) this.#keys = this.#keys.slice(0, keys);
    let room = FIRST_ROOM * 2;
    while (this.#size * 4 > room * 3) room *= 2;
    this.#rebuild(Math.min(room * 2, this.#index.length));
  }

  #enter(hash: number, slot: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let at = hash & mask;
    while (index[at] !== 0) at = (at + 1) & mask;
    index[at] = (hash & ~SLOT_MASK) | (slot + 1);
  }

  #rebuild(room: number): void {
    this.#index = new Int32Array(room);
    for (let slot = 0; slot < this.#end; slot++) {
      if (this.#lengthAt(slot) !== FREE) this.#enter(this.#hashAt(slot), slot);
    }
  }

  #hashAt(slot: number): number {
    const keys = this.#keys;
    const at = slot * this.#stride;
    const w0 = keys[at] as number;
    if (this.#stride === 2) return hashOfWords(w0, 0, 0, 0, keys[at + 1] as number);
    const [w1, w2, w3] = [keys[at + 1] as number, keys[at + 2] as number, keys[at + 3] as number];
    return hashOfWords(w0, w1, w2, w3, keys[at + 4] as number);
  }
}

function hashOf({ address: { w0, w1, w2, w3 }, length }: Prefix): number {
  return hashOfWords(w0, w1, w2, w3, length);
}

function hashOfWords(w0: number, w1: number, w2: number, w3: number, length: number): number {
  let hash = seed ^ w0 ^ Math.imul(length + 1, 0x9e3779b1);
  if ((w1 | w2 | w3) !== 0) {
    hash = mixed(hash) ^ w1;
    hash = mixed(hash) ^ w2;
    hash = mixed(hash) ^ w3;
  }
  return mixed(hash);
}

/** The finalizer of MurmurHash3: every bit that goes in moves every bit that comes out. */
function mixed(word: number): number {
  let hash = word ^ (word >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

let seed = 0;
/** Some prefix was kept: where it is found depends on the seed. */
let inUse = false;

/**
 * To be called before the first prefix is kept, with a number that no peer can
 * guess: one that knows it could announce prefixes that all fall into one place.
 * @throws Error once some prefix was kept.
 */
export function seedPrefixHash(number: number): void {
  if (inUse) throw new Error('the hash of prefixes is seeded before any is kept');
  seed = number | 0;
}
