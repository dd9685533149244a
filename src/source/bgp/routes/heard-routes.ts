/**
 * Every peer's Adj-RIB-In (RFC 4271 3.2) in one table by prefix: a prefix with
 * all its paths is what the consumer is given, and is held once. Whose a path
 * is, and whether it is stale, its epoch tells.
 */
import { FAMILIES, type Family } from '../../../net/family.js';
import type { Prefix } from '../../../net/prefix.js';
import { PrefixMap } from '../../../net/prefix-map.js';
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

/** Of one prefix and one owner: a peer with ADD-PATH may name four thousand million (RFC 7911 3). */
export const MOST_PATHS = 256;

type Emit = (prefix: Prefix, paths: readonly HeardPath[]) => void;

export class HeardRoutes {
  /** Immutable sets: the consumer keeps them. */
  readonly #sets = PrefixMap.ofTable<readonly HeardPath[]>();
  /** The set of one path that was made last: prefixes of one UPDATE share theirs. */
  #alone: readonly HeardPath[] = [];
  /** What the consumer has not been told since it began anew: all of it is stale. */
  readonly #untold = new PrefixMap<true>();

  /** `emit` is given every change: the prefix's whole set. */
  constructor(private readonly emit: Emit) {}

  size(family: Family): number {
    return this.#sets.sizeOf(family);
  }

  /** The path that this owner has told under that path identifier. */
  find(prefix: Prefix, owner: PathOwner, pathId: number): HeardPath | undefined {
    const paths = this.#sets.get(prefix);
    return paths?.[indexOf(paths, owner, pathId)];
  }

  /**
   * Takes the place of what the same owner has told under the same path
   * identifier. `quietly`: nothing has changed that the consumer looks at. False
   * where the owner has {@link MOST_PATHS} others of the prefix: nothing is done then.
   */
  announce(prefix: Prefix, path: HeardPath, quietly = false): boolean {
    const { owner } = path.session;
    const before = this.#sets.get(prefix) ?? NONE;
    const at = indexOf(before, owner, path.pathId);
    if (at < 0) {
      const others = countOf(before, owner);
      if (others >= MOST_PATHS) return false;
      if (others === 0) owner.received[prefix.family]++;
    }
    const paths = this.#withPath(before, at, path);
    this.#sets.set(prefix, paths);
    if (!quietly || before.length === 0 || this.#untold.has(prefix)) this.#tell(prefix, paths);
    return true;
  }

  /** No error where there is none. */
  withdraw(prefix: Prefix, owner: PathOwner, pathId: number): void {
    const paths = this.#sets.get(prefix);
    if (paths === undefined) return;
    const at = indexOf(paths, owner, pathId);
    if (at >= 0) this.#keep(prefix, owner, without(paths, at));
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
    for (const [prefix, paths] of this.#sets.entriesOf(family)) {
      if (!has(paths, owner)) continue;
      const next = changed(paths, owner, change);
      if (next !== paths) this.#keep(prefix, owner, next);
    }
  }

  /**
   * For a consumer that begins anew: all there is, but for what is stale; that
   * is told once it is repeated, or by {@link endFeed}.
   */
  beginFeed(): void {
    this.#untold.clear();
    for (const family of FAMILIES) {
      for (const [prefix, paths] of this.#sets.entriesOf(family)) {
        if (paths.some((path) => !isStale(path, family))) this.emit(prefix, paths);
        else this.#untold.set(prefix, true);
      }
    }
  }

  /** What is still there of a family, and has not been told since {@link beginFeed}. */
  endFeed(family: Family): void {
    for (const [prefix] of this.#untold.entriesOf(family)) {
      const paths = this.#sets.get(prefix);
      if (paths !== undefined) this.emit(prefix, paths);
    }
    this.#untold.clearOf(family);
  }

  #tell(prefix: Prefix, paths: readonly HeardPath[]): void {
    if (this.#untold.size > 0) this.#untold.delete(prefix);
    this.emit(prefix, paths);
  }

  #withPath(before: readonly HeardPath[], at: number, path: HeardPath): readonly HeardPath[] {
    if (before.length > 1 || (at < 0 && before.length === 1)) {
      return at < 0 ? [...before, path] : before.with(at, path);
    }
    if (this.#alone[0] !== path) this.#alone = [path];
    return this.#alone;
  }

  #keep(prefix: Prefix, owner: PathOwner, paths: readonly HeardPath[]): void {
    if (paths.length === 0) this.#sets.delete(prefix);
    else this.#sets.set(prefix, paths);
    if (!has(paths, owner)) owner.received[prefix.family]--;
    this.#tell(prefix, paths);
  }
}

const NONE: readonly HeardPath[] = [];

/** The same where nothing changes; one that nothing is left of is {@link NONE}, and none is made for each prefix. */
function changed(
  paths: readonly HeardPath[],
  owner: PathOwner,
  change: (path: HeardPath) => HeardPath | undefined,
): readonly HeardPath[] {
  const [only] = paths;
  if (paths.length === 1 && only !== undefined) {
    const next = change(only);
    return next === only ? paths : next === undefined ? NONE : [next];
  }
  const next = paths.flatMap((path) =>
    path.session.owner === owner ? (change(path) ?? []) : [path],
  );
  return next.length === paths.length && next.every((path, i) => path === paths[i]) ? paths : next;
}

function without(paths: readonly HeardPath[], at: number): readonly HeardPath[] {
  return paths.length === 1 ? NONE : paths.toSpliced(at, 1);
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
