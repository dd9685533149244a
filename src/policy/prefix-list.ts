/**
 * Prefix lists with FRR's meaning exactly, at a cost independent of their
 * size. After `prefix_list_entry_match` and `prefix_list_apply_ext` of FRR's
 * lib/plist.c:
 *
 * - of all entries that match, the one with the lowest `seq` decides; none: deny;
 * - an entry matches what lies in its prefix with, given neither `ge` nor `le`,
 *   the same length; `le` alone: up to `le`; `ge` alone: from `ge` on; both: between;
 * - a list that exists without entries permits everything; one that does not
 *   exist denies (and a route-map that names it does not match).
 *
 * IPv4 and IPv6 lists of one name are two lists in FRR. A name with entries in
 * one family only is undefined in the other; a name with none at all exists,
 * empty, in both.
 */
import type { PrefixListConfig, PrefixListEntry } from '../config/config.js';
import { FAMILIES, familyBits } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixIndex, type PrefixRange } from './prefix-index.js';

export class PrefixList {
  readonly #entries: readonly PrefixListEntry[];
  readonly #index = new PrefixIndex();

  constructor(config: PrefixListConfig) {
    this.#entries = FAMILIES.flatMap((family) => config[family].toSorted((a, b) => a.seq - b.seq));
    this.#entries.forEach((entry, order) => {
      this.#index.add(entryRange(entry), order);
    });
  }

  permits(prefix: Prefix): boolean {
    if (this.#entries.length === 0) return true;
    return this.decidedBy(prefix)?.action === 'permit';
  }

  /** The entry that decides about `prefix`; `undefined` where none matches. */
  decidedBy(prefix: Prefix): PrefixListEntry | undefined {
    const order = this.#index.first(prefix);
    return order < 0 ? undefined : this.#entries[order];
  }
}

/** Compiles every list once, for the filters of all tables. */
export function compilePrefixLists(
  lists: ReadonlyMap<string, PrefixListConfig>,
): ReadonlyMap<string, PrefixList> {
  return new Map([...lists].map(([name, config]) => [name, new PrefixList(config)]));
}

function entryRange({ prefix, ge, le }: PrefixListEntry): PrefixRange {
  const { length } = prefix;
  if (ge === 0 && le === 0) return { prefix, minLength: length, maxLength: length };
  return {
    prefix,
    minLength: ge === 0 ? length : ge,
    maxLength: le === 0 ? familyBits(prefix.family) : le,
  };
}
