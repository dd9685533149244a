import { FAMILIES } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixSlots } from '../net/prefix-slots.js';

/** Prefixes to be looked at, each once, IPv4 first and in the order in which they were added. */
export class PrefixBacklog {
  readonly #families = FAMILIES.map((family) => new PrefixSlots(family));

  constructor(prefixes: Iterable<Prefix> = []) {
    for (const prefix of prefixes) this.add(prefix);
  }

  get size(): number {
    return this.#families.reduce((sum, { size }) => sum + size, 0);
  }

  add(prefix: Prefix): void {
    this.#families[prefix.family === 'ipv4' ? 0 : 1]?.add(prefix);
  }

  has(prefix: Prefix): boolean {
    const slots = this.#families[prefix.family === 'ipv4' ? 0 : 1];
    return slots !== undefined && slots.find(prefix) >= 0;
  }

  *[Symbol.iterator](): Generator<Prefix> {
    for (const slots of this.#families) {
      for (let slot = 0; slot < slots.end; slot++) yield slots.prefixAt(slot);
    }
  }
}
