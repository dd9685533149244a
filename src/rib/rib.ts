/**
 * The routing information base: for every prefix the whole set of paths its
 * source offers now. Holds what was heard and decides nothing.
 *
 * Every change is answered by what it changed, so that the stages behind do
 * work for changed prefixes only. A change costs O(1), and so do the counts.
 *
 * A full feed is marked and swept: `beginFeed` makes every entry stale, an
 * update makes its entry fresh again, and `endFeed` removes what stayed stale.
 * Until then stale paths count and are returned like any other.
 */
import { FAMILIES, type Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { type SharedSlots, sharedSlots } from '../net/shared-slots.js';
import { SlotArray } from '../net/slot-array.js';
import type { Path } from './path.js';

/** A prefix with all its paths; in a list of changes, no paths mean it is gone. */
export interface RibEntry {
  readonly prefix: Prefix;
  readonly paths: readonly Path[];
}

export class Rib {
  readonly #families: Readonly<Record<Family, FamilyRib>> = {
    ipv4: new FamilyRib('ipv4'),
    ipv6: new FamilyRib('ipv6'),
  };

  /** Applies whole sets in order; returns those that changed anything, as they were given. */
  apply(updates: readonly RibEntry[]): readonly RibEntry[] {
    return updates.filter((update) => this.#families[update.prefix.family].apply(update));
  }

  /** A new full feed begins, in both families: every entry is stale until it is repeated. */
  beginFeed(): void {
    for (const family of FAMILIES) this.#families[family].beginFeed();
  }

  /** The full feed of a family has ended: removes and returns what it did not repeat. Idempotent. */
  endFeed(family: Family): readonly RibEntry[] {
    return this.#families[family].sweep();
  }

  /** Removes and returns everything, or one family. */
  clear(family?: Family): readonly RibEntry[] {
    const families = family === undefined ? FAMILIES : [family];
    return families.flatMap((each) => this.#families[each].clear());
  }

  /** All paths of a prefix; `undefined` where there is none. */
  get(prefix: Prefix): readonly Path[] | undefined {
    return this.#families[prefix.family].get(prefix);
  }

  /** In the order of their slots, roughly that of arrival; the entries of one family may change while they are walked. */
  entries(family: Family): Generator<RibEntry> {
    return this.#families[family].entries();
  }

  /** Prefixes, stale ones included. */
  size(family: Family): number {
    return this.#families[family].size;
  }

  staleCount(family: Family): number {
    return this.#families[family].stale;
  }

  /** True when the feed that runs, or ran last, has spoken of it. */
  isFresh(prefix: Prefix): boolean {
    return this.#families[prefix.family].isFresh(prefix);
  }

  /** Prefixes that have a path of `peer`: what a prefix limit counts before the filters. */
  receivedFrom(peer: string, family: Family): number {
    return this.#families[family].received.get(peer) ?? 0;
  }
}

const FIRST_ROOM = 64;

/** One family's entries; everything of the class above, without the family. */
class FamilyRib {
  readonly received = new Map<string, number>();
  size = 0;
  stale = 0;
  readonly #slots: SharedSlots;
  readonly #paths = new SlotArray<readonly Path[]>();
  /** By slot: 1 where the feed that runs, or ran last, has spoken of it. */
  #fresh = new Uint8Array(FIRST_ROOM);

  constructor(family: Family) {
    this.#slots = sharedSlots[family];
    this.#slots.usedBy(this);
  }

  /** For {@link SharedSlots}. */
  uses(slot: number): boolean {
    return this.#paths.get(slot) !== undefined;
  }

  /** For {@link SharedSlots}. */
  trim(end: number): void {
    this.#paths.trim(end);
    const room = Math.max(FIRST_ROOM, end);
    if (room * 2 < this.#fresh.length) this.#fresh = this.#fresh.slice(0, room);
  }

  get(prefix: Prefix): readonly Path[] | undefined {
    const slot = this.#slots.find(prefix);
    return slot < 0 ? undefined : this.#paths.get(slot);
  }

  *entries(): Generator<RibEntry> {
    for (let slot = 0; slot < this.#slots.end; slot++) {
      const paths = this.#paths.get(slot);
      if (paths !== undefined) yield { prefix: this.#slots.prefixAt(slot), paths };
    }
  }

  /** False where nothing changed but the mark. */
  apply({ prefix, paths }: RibEntry): boolean {
    const slot = this.#slots.find(prefix);
    const before = slot < 0 ? undefined : this.#paths.get(slot);
    if (before === undefined) {
      if (paths.length === 0) return false;
      this.#add(slot < 0 ? this.#slots.add(prefix) : slot, paths);
      return true;
    }
    if (this.#fresh[slot] === 0) this.stale--;
    this.#fresh[slot] = 1;
    if (samePaths(before, paths)) return false;
    if (!samePeer(before, paths)) {
      this.#count(before, -1);
      this.#count(paths, 1);
    }
    if (paths.length === 0) this.#remove(slot);
    else this.#paths.set(slot, paths);
    return true;
  }

  isFresh(prefix: Prefix): boolean {
    const slot = this.#slots.find(prefix);
    return slot >= 0 && this.uses(slot) && this.#fresh[slot] === 1;
  }

  beginFeed(): void {
    this.#fresh.fill(0);
    this.stale = this.size;
  }

  sweep(): readonly RibEntry[] {
    const swept: RibEntry[] = [];
    if (this.stale === 0) return swept;
    for (let slot = 0; slot < this.#slots.end; slot++) {
      const paths = this.#paths.get(slot);
      if (paths === undefined || this.#fresh[slot] === 1) continue;
      swept.push({ prefix: this.#slots.prefixAt(slot), paths: WITHDRAWN });
      this.#count(paths, -1);
      this.#remove(slot);
    }
    this.stale = 0;
    return swept;
  }

  clear(): readonly RibEntry[] {
    const cleared = Array.from(this.entries(), ({ prefix }) => ({ prefix, paths: WITHDRAWN }));
    this.#slots.dropAll(this.size);
    this.#paths.clear();
    this.received.clear();
    this.size = 0;
    this.stale = 0;
    return cleared;
  }

  #add(slot: number, paths: readonly Path[]): void {
    if (slot >= this.#fresh.length) {
      const larger = new Uint8Array(slot * 2);
      larger.set(this.#fresh);
      this.#fresh = larger;
    }
    this.#fresh[slot] = 1;
    this.#paths.set(slot, paths);
    this.#count(paths, 1);
    this.size++;
  }

  #remove(slot: number): void {
    this.size--;
    if (this.size === 0) this.#paths.clear();
    else this.#paths.set(slot, undefined);
    this.#slots.drop();
  }

  /** Once a peer, whatever number of its paths: ADD-PATH peers send several. */
  #count(paths: readonly Path[], by: 1 | -1): void {
    for (let i = 0; i < paths.length; i++) {
      const peer = paths[i]?.peer;
      if (peer === undefined || (i > 0 && paths.findIndex((path) => path.peer === peer) < i))
        continue;
      const count = (this.received.get(peer) ?? 0) + by;
      if (count === 0) this.received.delete(peer);
      else this.received.set(peer, count);
    }
  }
}

const WITHDRAWN: readonly Path[] = [];

/** The common change: one path before, one after, of the same peer. */
function samePeer(a: readonly Path[], b: readonly Path[]): boolean {
  return a.length === 1 && b.length === 1 && a[0]?.peer === b[0]?.peer;
}

/**
 * Same paths in the same order; attributes by identity, since sources intern
 * them. One that is merely said again is the same: it keeps its `receivedAt`.
 */
function samePaths(a: readonly Path[], b: readonly Path[]): boolean {
  return a === b || (a.length === b.length && a.every((path, i) => samePath(path, b[i])));
}

function samePath(a: Path, b: Path | undefined): boolean {
  return (
    a === b ||
    (b !== undefined &&
      a.peer === b.peer &&
      a.peerAs === b.peerAs &&
      a.pathId === b.pathId &&
      a.session?.type === b.session?.type &&
      a.session?.routerId === b.session?.routerId &&
      a.attributes === b.attributes &&
      a.nextHop.interface === b.nextHop.interface &&
      a.nextHop.address.equals(b.nextHop.address))
  );
}
