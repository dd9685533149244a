/**
 * Every peer's Adj-RIB-In (RFC 4271 3.2) in one table by prefix: a prefix with
 * all its paths is what the consumer is given, and is held once. Whose a path
 * is, and whether it is stale, its epoch tells.
 */
import { FAMILIES, type Family } from '../../../net/family.js';
import type { Prefix } from '../../../net/prefix.js';
import type { Path, PathSession } from '../../../rib/path.js';

/** A stretch of a peer's speech: what it said in an earlier one is stale, until repeated. */
export interface Epoch extends PathSession {
  /** The peer's own object: equal for all its epochs. */
  readonly owner: PathOwner;
}

/** What the table asks of a peer, and counts for it. */
export interface PathOwner {
  /** What it says now belongs to these. */
  readonly epochs: Readonly<Record<Family, Epoch>>;
  /** Prefixes with a path of its own. */
  readonly received: Record<Family, number>;
}

export interface HeardPath extends Path {
  readonly session: Epoch;
}

interface Entry {
  readonly prefix: Prefix;
  /** Immutable: the consumer keeps it. */
  paths: readonly HeardPath[];
  /** Of the consumer's that was last told of it. */
  feed: number;
}

/** Of one prefix and one owner: a peer with ADD-PATH may name four thousand million (RFC 7911 3). */
export const MOST_PATHS = 256;

type Emit = (prefix: Prefix, paths: readonly HeardPath[]) => void;

export class HeardRoutes {
  readonly #families: Readonly<Record<Family, Map<string, Entry>>> = {
    ipv4: new Map(),
    ipv6: new Map(),
  };
  #feed = 0;

  /** `emit` is given every change: the prefix's whole set. */
  constructor(private readonly emit: Emit) {}

  size(family: Family): number {
    return this.#families[family].size;
  }

  /** The path that this owner has told under that path identifier. */
  find(prefix: Prefix, owner: PathOwner, pathId: number): HeardPath | undefined {
    const entry = this.#families[prefix.family].get(prefix.key);
    return entry?.paths[indexOf(entry.paths, owner, pathId)];
  }

  /**
   * Takes the place of what the same owner has told under the same path
   * identifier. `quietly`: nothing has changed that the consumer looks at. False
   * where the owner has {@link MOST_PATHS} others of the prefix: nothing is done then.
   */
  announce(prefix: Prefix, path: HeardPath, quietly = false): boolean {
    const { owner } = path.session;
    const entries = this.#families[prefix.family];
    const entry = entries.get(prefix.key);
    if (entry === undefined) {
      const begun = { prefix, paths: [path], feed: 0 };
      entries.set(prefix.key, begun);
      owner.received[prefix.family]++;
      this.#tell(begun);
      return true;
    }
    const at = indexOf(entry.paths, owner, path.pathId);
    if (at < 0) {
      const others = countOf(entry.paths, owner);
      if (others >= MOST_PATHS) return false;
      if (others === 0) owner.received[prefix.family]++;
      entry.paths = [...entry.paths, path];
    } else {
      entry.paths = entry.paths.length === 1 ? [path] : entry.paths.with(at, path);
    }
    if (!quietly || entry.feed !== this.#feed) this.#tell(entry);
    return true;
  }

  /** No error where there is none. */
  withdraw(prefix: Prefix, owner: PathOwner, pathId: number): void {
    const entry = this.#families[prefix.family].get(prefix.key);
    if (entry === undefined) return;
    const at = indexOf(entry.paths, owner, pathId);
    if (at >= 0) this.#keep(entry, owner, entry.paths.toSpliced(at, 1));
  }

  /**
   * Gives each path of the owner's, in one family, the path that `change`
   * returns in its place; none takes it away. Walks the whole family.
   */
  replace(
    family: Family,
    owner: PathOwner,
    change: (path: HeardPath) => HeardPath | undefined,
  ): void {
    for (const entry of this.#families[family].values()) {
      const { paths } = entry;
      if (!has(paths, owner)) continue;
      const next = paths.flatMap((path) =>
        path.session.owner === owner ? (change(path) ?? []) : [path],
      );
      if (next.length === paths.length && next.every((path, i) => path === paths[i])) continue;
      this.#keep(entry, owner, next);
    }
  }

  /**
   * For a consumer that begins anew: all there is, but for what is stale; that
   * is told once it is repeated, or by {@link endFeed}.
   */
  beginFeed(): void {
    this.#feed++;
    for (const family of FAMILIES) {
      for (const entry of this.#families[family].values()) {
        if (entry.paths.some((path) => !isStale(path, family))) this.#tell(entry);
      }
    }
  }

  /** What is still there of a family, and has not been told since {@link beginFeed}. */
  endFeed(family: Family): void {
    for (const entry of this.#families[family].values()) {
      if (entry.feed !== this.#feed) this.#tell(entry);
    }
  }

  #tell(entry: Entry): void {
    entry.feed = this.#feed;
    this.emit(entry.prefix, entry.paths);
  }

  #keep(entry: Entry, owner: PathOwner, paths: readonly HeardPath[]): void {
    const { prefix } = entry;
    entry.paths = paths;
    if (paths.length === 0) this.#families[prefix.family].delete(prefix.key);
    if (!has(paths, owner)) owner.received[prefix.family]--;
    this.#tell(entry);
  }
}

function isStale({ session }: HeardPath, family: Family): boolean {
  return session.owner.epochs[family] !== session;
}

function indexOf(paths: readonly HeardPath[], owner: PathOwner, pathId: number): number {
  for (let i = 0; i < paths.length; i++) {
    const path = paths[i] as HeardPath;
    if (path.session.owner === owner && path.pathId === pathId) return i;
  }
  return -1;
}

function countOf(paths: readonly HeardPath[], owner: PathOwner): number {
  let count = 0;
  for (const { session } of paths) if (session.owner === owner) count++;
  return count;
}

function has(paths: readonly HeardPath[], owner: PathOwner): boolean {
  for (let i = 0; i < paths.length; i++) {
    if ((paths[i] as HeardPath).session.owner === owner) return true;
  }
  return false;
}
