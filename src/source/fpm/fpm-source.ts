/**
 * Source `fpm`: the routes of BGP that zebra tells over FPM (FRR's
 * dplane_fpm_nl). zebra connects to us, every three seconds where nobody
 * answers; what a connection does is in session.ts.
 *
 * FPM knows prefixes and next hops, no peers and no attributes. Nothing
 * authenticates it: whoever reaches the listener can name routes. So it is meant
 * for loopback, and who has spoken first is listened to until the connection
 * ends; one that says nothing gives way to the next.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../clock.js';
import type { FpmConfig } from '../../config/config.js';
import type { Log } from '../../log-port.js';
import type { Family } from '../../net/family.js';
import { hostPortText } from '../../net/host-port.js';
import { EventQueue } from '../event-queue.js';
import { eventStream } from '../event-stream.js';
import type { PeerStatus, Source, SourceCounters, SourceEvent, SourceState } from '../source.js';
import { Complaints } from './complaints.js';
import { FrameError } from './frame.js';
import { isSystemError, runListener } from './listener.js';
import { type FpmNode, NodeError } from './node.js';
import { FpmSession } from './session.js';

export interface FpmSourceOptions {
  readonly config: FpmConfig;
  /** Milliseconds from the begin of a feed until it counts as complete, whatever is missing. */
  readonly syncTimeout: number;
  readonly node: FpmNode;
  readonly clock: Clock;
  readonly log: Log;
}

/** zebra's own interval between attempts; also how often a listener that failed is tried again. */
const RETRY_MS = 3000;
/** A connection that is silent for so long is asked whether the other end is there. */
const KEEPALIVE_MS = 10_000;

const NO_PEERS: readonly PeerStatus[] = [];

export function createFpmSource(options: FpmSourceOptions): Source {
  return new FpmSource(options);
}

class FpmSource implements Source {
  readonly name = 'fpm';
  readonly offers = 'best';
  readonly sessions = undefined;

  readonly #options: FpmSourceOptions;
  readonly #queue = new EventQueue();
  readonly #complaints: Complaints;
  #state: SourceState;
  #session: FpmSession | undefined;
  /** Families of the last complete feed, as it ended. */
  #families: ReadonlySet<Family> = new Set();
  #failures = 0;
  #lastEventAt: number | undefined;
  #strangerTold = false;
  #reported: string | undefined;

  constructor(options: FpmSourceOptions) {
    this.#options = options;
    this.#complaints = new Complaints(options.log);
    const since = options.clock.now();
    this.#state = { state: 'connecting', since, attempts: 0, lastError: undefined };
  }

  state(): SourceState {
    return this.#state;
  }

  /** None: FPM does not tell of them. */
  peers(): readonly PeerStatus[] {
    return NO_PEERS;
  }

  counters(): SourceCounters {
    return { undecodable: this.#complaints.count, lastEventAt: this.#lastEventAt };
  }

  async *events(signal: AbortSignal): AsyncGenerator<readonly SourceEvent[]> {
    try {
      yield* eventStream(this.#queue, signal, (ending) => this.#run(ending));
    } finally {
      this.#state = { state: 'stopped', since: this.#now() };
    }
  }

  /** Listens, and again where that fails; resolves once the signal has aborted. */
  async #run(signal: AbortSignal): Promise<void> {
    const { clock, config } = this.#options;
    while (!signal.aborted) {
      try {
        await runListener(
          {
            listen: config.listen,
            listening: () => {
              this.#failures = 0;
              this.#waits(this.#nobody);
            },
            serve: (socket, life) => this.#serve(socket, life),
          },
          signal,
        );
      } catch (error) {
        if (!isSystemError(error)) throw error;
        this.#failures++;
        this.#waits(`cannot listen: ${error.message}`);
        this.#report(`fpm: cannot listen: ${error.message}`);
        await clock.delay(RETRY_MS, signal).catch(() => signal.aborted);
      }
    }
  }

  get #nobody(): string {
    const { listen } = this.#options.config;
    const { host, port } = listen;
    const place = hostPortText(listen);
    return `no zebra has told anything at ${place}: start it with \`-M dplane_fpm_nl\`, and write \`fpm address ${host} port ${port}\` in FRR`;
  }

