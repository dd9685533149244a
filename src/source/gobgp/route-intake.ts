/**
 * From gobgpd's messages about its best paths to whole sets in the queue: the
 * dump, in either form, the changes after it, and what they must not overtake.
 */
import { FAMILIES, type Family } from '../../net/family.js';
import type { Prefix } from '../../net/prefix.js';
import type { Path } from '../../rib/path.js';
import { Destination } from './destination.js';
import type { Intake, IntakeOptions } from './intake.js';
import type { KnownPath } from './known-path.js';
import { bestSet, equalCostSet } from './multipath.js';
import { type DecodedEvent, PathDecoder, type PathSink } from './path-decoder.js';
import { PrefixReader } from './prefix-reader.js';
import { DecodeError } from './wire.js';
import { WithdrawalParking } from './withdrawal-parking.js';

const WITHDRAWN: readonly Path[] = [];
/** In the place of a path that did not decode, so that the next does not pass for the best. */
const UNDECODED: KnownPath = {
  ...{ source: '', pathId: 0, set: WITHDRAWN, local: false, unreachable: false },
};

export class RouteIntake implements Intake {
  readonly #options: IntakeOptions;
  readonly #decoder: PathDecoder;
  readonly #parking: WithdrawalParking<Prefix>;
  readonly #reader: PrefixReader;
  /** WatchEvent's dump is running; what of it is one prefix's set is being gathered. */
  #dumping: boolean;
  readonly #gathered = new Destination();
  /** Prefixes changed since the last {@link list} began: their events win. */
  #changed: Set<string> | undefined;

  constructor(options: IntakeOptions) {
    const { client, peers, clock, askSessions, queue, signal } = options;
    this.#options = options;
    this.#dumping = client.api.dumpBatch !== undefined;
    this.#changed = this.#dumping ? undefined : new Set();
    this.#decoder = new PathDecoder({
      format: client.api.format,
      interfaceOf: (peer, routerId) => peers.interfaceOf(peer, routerId),
    });
    this.#parking = new WithdrawalParking({
      clock,
      askSessions,
      release: (prefixes) => {
        for (const prefix of prefixes) queue.update(prefix, WITHDRAWN);
      },
    });
    this.#reader = new PrefixReader({
      list: (family, prefixes, each) => this.#list(family, prefixes, each),
      found: (prefix, known) => this.#offer(prefix, this.#setOf(known)),
      clock,
      signal,
    });
  }

  get dumping(): boolean {
    return this.#dumping;
  }

  get settled(): boolean {
    return this.#reader.size === 0 && this.#parking.size === 0;
  }

  sessionsMoved(): void {
    this.#decoder.forget();
  }

  event(message: Buffer): DecodedEvent | undefined {
    try {
      const decoded = this.#decoder.event(message, this.#dumping ? this.#dumpSink : this.#liveSink);
      if (this.#dumping && decoded.type === 'table') {
        this.#dumping = decoded.paths === this.#options.client.api.dumpBatch;
        if (!this.#dumping) this.#endGathered();
      }
      return decoded;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#options.undecodable(error);
      return undefined;
    }
  }

  /** What has changed since the subscription, or since this began, is left out. */
  async readTable(): Promise<void> {
    this.#changed ??= new Set();
    const { queue } = this.#options;
    for (const family of FAMILIES) {
      await this.#list(family, undefined, (prefix, known) => {
        const set = this.#setOf(known);
        const { key } = prefix;
        const superseded = this.#changed?.has(key) === true || this.#parking.holds(key);
        if (set.length > 0 && !superseded) queue.update(prefix, set);
      });
    }
    this.#changed = undefined;
  }

  readonly #liveSink: PathSink = {
    path: (prefix, known, withdrawn) => {
      this.#changed?.add(prefix.key);
      if (this.#options.global.useMultiplePaths) this.#readAgain(prefix);
      else this.#offer(prefix, withdrawn || known.unreachable ? WITHDRAWN : known.set);
    },
    undecodable: (error, prefix) => {
      this.#options.undecodable(error);
      if (prefix !== undefined) this.#offer(prefix, WITHDRAWN);
    },
  };

  /** With use-multiple-paths the set of a prefix comes path by path, perhaps across messages. */
  readonly #dumpSink: PathSink = {
    path: (prefix, known) => {
      const { global, queue } = this.#options;
      if (global.useMultiplePaths) {
        if (this.#gathered.prefix?.key !== prefix.key) this.#endGathered();
        this.#gathered.add(prefix, known);
      } else if (known.set.length > 0) queue.update(prefix, known.set);
    },
    undecodable: (error) => this.#options.undecodable(error),
  };

  #endGathered(): void {
    const { prefix, known } = this.#gathered.take();
    const set = known.flatMap(({ set }) => set);
    if (prefix !== undefined && set.length > 0) this.#options.queue.update(prefix, set);
  }

  #offer(prefix: Prefix, set: readonly Path[]): void {
    if (set.length > 0) {
      this.#parking.cancel(prefix.key);
      this.#options.queue.update(prefix, set);
    } else if (this.#parking.hold(prefix)) {
      this.#parking.settle(this.#options.signal).catch(this.#options.fail);
    }
  }

  #readAgain(prefix: Prefix): void {
    if (this.#reader.changed(prefix)) this.#reader.settle().catch(this.#options.fail);
  }

  #setOf(known: readonly KnownPath[]): readonly Path[] {
    const { global, peers } = this.#options;
    if (!global.useMultiplePaths) return bestSet(known);
    return equalCostSet(
      known,
      ({ peer, peerAs }) => peerAs === (peers.get(peer)?.localAs || global.asn),
    );
  }

  /** The known paths of every prefix, best first. */
  #list(
    family: Family,
    prefixes: readonly Prefix[] | undefined,
    each: (prefix: Prefix, known: readonly KnownPath[]) => void,
  ): Promise<void> {
    const { client, room, undecodable } = this.#options;
    const destination = new Destination();
    const sink: PathSink = {
      path: (prefix, known) => destination.add(prefix, known),
      undecodable: (error, prefix) => {
        undecodable(error);
        if (prefix !== undefined) destination.add(prefix, UNDECODED);
      },
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
