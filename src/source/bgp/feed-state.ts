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
  | { readonly phase: 'syncing'; readonly since: number; readonly pending: Set<Family> }
  | { readonly phase: 'synced'; readonly since: number }
  | { readonly phase: 'lost'; readonly since: number; readonly reason: string };

export class FeedState {
  readonly #options: FeedStateOptions;
  readonly #timeout: Timer;
  #phase: Phase;

  constructor(options: FeedStateOptions) {
    this.#options = options;
    this.#phase = { phase: 'waiting', since: options.clock.now() };
    this.#timeout = new Timer(options.clock, () => this.#timedOut());
  }

  state(): SourceState {
    const { clock, syncTimeout, fault } = this.#options;
    const phase = this.#phase;
    const { since } = phase;
    switch (phase.phase) {
      case 'waiting': {
        const missing = fault() ?? this.#missing(FAMILIES) ?? 'a peer to call';
        if (fault() === undefined && clock.now() - since < syncTimeout) {
          return { state: 'syncing', since, waitingFor: missing };
        }
        return { state: 'connecting', since, attempts: 1, lastError: missing };
      }
      case 'syncing': {
        const missing = this.#missing([...phase.pending]);
        return { state: 'syncing', since, waitingFor: missing ?? 'more peers to call' };
      }
      case 'synced':
        return { state: 'synced', since };
      case 'lost':
        // A peer may call at any time.
        return { state: 'lost', since, reason: phase.reason, attempts: 1, retryAt: clock.now() };
    }
  }

  /** A session is up. */
  established(): void {
    const { queue, routes, clock, syncTimeout } = this.#options;
    const { phase } = this.#phase;
    if (phase === 'waiting' || phase === 'lost') {
      queue.reset();
      routes.emitAll();
      this.#phase = { phase: 'syncing', since: clock.now(), pending: new Set(FAMILIES) };
      this.#timeout.start(syncTimeout);
    }
    this.progress();
  }

  /** A session is over. While none is up, the consumer holds what was learned of a feed. */
  lost(reason: string): void {
    const { callers, queue, clock } = this.#options;
    const { phase } = this.#phase;
    const feeds = callers.peers.filter(({ keeps, config }) => keeps && config.role === 'feed');
    const up = callers.peers.some(({ isUp }) => isUp);
    if (!up && feeds.length > 0 && (phase === 'syncing' || phase === 'synced')) {
      this.#timeout.stop();
      this.#phase = { phase: 'lost', since: clock.now(), reason };
      queue.lost(reason);
      for (const feed of feeds) feed.handOver();
      return;
    }
    this.progress();
  }

  /** Something has changed that it may have waited for. */
  progress(): void {
    const phase = this.#phase;
    if (phase.phase !== 'syncing' || this.#options.hasPrefixes) return;
    for (const family of phase.pending) {
      if (this.#missing([family]) === undefined) this.#synced(phase.pending, family);
    }
    this.#endSync(phase.pending);
  }

  stop(): void {
    this.#timeout.stop();
  }

  #timedOut(): void {
    const phase = this.#phase;
    if (phase.phase !== 'syncing') return;
    const missing = this.#missing([...phase.pending]);
    if (missing !== undefined) {
      this.#options.log.warn({ missing }, 'sync.timeout: the feed counts as complete without it');
    }
    for (const family of phase.pending) this.#synced(phase.pending, family);
    this.#endSync(phase.pending);
  }

  #synced(pending: Set<Family>, family: Family): void {
    pending.delete(family);
    this.#options.queue.synced(family);
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
