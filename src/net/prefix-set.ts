import type { Address } from './address.js';
import { type Family, familyBits } from './family.js';
import { Prefix } from './prefix.js';

/** The members of one length, by {@link Prefix.leadingBits}. */
interface Level {
  readonly length: number;
  readonly members: Map<number | string, Prefix>;
}

/** A set of prefixes that answers what covers a prefix: one look-up for each length that occurs. */
export class PrefixSet {
  readonly #members = new Map<string, Prefix>();
  /** Descending by length. */
  readonly #levels: Readonly<Record<Family, Level[]>> = { ipv4: [], ipv6: [] };

  constructor(prefixes: Iterable<Prefix>) {
    for (const prefix of prefixes) {
      const { family, length } = prefix;
      this.#members.set(prefix.key, prefix);
      const levels = this.#levels[family];
      let level = levels.find((one) => one.length === length);
      if (level === undefined) {
        level = { length, members: new Map() };
        levels.push(level);
      }
      level.members.set(prefix.leadingBits(length), prefix);
    }
    for (const levels of Object.values(this.#levels)) levels.sort((a, b) => b.length - a.length);
  }

  /** The longest member that is `of` or contains it. */
  covering(of: Prefix | Address): Prefix | undefined {
    const prefix = of instanceof Prefix ? of : Prefix.of(of, familyBits(of.family));
    for (const { length, members } of this.#levels[prefix.family]) {
      if (length > prefix.length) continue;
      const member = members.get(prefix.leadingBits(length));
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

  /** What only one of the two has: nothing when they are equal. */
  difference(other: PrefixSet): readonly Prefix[] {
    const found: Prefix[] = [];
    for (const prefix of this.#members.values()) if (!other.has(prefix)) found.push(prefix);
    for (const prefix of other.#members.values()) if (!this.has(prefix)) found.push(prefix);
    return found;
  }
}
