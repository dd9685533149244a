/**
 * An ordered list of prefix ranges in which the first that matches a prefix is
 * found at a cost that does not grow with the list: one map for every prefix
 * length that occurs in it, keyed by the leading bits. A look-up probes only
 * the lengths whose ranges can hold the prefix's own, at most 33 or 129, and
 * exactly one where no range has `ge` or `le`.
 */
import { type Family, familyBits } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';

/** Matches what lies in `prefix` with a length of `minLength` to `maxLength`. */
export interface PrefixRange {
  readonly prefix: Prefix;
  readonly minLength: number;
  readonly maxLength: number;
}

/** Ranges of one prefix, in order; each covers a length that none before it does. */
interface Node {
  readonly order: number;
  readonly min: number;
  readonly max: number;
  next: Node | undefined;
}

/** All ranges whose prefix has this length; `min` and `max` span theirs. */
interface Level {
  readonly length: number;
  min: number;
  max: number;
  readonly nodes: Map<number | string, Node>;
}

export class PrefixIndex {
  /** Ascending by length. */
  readonly #levels: Readonly<Record<Family, Level[]>> = { ipv4: [], ipv6: [] };

  /** `order` must not be lower than that of any range added before. */
  add(range: PrefixRange, order: number): void {
    const { prefix } = range;
    const min = Math.max(range.minLength, prefix.length);
    const max = Math.min(range.maxLength, familyBits(prefix.family));
    if (min > max) return;
    const level = this.#level(prefix.family, prefix.length);
    level.min = Math.min(level.min, min);
    level.max = Math.max(level.max, max);
    const key = prefix.leadingBits(prefix.length);
    const first = level.nodes.get(key);
    const node: Node = { order, min, max, next: undefined };
    if (first === undefined) level.nodes.set(key, node);
    else append(first, node);
  }

  /** The lowest `order` of a range that matches, or -1. */
  first(prefix: Prefix): number {
    const { length } = prefix;
    let best = -1;
    for (const level of this.#levels[prefix.family]) {
      if (level.length > length) break;
      if (length < level.min || length > level.max) continue;
      let node = level.nodes.get(prefix.leadingBits(level.length));
      while (node !== undefined && (length < node.min || length > node.max)) node = node.next;
      if (node !== undefined && (best < 0 || node.order < best)) best = node.order;
    }
    return best;
  }

  #level(family: Family, length: number): Level {
    const levels = this.#levels[family];
    const at = levels.findIndex((level) => level.length >= length);
    const found = at < 0 ? undefined : levels[at];
    if (found?.length === length) return found;
    const level: Level = { length, min: familyBits(family), max: 0, nodes: new Map() };
    levels.splice(at < 0 ? levels.length : at, 0, level);
    return level;
  }
}

/** Leaves out a range that others hide, so that a chain is never longer than the address is wide. */
function append(first: Node, node: Node): void {
  let last = first;
  const hidden = new Set<number>();
  for (let at: Node | undefined = first; at !== undefined; at = at.next) {
    for (let n = Math.max(at.min, node.min); n <= Math.min(at.max, node.max); n++) hidden.add(n);
    last = at;
  }
  if (hidden.size < node.max - node.min + 1) last.next = node;
}
