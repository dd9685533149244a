/**
 * From gobgpd's messages about every path of every peer (the POST_POLICY watch)
 * to whole sets in the queue.
 *
 * gobgpd tells of one path at a time, as it leaves its import policies: an
 * announcement, or a withdrawal where the peer withdrew it, a policy rejects it
 * now, or the session is gone (read in propagateUpdate, dropPeerAllRoutes and
 * prePolicyFilterpath of 3.10 and 4.8). So the sets are kept here. Nothing marks
 * the end of the table that this watch could send first, and a peer that is down
 * is left out of it without a word; so the table is read by ListPath, which
 * lists the same paths, prefix by prefix, and ends.
 *
 * gobgpd tells of a change just before it makes it. A change therefore always
 * wins over what is listed, for its own path; and while the table is read, what
 * comes for a prefix not yet listed waits for the rest of its set.
 *
 * Three things are not told: what gobgpd originates itself, what its own
 * next-hop tracking finds (next hops are resolved here anyhow), and the routes
 * of its route-server clients, which are not in its global table.
 */
import { FAMILIES, type Family } from '../../net/family.js';
import type { Prefix } from '../../net/prefix.js';
import type { Path, PathSession } from '../../rib/path.js';
import type { RouteUpdate } from '../source.js';
import { Destination } from './destination.js';
import type { Intake, IntakeOptions } from './intake.js';
import type { KnownPath } from './known-path.js';
import { type DecodedEvent, PathDecoder, type PathSink } from './path-decoder.js';
import { PrefixReader } from './prefix-reader.js';
import { DecodeError } from './wire.js';
import { WithdrawalParking } from './withdrawal-parking.js';

/** A change of one path: `path` is what it is now, or `undefined` where it is gone. */
interface Change {
  readonly key: string;
  readonly prefix: Prefix;
  readonly source: string;
  readonly pathId: number;
  readonly path: Path | undefined;
}

const NONE: readonly Path[] = [];

function isAdrift({ nextHop }: Path): boolean {
  return nextHop.address.isLinkLocal && nextHop.interface === undefined;
}

export class AllPathsIntake implements Intake {
  readonly dumping = false;
  readonly #options: IntakeOptions;
  readonly #decoder: PathDecoder;
  readonly #parking: WithdrawalParking<Change>;
  readonly #reader: PrefixReader;
  /** The set of each prefix, as the queue was last given it. */
  readonly #sets = new Map<string, RouteUpdate>();
  /** Until the table has been read: changes of prefixes it has not come to. */
  #early: Map<string, Change[]> | undefined = new Map();
  /** Prefixes that are being read again, by key: true when something came for them meanwhile. */
  readonly #rereading = new Map<string, boolean>();
  /** A link-local address may be a peer on several interfaces: the zone tells their paths apart. */
  readonly #zoned = new WeakMap<Path, string>();

