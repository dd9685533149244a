/**
 * Source `gobgp`: a gobgpd's best paths, or all, over its gRPC API. Connects for ever;
 * what a connection does is in feed.ts, how withdrawals are believed in
 * withdrawal-parking.ts, when a feed is complete in convergence.ts.
 */
import type { Clock } from '../../clock.js';
import type { GobgpConfig } from '../../config/config.js';
import type { Log } from '../../log-port.js';
import { EventQueue } from '../event-queue.js';
import { eventStream } from '../event-stream.js';
import type {
  PeerStatus,
  SessionControl,
  Source,
  SourceCounters,
  SourceEvent,
  SourceState,
} from '../source.js';
import type { GlobalMessage } from './api.js';
import { backoff } from './backoff.js';
import type { GobgpClient } from './client.js';
import { resolveEndpoint } from './endpoint.js';
import { Feed } from './feed.js';
import { GobgpError } from './gobgp-error.js';
import type { DecodeError } from './wire.js';

export interface GobgpSourceOptions {
  readonly config: GobgpConfig;
  /** Milliseconds, from the start of a feed, until it counts as complete whatever is missing. */
  readonly syncTimeout: number;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** How often a gobgpd whose BGP has not been started is asked again. */
const NOT_STARTED_MS = 1000;

export function createGobgpSource(options: GobgpSourceOptions): Source {
  return new GobgpSource(options);
}

class GobgpSource implements Source {
  readonly name = 'gobgp';
  readonly offers: Source['offers'];
  readonly sessions: SessionControl = {
    disable: async (peer, communication) => {
      const { client, address } = this.#session(peer);
      await client.disablePeer(address, communication);
    },
    enable: async (peer) => {
      const { client, address } = this.#session(peer);
      await client.enablePeer(address);
    },
  };

  readonly #options: GobgpSourceOptions;
  readonly #queue = new EventQueue();
  #state: SourceState;
  #client: GobgpClient | undefined;
  #feed: Feed | undefined;
  #lastPeers: readonly PeerStatus[] = [];
  /** A feed has been up since the start. */
  #delivered = false;
  #failures = 0;
  #reported: string | undefined;
  #undecodable = 0;
  #lastEventAt: number | undefined;

  constructor(options: GobgpSourceOptions) {
    this.#options = options;
    this.offers = options.config.paths;
    const since = options.clock.now();
    this.#state = { state: 'connecting', since, attempts: 0, lastError: undefined };
  }

  state(): SourceState {
    return this.#state;
  }

  /** While gobgpd does not answer: its peers as they were last known, none of them up. */
  peers(): readonly PeerStatus[] {
    return this.#feed?.peers.statuses ?? this.#lastPeers;
  }

  counters(): SourceCounters {
    return { undecodable: this.#undecodable, lastEventAt: this.#lastEventAt };
  }

  async *events(signal: AbortSignal): AsyncGenerator<readonly SourceEvent[]> {
    try {
      yield* eventStream(this.#queue, signal, (ending) => this.#run(ending));
    } finally {
      this.#state = { state: 'stopped', since: this.#now() };
    }
  }

  /** Connects, and again; resolves once the signal has aborted. */
  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#connection(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof GobgpError)) throw error;
        this.#failures++;
        const wait = backoff(this.#failures, random);
        this.#broken(error, wait);
        await clock.delay(wait, signal).catch(() => signal.aborted);
      }
    }
  }

  /** One connection, from dialling to its end; its calls end with it. */
  async #connection(signal: AbortSignal): Promise<void> {
    const { config, clock } = this.#options;
    const endpoint = await resolveEndpoint(config);
    // gRPC takes 11 MB of memory: a daemon with another source never loads it.
    const { GobgpClient } = await import('./client.js');
    const life = new AbortController();
    const end = () => life.abort(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    try {
      signal.throwIfAborted();
      const client = await GobgpClient.connect(endpoint, clock, life.signal);
      try {
        await this.#serve(client, life);
      } finally {
        client.close();
      }
    } finally {
      signal.removeEventListener('abort', end);
      life.abort(new GobgpError('broken', 'the connection to gobgpd has ended'));
    }
  }

  async #serve(client: GobgpClient, life: AbortController): Promise<never> {
    const { config, clock, random, log, syncTimeout } = this.#options;
    try {
      const global = await this.#started(client, life.signal);
      const { address } = config;
      log.info({ address, api: client.api.version, asn: global.asn }, 'connected to gobgpd');
      this.#client = client;
      this.#feed = new Feed({
        ...{ client, life, global, clock, random, log, syncTimeout, queue: this.#queue },
        paths: config.paths,
        progress: (waitingFor) => this.#progress(waitingFor),
        undecodable: (error) => this.#count(error),
        heard: () => {
          this.#lastEventAt = clock.now();
        },
      });
      return await this.#feed.run();
    } finally {
      this.#lastPeers = this.peers().map((peer) => ({
        ...peer,
        established: false,
        sessionState: 'unknown',
        since: undefined,
      }));
      this.#feed = undefined;
      this.#client = undefined;
    }
  }

  /** Waits until BGP runs in gobgpd. */
  async #started(client: GobgpClient, signal: AbortSignal): Promise<GlobalMessage> {
    for (;;) {
      const global = await client.getBgp();
      if (global.asn !== 0) return global;
      if (this.#state.state !== 'bgp-not-started') {
        this.#state = { state: 'bgp-not-started', since: this.#now() };
        this.#report('gobgpd answers, but BGP has not been started in it');
      }
      await this.#options.clock.delay(NOT_STARTED_MS, signal);
    }
  }

  #progress(waitingFor: string | undefined): void {
    const { state } = this.#state;
    if (waitingFor === undefined) {
      this.#failures = 0;
      this.#reported = undefined;
      this.#state = { state: 'synced', since: this.#now() };
      this.#options.log.info({ peers: this.peers().length }, 'gobgpd: feed complete');
      return;
    }
    this.#delivered = true;
    const since = state === 'syncing' ? this.#state.since : this.#now();
    this.#state = { state: 'syncing', since, waitingFor };
  }

  #broken(error: GobgpError, wait: number): void {
    const now = this.#now();
    const { message } = error;
    const attempts = this.#failures;
    const { state, since } = this.#state;
    if (state === 'syncing' || state === 'synced') this.#queue.lost(message);
    if (this.#delivered) {
      const lost = { reason: message, attempts, retryAt: now + wait };
      this.#state = { state: 'lost', since: state === 'lost' ? since : now, ...lost };
    } else {
      const connecting = { attempts, lastError: message };
      this.#state = {
        state: 'connecting',
        since: state === 'connecting' ? since : now,
        ...connecting,
      };
    }
    this.#report(message);
  }

  /** One line a change, not one an attempt. */
  #report(message: string): void {
    if (message === this.#reported) return;
    this.#reported = message;
    this.#options.log.warn({ source: this.name, state: this.#state.state }, message);
  }

  #count(error: DecodeError): void {
    const { log } = this.#options;
    const fields = { offset: error.offset, error: error.message };
    if (this.#undecodable++ === 0) {
      log.warn(fields, 'gobgpd: a route does not decode; the next are only counted');
    } else log.debug(fields, 'gobgpd: a route does not decode');
  }

  #session(peer: string): { readonly client: GobgpClient; readonly address: string } {
    if (this.#client === undefined) throw new GobgpError('broken', 'gobgpd is not connected');
    return { client: this.#client, address: this.#feed?.peers.get(peer)?.daemonAddress ?? peer };
  }

  #now(): number {
    return this.#options.clock.now();
  }
}
