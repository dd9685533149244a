/** Collects the entries of a prefix list as FRR does: numbering, replacing, ignoring repeats. */
import { Address } from '../net/address.js';
import { type Family, familyBits } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import type { PrefixListEntry } from './config.js';

export const HIGHEST_SEQ = 0xffffffff;
const SEQ_STEP = 5;

/** One entry in words. `ge` and `le` are as FRR keeps them: 0 where not given. */
export interface ParsedEntry {
  readonly seq: number | undefined;
  readonly action: 'permit' | 'deny';
  /** `undefined`: `any`. */
  readonly prefix: Prefix | undefined;
  readonly ge: number;
  readonly le: number;
}

/** One list of one family while it is being read. */
export class ListBuilder {
  /** Line of the last description, 0 where there is none. */
  described = 0;
  broken = false;
  readonly #family: Family;
  readonly #bySeq = new Map<number, { entry: PrefixListEntry; words: string }>();
  /** How often each entry stands in the list, whatever its seq. */
  readonly #copies = new Map<string, number>();
  #highest = 0;

  constructor(family: Family) {
    this.#family = family;
  }

  get isEmpty(): boolean {
    return this.#bySeq.size === 0 && !this.broken;
  }

  /** Returns what is wrong, where no number is left for the entry. */
  add({ seq: given, action, prefix, ge, le }: ParsedEntry): string | undefined {
    const words = `${action} ${prefix?.key ?? 'any'} ${ge} ${le}`;
    if (given === undefined && this.#copies.has(words)) return undefined;
    const seq = given ?? this.#highest + SEQ_STEP;
    if (seq > HIGHEST_SEQ) return `no sequence number is left behind ${this.#highest}`;

    const replaced = this.#bySeq.get(seq)?.words;
    if (replaced !== undefined) {
      const copies = (this.#copies.get(replaced) ?? 1) - 1;
      if (copies === 0) this.#copies.delete(replaced);
      else this.#copies.set(replaced, copies);
    }
    this.#copies.set(words, (this.#copies.get(words) ?? 0) + 1);
    const entry =
      prefix === undefined
        ? { seq, action, prefix: wholeOf(this.#family), ge: 0, le: familyBits(this.#family) }
        : { seq, action, prefix, ge, le };
    this.#bySeq.set(seq, { entry: Object.freeze(entry), words });
    this.#highest = Math.max(this.#highest, seq);
    return undefined;
  }

  /** By `seq`; frozen, so that nobody has to walk a long list for that. */
  entries(): readonly PrefixListEntry[] {
    const entries = [...this.#bySeq.values()].map(({ entry }) => entry);
    return Object.freeze(entries.sort((a, b) => a.seq - b.seq));
  }
}

function wholeOf(family: Family): Prefix {
  return Prefix.of(new Address(family, 0), 0);
}
