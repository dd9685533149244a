/**
 * All peers together as one feed: begun with the first session, complete once
 * every configured peer has told all it has, lost when the last daemon beside
 * us is. What the loss of one peer means for its own routes is in retention.ts.
 */
import type { Clock } from '../../clock.js';
import type { Log } from '../../log-port.js';
import { FAMILIES, type Family } from '../../net/family.js';
import type { EventQueue } from '../event-queue.js';
import type { SourceState } from '../source.js';
import type { Peer } from './peer.js';
import type { HeardRoutes } from './routes/heard-routes.js';
import { Timer } from './session/timer.js';

export interface FeedStateOptions {
  readonly callers: {
    /** Those that are waited for. */
    readonly configured: readonly Peer[];
    readonly peers: readonly Peer[];
  };
  /** Nobody knows how many peers a prefix has: the time-out alone ends the wait for them. */
  readonly hasPrefixes: boolean;
  readonly queue: EventQueue;
  readonly routes: HeardRoutes;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds. */
  readonly syncTimeout: number;
  /** Why nobody can call, if that is so. */
  readonly fault: () => string | undefined;
}

/** Times are epoch milliseconds. */
type Phase =
  | { readonly phase: 'waiting'; readonly since: number }
  /** `begunAt` is monotonic. */
  | {
      readonly phase: 'syncing';
      readonly since: number;
      readonly begunAt: number;
      readonly pending: Set<Family>;
    }
  | { readonly phase: 'synced'; readonly since: number }
  | { readonly phase: 'lost'; readonly since: number; readonly reason: string };

export class FeedState {
  readonly #options: FeedStateOptions;
  readonly #timeout: Timer;
  #phase: Phase;
  /**
   * Monotonic: what is kept is held from then on, here as by the consumer (desired/feed.ts). When
   * the last complete feed was lost, or the start; later by the time that feeds ran since.
   */
  #lostAt: number;

  constructor(options: FeedStateOptions) {
    this.#options = options;
    this.#lostAt = options.clock.monotonic();
    this.#phase = { phase: 'waiting', since: options.clock.now() };
    this.#timeout = new Timer(options.clock, () => this.#timedOut());
  }

  state(): SourceState {
    const { syncTimeout, fault } = this.#options;
    const phase = this.#phase;
    const { since } = phase;
    const cause = fault();
    const besides = cause === undefined ? '' : `; ${cause}`;
    switch (phase.phase) {
      case 'waiting': {
        const lastError = cause ?? this.#missing(FAMILIES) ?? 'a peer to call';
        const expected = cause === undefined ? { expectedBy: since + syncTimeout } : {};
        return { state: 'connecting', since, lastError, ...expected };
      }
      case 'syncing': {
        const missing = this.#missing([...phase.pending]) ?? 'more peers to call';
        return { state: 'syncing', since, waitingFor: `${missing}${besides}` };
      }
      case 'synced':
        return { state: 'synced', since };
      case 'lost':
        return { state: 'lost', since, reason: `${phase.reason}${besides}` };
    }
  }

  /** A session is up. */
  established(): void {
    if (!this.#hasBegun) this.#begin();
    this.progress();
  }

  /**
   * A session is over. While none is up, the consumer holds what was learned of all; what
   * is kept of each feed goes on from there, when another peer comes back first.
   */
  lost(reason: string): void {
    const { callers, queue, clock } = this.#options;
    const phase = this.#phase;
    const feeds = callers.peers.filter(({ keeps, config }) => keeps && config.role === 'feed');
    const up = callers.peers.some(({ isUp }) => isUp);
    if (!up && feeds.length > 0 && (phase.phase === 'syncing' || phase.phase === 'synced')) {
      this.#timeout.stop();
      const now = clock.monotonic();
      this.#lostAt = phase.phase === 'synced' ? now : this.#lostAt + now - phase.begunAt;
      this.#phase = { phase: 'lost', since: clock.now(), reason };
      queue.lost(reason);
      for (const feed of feeds) feed.holdSince(this.#lostAt);
      return;
    }
    this.progress();
  }

  /** Something has changed that it may have waited for. */
  progress(): void {
    const { callers, hasPrefixes } = this.#options;
    if (hasPrefixes) return;
    const { configured } = callers;
    // Nobody is to come whose session we have ended ourselves: what they told is to go.
    if (!this.#hasBegun && configured.every(({ disabled }) => disabled)) this.#begin();
    const phase = this.#phase;
    if (phase.phase !== 'syncing') return;
    for (const family of phase.pending) {
      if (this.#missing([family]) === undefined) this.#synced(phase.pending, family);
    }
    this.#endSync(phase.pending);
  }

  stop(): void {
    this.#timeout.stop();
  }

  get #hasBegun(): boolean {
    const { phase } = this.#phase;
    return phase === 'syncing' || phase === 'synced';
  }

  #begin(): void {
    const { queue, routes, clock, syncTimeout } = this.#options;
    queue.reset();
    routes.beginFeed();
    this.#phase = {
      ...{ phase: 'syncing', since: clock.now(), begunAt: clock.monotonic() },
      pending: new Set(FAMILIES),
    };
    this.#timeout.start(syncTimeout);
  }

  #timedOut(): void {
    const phase = this.#phase;
    if (phase.phase !== 'syncing') return;
    const missing = this.#missing([...phase.pending]);
    if (missing !== undefined) {
      this.#options.log.warn({ missing }, 'sync.timeout: the feed counts as complete without it');
    }
    for (const family of phase.pending) {
      for (const peer of this.#options.callers.peers) peer.endStale(family);
      this.#synced(phase.pending, family);
    }
    this.#endSync(phase.pending);
  }

  #synced(pending: Set<Family>, family: Family): void {
    pending.delete(family);
    const { queue, routes } = this.#options;
    // What is kept of those that are away has a time of its own to go (retention.ts).
    routes.endFeed(family);
    queue.synced(family);
  }

  #endSync(pending: ReadonlySet<Family>): void {
    if (pending.size > 0) return;
    const { clock, log, routes, callers } = this.#options;
    this.#timeout.stop();
    this.#phase = { phase: 'synced', since: clock.now() };
    const peers = callers.peers.filter(({ isUp }) => isUp).length;
    const prefixes = { ipv4: routes.size('ipv4'), ipv6: routes.size('ipv6') };
    log.info({ peers, ...prefixes }, 'BGP: feed complete');
  }

  /** What a complete feed of these families waits for first, for people. */
  #missing(families: readonly Family[]): string | undefined {
    const { callers } = this.#options;
    for (const family of families) {
      for (const peer of callers.peers) {
        if (!peer.isUp && !callers.configured.includes(peer)) continue;
        const missing = peer.waitingFor(family);
        if (missing !== undefined) return missing;
      }
    }
    return undefined;
  }
}
