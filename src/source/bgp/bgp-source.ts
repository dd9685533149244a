/**
 * Source `bgp`: sessions of our own with any BGP daemon or router. It listens,
 * in both meanings of the word, and announces nothing. Who calls is in
 * callers.ts, a peer in peer.ts, its routes in peer-routes.ts; here is what
 * they make together: one feed, complete or not, lost or not.
 */
import { once } from 'node:events';
import type { Clock } from '../../clock.js';
import type { BgpConfig } from '../../config/config.js';
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
import type { TcpSockets } from '../tcp.js';
import { Callers } from './callers.js';
import { dial, peerOptions } from './connection/dial.js';
import { Listener } from './connection/listener.js';
import { FeedState } from './feed-state.js';
import { AttributeCache } from './message/attribute-set.js';
import { CEASE, ERROR_CODE, sessionError } from './message/error-code.js';
import type { SessionError } from './message/message.js';
import { shutdownData } from './message/shutdown-communication.js';
import type { Peer, PeerEvents } from './peer.js';
import { HeardRoutes } from './routes/heard-routes.js';

export interface BgpSourceOptions {
  readonly config: BgpConfig;
  /** Milliseconds, from the first session of a feed, until it counts as complete whatever is missing. */
  readonly syncTimeout: number;
  /** Milliseconds for which the routes of a lost feed are kept; a reload may change it. */
  readonly hold: () => number;
  readonly sockets: TcpSockets;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
}

export function createBgpSource(options: BgpSourceOptions): Source {
  return new BgpSource(options);
}

/** For so long after the queue was full nobody's silence counts: it fills and empties many times a second. */
const DEAF_MS = 500;

class BgpSource implements Source {
  readonly name = 'bgp';
  readonly offers = 'all';
  readonly sessions: SessionControl = {
    disable: async (peer, communication, cause) => {
      this.#callers.disable(peer, ceaseFor(communication, cause));
    },
    enable: async (peer) => this.#callers.enable(peer),
  };

  readonly #options: BgpSourceOptions;
  readonly #queue = new EventQueue();
  readonly #callers: Callers;
  readonly #listeners: readonly Listener[];
  readonly #feed: FeedState;
  #stopped: number | undefined;
  /** When the queue was full last, on the monotonic clock. */
  #fullAt = Number.NEGATIVE_INFINITY;
  #undecodable = 0;
  #lastEventAt: number | undefined;

  constructor(options: BgpSourceOptions) {
    const { config, syncTimeout, hold, sockets, clock, random, log } = options;
    this.#options = options;
    const routes = new HeardRoutes((prefix, paths) => this.#queue.update(prefix, paths));
    const events: PeerEvents = {
      established: () => this.#feed.established(),
      lost: (_peer, reason) => this.#feed.lost(reason),
      progress: () => {
        this.#callers.forgetGone();
        this.#feed.progress();
      },
      heard: () => {
        this.#lastEventAt = clock.now();
      },
      fault: (peer, reason) => this.#count(peer, reason),
      refused: ({ name: peer }, reason) =>
        log.info({ peer, reason }, 'routes of a peer are not taken; told once a session'),
    };
    this.#callers = new Callers(config.peers, {
      ...{ own: config, clock, random, log, routes, cache: new AttributeCache(), hold, events },
      room: () => this.#room(),
      listening: () => this.#room() === undefined && clock.monotonic() - this.#fullAt >= DEAF_MS,
      dial: (peer, signal) => dial(peer, sockets, signal),
    });
    this.#listeners = config.listen.map(
      (at) =>
        new Listener({
          ...{ at, peers: config.peers, sockets, clock, log },
          incoming: (transport, requireTtl) => this.#callers.incoming(transport, requireTtl),
        }),
    );
    this.#feed = new FeedState({
      ...{ callers: this.#callers, queue: this.#queue, routes, clock, log, syncTimeout },
      hasPrefixes: config.peers.some(({ neighbour }) => neighbour.kind === 'prefix'),
      fault: () => this.#fault,
    });
  }

  state(): SourceState {
    if (this.#stopped !== undefined) return { state: 'stopped', since: this.#stopped };
    return this.#feed.state();
  }

  peers(): readonly PeerStatus[] {
    const fault = this.#fault;
    return this.#callers.shown().map((peer) => {
      const status = peer.status();
      const { established, adminDown, lastError } = status;
      if (fault === undefined || established || adminDown || peer.config.connect) return status;
      return { ...status, lastError: lastError ?? fault };
    });
  }

  counters(): SourceCounters {
    return { undecodable: this.#undecodable, lastEventAt: this.#lastEventAt };
  }

  async *events(signal: AbortSignal): AsyncGenerator<readonly SourceEvent[]> {
    yield* eventStream(this.#queue, signal, (ending) => this.#run(ending));
  }

  /** Listens and calls; with the signal everything ends. */
  async #run(signal: AbortSignal): Promise<void> {
    for (const peer of this.#callers.configured) this.#start(peer);
    const listening = this.#listeners.map((one) => one.run(signal));
    const ended = signal.aborted ? Promise.resolve() : once(signal, 'abort');
    await Promise.all([ended.then(() => this.#stop()), ...listening]);
  }

  #room(): Promise<void> | undefined {
    const room = this.#queue.room();
    if (room !== undefined) this.#fullAt = this.#options.clock.monotonic();
    return room;
  }

  #stop(): void {
    const why = ceaseFor('rib2fib stops', 'shutdown');
    for (const peer of this.#callers.peers) peer.stop(why);
    this.#callers.stop();
    this.#feed.stop();
    this.#stopped = this.#options.clock.now();
  }

  /** Why nobody can call, if that is so. */
  get #fault(): string | undefined {
    return this.#listeners.find(({ fault }) => fault !== undefined)?.fault;
  }

  /** A peer whose options the kernel has not got is told of, and has no session without them. */
  #start(peer: Peer): void {
    const options = peerOptions(peer.config);
    const { sockets } = this.#options;
    try {
      if (options !== undefined) sockets.try({ ...options, local: undefined });
    } catch (error) {
      peer.cannot(error instanceof Error ? error.message : String(error));
      return;
    }
    peer.start();
  }

  #count({ name: peer }: Peer, fault: string): void {
    const { log } = this.#options;
    if (this.#undecodable++ === 0) {
      log.warn({ peer, fault }, 'an UPDATE has a fault; the next are only counted');
    } else log.debug({ peer, fault }, 'an UPDATE has a fault');
  }
}

function ceaseFor(words: string, cause: 'shutdown' | 'maximum-prefixes'): SessionError {
  return cause === 'shutdown'
    ? sessionError(ERROR_CODE.cease, CEASE.administrativeShutdown, words, shutdownData(words))
    : sessionError(ERROR_CODE.cease, CEASE.maximumPrefixes, words);
}
