import type { Family } from './family.js';
import type { Prefix } from './prefix.js';
import { type SharedSlots, type SlotUser, sharedSlots } from './shared-slots.js';

const FIRST_ROOM = 64;

/**
 * Values by prefix, first in first out, and each prefix once: a later value takes the place of
 * one that still waits. Numbered as whole tables are ({@link sharedSlots}), which look for the same
 * prefixes before and behind it, so that a place in it costs no search.
 */
export class PrefixQueue<Value extends NonNullable<unknown>> {
  /** What waits is from `#head` on: its number, twice, plus 1 for IPv6. */
  #order = new Int32Array(FIRST_ROOM);
  #values: (Value | undefined)[] = [];
  #head = 0;
  #end = 0;
  readonly #places = { ipv4: new Places('ipv4'), ipv6: new Places('ipv6') };

  get size(): number {
    return this.#end - this.#head;
  }

  set(prefix: Prefix, value: Value): void {
    const { family } = prefix;
    const places = this.#places[family];
    const slot = places.slots.add(prefix);
    const known = places.at(slot);
    if (known >= 0) {
      this.#values[known] = value;
      return;
    }
    if (this.#end === this.#order.length) this.#makeRoom();
    const at = this.#end++;
    this.#order[at] = slot * 2 + (family === 'ipv6' ? 1 : 0);
    this.#values[at] = value;
    places.put(slot, at);
  }

  /** Hands over up to `count` of those that have waited longest, which wait no more. Adds nothing meanwhile. */
  take(count: number, to: (prefix: Prefix, value: Value) => void): void {
    const end = this.#head + Math.min(count, this.size);
    while (this.#head < end) {
      const at = this.#head++;
      const places = this.#placesOf(at);
      const slot = (this.#order[at] as number) >>> 1;
      const value = this.#values[at] as Value;
      this.#values[at] = undefined;
      places.remove(slot);
      to(places.slots.prefixAt(slot), value);
    }
    if (this.size === 0) this.#clear();
  }

  #placesOf(at: number): Places {
    return ((this.#order[at] as number) & 1) === 0 ? this.#places.ipv4 : this.#places.ipv6;
  }

  /** What has gone makes room for what comes, where it is half of it; or there is twice as much. */
  #makeRoom(): void {
    const [head, size] = [this.#head, this.size];
    if (head * 2 < this.#end) {
      const larger = new Int32Array(this.#order.length * 2);
      larger.set(this.#order);
      this.#order = larger;
      return;
    }
    this.#order.copyWithin(0, head, this.#end);
    this.#values.splice(0, head);
    this.#head = 0;
    this.#end = size;
    for (let at = 0; at < size; at++) {
      this.#placesOf(at).put((this.#order[at] as number) >>> 1, at);
    }
  }

  #clear(): void {
    this.#head = 0;
    this.#end = 0;
    this.#values = [];
    if (this.#order.length > FIRST_ROOM) this.#order = new Int32Array(FIRST_ROOM);
  }
}

/** Of one family: where in the queue each number is. */
class Places implements SlotUser {
  size = 0;
  readonly slots: SharedSlots;
  /** By number: 1 plus the place; 0 where it does not wait. */
  #places = new Int32Array(FIRST_ROOM);

  constructor(family: Family) {
    this.slots = sharedSlots[family];
    this.slots.usedBy(this);
  }

  uses(slot: number): boolean {
    return this.at(slot) >= 0;
  }

  trim(end: number): void {
    const room = Math.max(FIRST_ROOM, end);
    if (room * 2 < this.#places.length) this.#places = this.#places.slice(0, room);
  }

  /** -1 where it does not wait. */
  at(slot: number): number {
    return (this.#places[slot] ?? 0) - 1;
  }

  put(slot: number, place: number): void {
    if (slot >= this.#places.length) {
      const larger = new Int32Array(Math.ceil((slot + 1) * 1.25));
      larger.set(this.#places);
      this.#places = larger;
    }
    if (this.#places[slot] === 0) this.size++;
    this.#places[slot] = place + 1;
  }

  remove(slot: number): void {
    this.#places[slot] = 0;
    this.size--;
  }
}