  /** One connection, from its beginning to its end. */
  async #serve(socket: Socket, signal: AbortSignal): Promise<void> {
    if (this.#session?.spoken === true) {
      this.#turnAway(socket);
      return;
    }
    this.#session?.supersede();
    socket.setKeepAlive(true, KEEPALIVE_MS);
    const session = this.#newSession(socket);
    this.#session = session;
    let reason: string;
    try {
      reason = await session.run(signal);
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof NodeError)) throw error;
      reason = error.message;
    } finally {
      if (this.#session === session) this.#session = undefined;
    }
    if (signal.aborted) return;
    if (session.spoken) this.#lost(session, reason);
    else this.#report(`fpm: a connection was closed before it told anything: ${reason}`);
  }

  #newSession(socket: Socket): FpmSession {
    const { config, node, clock, log, syncTimeout } = this.#options;
    return new FpmSession({
      ...{ socket, node, clock, log, syncTimeout, tables: config.tables, queue: this.#queue },
      ...{ before: this.#families, complaints: this.#complaints },
      begun: () => {
        this.#strangerTold = false;
        this.#complaints.begin();
        log.info({ from: from(socket) }, 'fpm: zebra is connected');
      },
      progress: (waitingFor) => this.#progress(waitingFor),
      refuse: (reason) => this.#refuse(reason),
      heard: () => {
        this.#lastEventAt = clock.now();
      },
    });
  }

  #progress(waitingFor: string | undefined): void {
    const { state, since } = this.#state;
    if (waitingFor === undefined) {
      this.#reported = undefined;
      this.#state = { state: 'synced', since: this.#now() };
      this.#options.log.info({}, 'fpm: feed complete');
    } else {
      const begun = state === 'syncing' ? since : this.#now();
      this.#state = { state: 'syncing', since: begun, waitingFor };
    }
  }

  #refuse(reason: string): void {
    this.#queue.lost(reason);
    this.#state = { state: 'refused', since: this.#now(), reason };
    this.#report(`fpm: ${reason}`);
  }

  #lost(session: FpmSession, reason: string): void {
    const now = this.#now();
    const { state } = this.#state;
    if (state === 'synced') this.#families = session.families();
    if (state === 'syncing' || state === 'synced') this.#queue.lost(reason);
    this.#state = { state: 'lost', since: now, reason, attempts: 0, retryAt: now + RETRY_MS };
    this.#report(`fpm: ${reason}`);
  }

  /** Nobody is connected, and for this reason. */
  #waits(reason: string): void {
    const { state, since } = this.#state;
    const attempts = this.#failures;
    if (state === 'lost') {
      const retryAt = this.#now() + RETRY_MS;
      this.#state = { state, since, attempts, retryAt, reason };
    } else {
      const begun = state === 'connecting' ? since : this.#now();
      this.#state = { state: 'connecting', since: begun, attempts, lastError: reason };
    }
  }

  #turnAway(socket: Socket): void {
    socket.on('error', () => {}); // It is being closed anyway.
    socket.destroy();
    if (this.#strangerTold) return;
    this.#strangerTold = true;
    this.#options.log.warn(
      { from: from(socket) },
      'fpm: a second connection was closed; one zebra is listened to at a time',
    );
  }

  /** One line a change, not one an attempt. */
  #report(message: string): void {
    if (message === this.#reported) return;
    this.#reported = message;
    this.#options.log.warn({ source: this.name, state: this.#state.state }, message);
  }

  #now(): number {
    return this.#options.clock.now();
  }
}

function from(socket: Socket): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
