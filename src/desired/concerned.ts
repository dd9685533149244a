/**
 * Which prefixes have to be decided again because the node changed under them:
 * those within a prefix that is kept in main now or was, those with a next hop
 * that is an address of the node now or was, and those whose paths compete by
 * the cost of their next hops. Everything else that a decision reads does not
 * follow from the node.
 */
import type { Address } from '../net/address.js';
import type { Prefix } from '../net/prefix.js';
import type { NextHop } from '../rib/path.js';
import type { RibEntry } from '../rib/rib.js';

export interface NodeChange {
  /** Prefixes whose being kept in main began or ended. */
  readonly kept: readonly Prefix[];
  /** Own addresses and `local` routes that came or went. */
  readonly own: readonly Prefix[];
  /** Whether the way to a next hop costs something else now, or has come or gone; absent: none does. */
  readonly moved: ((nextHop: NextHop) => boolean) | undefined;
}

/** With more prefixes than this in a change a look at each costs more than to decide anew. */
const MOST_LOOKED_FOR = 32;

/** Whether `change` concerns an entry: every one where it is a large change. Allocates nothing when asked. */
export function concernedBy({ kept, own, moved }: NodeChange): (entry: RibEntry) => boolean {
  if (kept.length + own.length > MOST_LOOKED_FOR) return () => true;
  // Neighbours in a feed share their next hop.
  let lastHop: Address | undefined;
  let lastIsOwn = false;
  return (entry) => {
    if (isWithin(entry.prefix, kept)) return true;
    if (own.length > 0) {
      for (const { nextHop } of entry.paths) {
        if (nextHop.address !== lastHop) {
          lastHop = nextHop.address;
          lastIsOwn = isWithin(lastHop, own);
        }
        if (lastIsOwn) return true;
      }
    }
    return moved !== undefined && competesOver(entry, moved);
  };
}

/** A single path has none to compete with, and a daemon's best set is as its daemon made it. */
function competesOver({ paths }: RibEntry, moved: (nextHop: NextHop) => boolean): boolean {
  if (paths.length < 2) return false;
  for (const { session, nextHop } of paths) {
    if (session !== undefined && moved(nextHop)) return true;
  }
  return false;
}

function isWithin(of: Prefix | Address, prefixes: readonly Prefix[]): boolean {
  for (const prefix of prefixes) if (prefix.contains(of)) return true;
  return false;
}
