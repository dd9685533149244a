import type { Address } from './address.js';
import { type Family, familyBits } from './family.js';
import { Prefix } from './prefix.js';

/** A set of prefixes that answers what covers a prefix: one look-up for each length that occurs. */
export class PrefixSet {
  readonly #members = new Map<string, Prefix>();
  readonly #lengths: Record<Family, number[]> = { ipv4: [], ipv6: [] };

  constructor(prefixes: Iterable<Prefix>) {
    for (const prefix of prefixes) {
      this.#members.set(prefix.key, prefix);
      const lengths = this.#lengths[prefix.family];
      if (!lengths.includes(prefix.length)) lengths.push(prefix.length);
    }
    for (const lengths of Object.values(this.#lengths)) lengths.sort((a, b) => b - a);
  }

  /** The longest member that is `of` or contains it. */
  covering(of: Prefix | Address): Prefix | undefined {
    const prefix = of instanceof Prefix ? of : Prefix.of(of, familyBits(of.family));
    for (const length of this.#lengths[prefix.family]) {
      if (length > prefix.length) continue;
      const member = this.#members.get(prefix.truncate(length).key);
      if (member !== undefined) return member;
    }
    return undefined;
  }

  has(prefix: Prefix): boolean {
    return this.#members.has(prefix.key);
  }

  get size(): number {
    return this.#members.size;
  }

  values(): Iterable<Prefix> {
    return this.#members.values();
  }

  equals(other: PrefixSet): boolean {
    if (other.size !== this.size) return false;
    for (const key of this.#members.keys()) if (!other.#members.has(key)) return false;
    return true;
  }
}
