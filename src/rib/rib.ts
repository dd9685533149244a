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
import type { Path } from './path.js';

/** A prefix with all its paths; in a list of changes, no paths mean it is gone. */
export interface RibEntry {
  readonly prefix: Prefix;
  readonly paths: readonly Path[];
}

interface Entry {
  readonly prefix: Prefix;
  paths: readonly Path[];
  /** Of the feed that last spoke of it. */
  feed: number;
}

export class Rib {
  readonly #families: Readonly<Record<Family, FamilyRib>> = {
    ipv4: new FamilyRib(),
    ipv6: new FamilyRib(),
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

  /** By `Prefix.key`. */
  get(key: string): RibEntry | undefined {
    return this.#families.ipv4.entries.get(key) ?? this.#families.ipv6.entries.get(key);
  }

  /** In order of arrival; the entries of one family may change while they are walked. */
  entries(family: Family): IterableIterator<RibEntry> {
    return this.#families[family].entries.values();
  }

  /** Prefixes, stale ones included. */
  size(family: Family): number {
    return this.#families[family].entries.size;
  }

  staleCount(family: Family): number {
    return this.#families[family].stale;
  }

  /** True when the feed that runs, or ran last, has spoken of it. */
  isFresh(prefix: Prefix): boolean {
    return this.#families[prefix.family].isFresh(prefix.key);
  }

  /** Prefixes that have a path of `peer`: what a prefix limit counts before the filters. */
  receivedFrom(peer: string, family: Family): number {
    return this.#families[family].received.get(peer) ?? 0;
  }
}

/** One family's entries; everything of the class above, without the family. */
class FamilyRib {
  readonly entries = new Map<string, Entry>();
  readonly received = new Map<string, number>();
  stale = 0;
  #feed = 0;

  /** False where nothing changed but the mark. */
  apply({ prefix, paths }: RibEntry): boolean {
    const entry = this.entries.get(prefix.key);
    if (entry === undefined) {
      if (paths.length === 0) return false;
      this.entries.set(prefix.key, { prefix, paths, feed: this.#feed });
      this.#count(paths, 1);
      return true;
    }
    if (entry.feed !== this.#feed) {
      entry.feed = this.#feed;
      this.stale--;
    }
    if (samePaths(entry.paths, paths)) return false;
    if (paths.length === 0) this.entries.delete(prefix.key);
    if (!samePeer(entry.paths, paths)) {
      this.#count(entry.paths, -1);
      this.#count(paths, 1);
    }
    entry.paths = paths;
    return true;
  }

  isFresh(key: string): boolean {
    return this.entries.get(key)?.feed === this.#feed;
  }

  beginFeed(): void {
    this.#feed++;
    this.stale = this.entries.size;
  }

  sweep(): readonly RibEntry[] {
    if (this.stale === 0) return [];
    const swept: Entry[] = [];
    for (const entry of this.entries.values()) {
      if (entry.feed !== this.#feed) swept.push(entry);
    }
    for (const entry of swept) {
      this.entries.delete(entry.prefix.key);
      this.#count(entry.paths, -1);
      entry.paths = WITHDRAWN;
    }
    this.stale = 0;
    return swept;
  }

  clear(): readonly RibEntry[] {
    const cleared = [...this.entries.values()];
    for (const entry of cleared) entry.paths = WITHDRAWN;
    this.entries.clear();
    this.received.clear();
    this.stale = 0;
    return cleared;
  }

  /** Once a peer, whatever number of its paths: ADD-PATH peers send several. */
  #count(paths: readonly Path[], by: 1 | -1): void {
    for (let i = 0; i < paths.length; i++) {
      const peer = paths[i]?.peer;
      if (peer === undefined || paths.findIndex((path) => path.peer === peer) < i) continue;
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