  constructor(options: IntakeOptions) {
    const { client, peers, clock, askSessions, signal } = options;
    this.#options = options;
    this.#decoder = new PathDecoder({
      format: client.api.format,
      interfaceOf: (peer, routerId) => peers.interfaceOf(peer, routerId),
      sessionTypeOf: (peer, peerAs) => this.#sessionType(peer, peerAs),
    });
    this.#parking = new WithdrawalParking({
      ...{ clock, askSessions },
      release: (withdrawn) => {
        for (const change of withdrawn) this.#change(change);
      },
    });
    this.#reader = new PrefixReader({
      list: (family, prefixes, each) => this.#list(family, prefixes, each),
      found: (prefix, known) => this.#found(prefix, known),
      ...{ clock, signal },
    });
  }

  get settled(): boolean {
    return this.#reader.size === 0 && this.#parking.size === 0;
  }

  /**
   * What came before its peer was known was held for external, or internal, by
   * the global AS; and of a link-local next hop nobody could tell the interface.
   */
  sessionsMoved(): void {
    this.#decoder.forget();
    for (const { prefix, paths } of this.#sets.values()) {
      if (this.#early === undefined && paths.some(isAdrift)) this.#readAgain(prefix);
      if (paths.every((path) => this.#typed(path) === path)) continue;
      this.#set(
        prefix,
        paths.map((path) => this.#typed(path)),
      );
    }
  }

  event(message: Buffer): DecodedEvent | undefined {
    try {
      return this.#decoder.event(message, this.#sink);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#options.undecodable(error);
      return undefined;
    }
  }

  /** To be called once. */
  async readTable(): Promise<void> {
    for (const family of FAMILIES) {
      await this.#list(family, undefined, (prefix, known) => {
        const early = this.#early?.get(prefix.key) ?? [];
        this.#early?.delete(prefix.key);
        this.#set(
          prefix,
          early.reduce((set, change) => this.#changed(set, change), this.#setOf(known)),
        );
      });
    }
    const early = this.#early ?? new Map<string, Change[]>();
    this.#early = undefined;
    for (const changes of early.values()) for (const change of changes) this.#change(change);
    for (const prefix of this.#undecoded.splice(0)) this.#readAgain(prefix);
  }

  readonly #sink: PathSink = {
    path: (prefix, { source, pathId, set }, withdrawn) => {
      const key = `${prefix.key} ${source} ${pathId}`;
      const path = withdrawn ? undefined : set[0];
      const change = { key, prefix, source, pathId, path };
      if (this.#rereading.has(prefix.key)) this.#rereading.set(prefix.key, true);
      if (path !== undefined) {
        this.#parking.cancel(key);
        if (source !== path.peer) this.#zoned.set(path, source);
        this.#change(change);
      } else if (this.#mayHave(change) && this.#parking.hold(change)) {
        this.#parking.settle(this.#options.signal).catch(this.#options.fail);
      }
    },
    // Whose path it was did not come out either: the set as gobgpd has it costs one route, and no more.
    undecodable: (error, prefix) => {
      this.#options.undecodable(error);
      if (prefix === undefined) return;
      if (this.#early === undefined) this.#readAgain(prefix);
      else this.#undecoded.push(prefix);
    },
  };

  /** Prefixes to be read again once the table has been read. */
  readonly #undecoded: Prefix[] = [];

  /** A policy that rejects a path says so at every announcement: most have nothing to withdraw. */
  #mayHave(change: Change): boolean {
    const set = this.#sets.get(change.prefix.key)?.paths;
    if (set === undefined) return this.#early !== undefined;
    return this.#changed(set, change) !== set;
  }

  #change(change: Change): void {
    const { prefix } = change;
    const before = this.#sets.get(prefix.key)?.paths;
    if (before === undefined && this.#early !== undefined) {
      const waiting = this.#early.get(prefix.key);
      if (waiting === undefined) this.#early.set(prefix.key, [change]);
      else waiting.push(change);
      return;
    }
    const after = this.#changed(before ?? NONE, change);
    if (after !== before) this.#set(prefix, after);
  }

  /** While the table is read, an empty set stays: the prefix has been listed. */
  #set(prefix: Prefix, paths: readonly Path[]): void {
    const known = this.#sets.has(prefix.key);
    if (paths.length > 0 || this.#early !== undefined)
      this.#sets.set(prefix.key, { prefix, paths });
    else this.#sets.delete(prefix.key);
    if (paths.length > 0 || known) this.#options.queue.update(prefix, paths);
  }

  /** Paths keep their places, so that what is said again changes nothing. */
  #changed(set: readonly Path[], { source, pathId, path }: Change): readonly Path[] {
    const at = set.findIndex((one) => one.pathId === pathId && this.#sourceOf(one) === source);
    if (path === undefined) return at < 0 ? set : set.filter((_, i) => i !== at);
    if (at >= 0) return set.with(at, path);
    return [...set, path];
  }

  #typed(path: Path): Path {
    const { session, peer, peerAs } = path;
    const type = this.#sessionType(peer, peerAs);
    if (session === undefined || session.type === type) return path;
    const typed = { ...path, session: { ...session, type } };
    this.#zoned.set(typed, this.#sourceOf(path));
    return typed;
  }

  #sourceOf(path: Path): string {
    return this.#zoned.get(path) ?? path.peer;
  }

  #setOf(known: readonly KnownPath[]): readonly Path[] {
    for (const { source, set } of known) {
      for (const path of set) if (path.peer !== source) this.#zoned.set(path, source);
    }
    const [only] = known;
    return known.length === 1 && only !== undefined ? only.set : known.flatMap(({ set }) => set);
  }

  #readAgain(prefix: Prefix): void {
    this.#rereading.set(prefix.key, false);
    if (this.#reader.changed(prefix)) this.#reader.settle().catch(this.#options.fail);
  }

  #found(prefix: Prefix, known: readonly KnownPath[]): void {
    const overtaken = this.#rereading.get(prefix.key) === true;
    this.#rereading.delete(prefix.key);
    if (overtaken) this.#readAgain(prefix);
    else this.#set(prefix, this.#setOf(known));
  }

  #sessionType(peer: string, peerAs: number): PathSession['type'] {
    const { global, peers } = this.#options;
    if (peerAs === (peers.get(peer)?.localAs || global.asn)) return 'internal';
    const { confederation } = global;
    const member = confederation?.enabled === true && confederation.memberAsList.includes(peerAs);
    return member ? 'confederation' : 'external';
  }

  /** Every path of every prefix, those of gobgpd's own aside. */
  #list(
    family: Family,
    prefixes: readonly Prefix[] | undefined,
    each: (prefix: Prefix, known: readonly KnownPath[]) => void,
  ): Promise<void> {
    const { client, room, undecodable } = this.#options;
    const destination = new Destination();
    const sink: PathSink = {
      path: (prefix, known) => destination.add(prefix, known),
      undecodable,
    };
    return client.listPaths(family, prefixes, (message) => {
      try {
        this.#decoder.destination(message, sink);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        undecodable(error);
      }
      const { prefix, known } = destination.take();
      if (prefix !== undefined) each(prefix, known);
      return prefixes === undefined ? room() : undefined;
    });
  }
}
