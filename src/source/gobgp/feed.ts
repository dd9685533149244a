/**
 * The life of one connection to a gobgpd whose BGP runs: subscription, dump,
 * changes, and the watch over its peers, until something breaks.
 *
 * The order makes the feed whole. The subscription comes first, so that no
 * change falls between it and the dump. v4 servers then send the table
 * themselves, in batches, before the first change. For v3, and where all paths
 * are asked for, the dump is a ListPath, begun once the subscription is known to stand: its peer events,
 * which share the stream, begin with a list that has an end. A change that
 * arrives meanwhile wins over the dump's entry, which may be older; and what
 * makes the entry newer than that change is told by another change.
 */
import type { Clock } from '../../clock.js';
import type { Log } from '../../log-port.js';
import type { EventQueue } from '../event-queue.js';
import { FeedEnd } from '../feed-end.js';
import { AllPathsIntake } from './all-paths-intake.js';
import type { GlobalMessage } from './api.js';
import type { GobgpClient } from './client.js';
import { waitingFor } from './convergence.js';
import { GobgpError } from './gobgp-error.js';
import type { Intake } from './intake.js';
import { PeerTable } from './peer-table.js';
import { RouteIntake } from './route-intake.js';
import type { DecodeError } from './wire.js';
import type { SessionsNow } from './withdrawal-parking.js';

export interface FeedOptions {
  readonly client: GobgpClient;
  readonly paths: 'best' | 'all';
  /** The client's life: aborted with the reason when a part of the feed fails. */
  readonly life: AbortController;
  /** GetBgp's answer: BGP runs. */
  readonly global: GlobalMessage;
  readonly queue: EventQueue;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  /** Milliseconds from the start of the feed until its families count as synced, come what may. */
  readonly syncTimeout: number;
  /** For people: what is still missing, or `undefined` once the feed is complete. */
  readonly progress: (waitingFor: string | undefined) => void;
  readonly undecodable: (error: DecodeError) => void;
  /** A message has come. */
  readonly heard: () => void;
}

/**
 * How often ListPeer is asked: while all is quiet, while routes change (what a
 * peer has sent is counted there), and while the feed is not complete. And, so
 * that it costs gobgpd little on a large table, how many times as long as an
 * answer took the next question waits.
 */
const PEERS_MS = 10_000;
const PEERS_CHANGING_MS = 1000;
const PEERS_SYNCING_MS = 250;
const PEERS_SHARE = 20;
/** Longest wait for the subscription's mark, for a server that should not send it. */
const SUBSCRIBED_MS = 5000;
/**
 * The peers have told all, but gobgpd may still be passing it on: the stream
 * must be silent for so long, or, under constant churn, be given so much time.
 */
const DRAINED_MS = 300;
const CHURNING_MS = 10_000;
/**
 * v4 servers up to 4.7 do not tell when nothing but the next hop in MP_REACH
 * of a best path changes, and none tells its version: so all are read anew now
 * and then.
 */
const AUDIT_MS = 600_000;

export class Feed {
  readonly peers: PeerTable;
  readonly #options: FeedOptions;
  readonly #life: AbortController;
  readonly #intake: Intake;
  readonly #startedAt: number;
  #subscribed = false;
  #lastTableAt = 0;
  /** gobgpd is not read: the queue has no room. */
  #full = false;
  #peersAt = 0;
  #peersPause = 0;
  /** Something has happened that {@link #wait} is to end for; and what ends a wait. */
  #news = false;
  #wake: (() => void) | undefined;

  constructor(options: FeedOptions) {
    const { client, life, global, queue, clock, undecodable } = options;
    this.#options = options;
    this.#life = life;
    this.#startedAt = clock.monotonic();
    this.peers = new PeerTable(client.api);
    const Kind = options.paths === 'all' ? AllPathsIntake : RouteIntake;
    this.#intake = new Kind({
      ...{ client, global, queue, clock, undecodable, peers: this.peers },
      room: () => this.#room(),
      askSessions: () => this.#askSessions(),
      fail: (error) => life.abort(error),
      signal: life.signal,
    });
  }

  /** Runs until the feed breaks, or its life is ended; rejects with the reason. */
  async run(): Promise<never> {
    const { queue, progress } = this.#options;
    await this.#refreshPeers();
    queue.reset();
    progress('dump');
    const parts = [this.#watch(), this.#follow()];
    for (const part of parts) part.catch((error) => this.#life.abort(error));
    await Promise.allSettled(parts);
    throw this.#life.signal.reason;
  }

  async #watch(): Promise<never> {
    const { client, paths, clock, heard } = this.#options;
    await client.watch(paths, (message) => {
      heard();
      const { dumping } = this.#intake;
      const event = this.#intake.event(message);
      switch (event?.type) {
        case 'table': {
          const first = this.#lastTableAt < this.#peersAt;
          this.#lastTableAt = clock.monotonic();
          if (dumping && !this.#intake.dumping) this.#look();
          else if (first) this.#wake?.();
          break;
        }
        case 'subscribed':
          this.#subscribed = true;
          this.#look();
          break;
        case 'peer':
          if (!event.initial) this.#look();
      }
      return this.#room();
    });
    throw new GobgpError('broken', 'gobgpd ended the stream of events');
  }

  /** Dump, then the peers, for good. */
  async #follow(): Promise<never> {
    await this.#dump();
    await this.#converge();
    this.#options.progress(undefined);
    const { clock, random } = this.#options;
    const nextAudit = () => clock.monotonic() + AUDIT_MS * (0.9 + 0.2 * random());
    let auditAt = nextAudit();
    for (;;) {
      const changing = this.#lastTableAt >= this.#peersAt;
      const ended = await this.#wait(changing ? PEERS_CHANGING_MS : PEERS_MS);
      // The first change after quiet: what the peers have sent is asked a second later.
      if (ended === 'woken') continue;
      await this.#refreshPeers();
      if (this.#needsAudits && clock.monotonic() >= auditAt && this.#intake.settled) {
        await this.#intake.readTable();
        auditAt = nextAudit();
      }
    }
  }

  get #needsAudits(): boolean {
    const { client, paths } = this.#options;
    return client.api.version === 'v4' && paths === 'best';
  }

  async #dump(): Promise<void> {
    const { client, paths, clock, syncTimeout } = this.#options;
    const byList = paths === 'all' || client.api.dumpBatch === undefined;
    const patience = byList ? Math.min(SUBSCRIBED_MS, syncTimeout) : syncTimeout;
    const missing = () => (byList ? !this.#subscribed : this.#intake.dumping);
    for (;;) {
      const left = this.#startedAt + patience - clock.monotonic();
      if (!missing() || left <= 0) break;
      await this.#wait(left);
    }
    if (byList) await this.#intake.readTable();
  }

  /** Tells each family synced as it is. */
  async #converge(): Promise<void> {
    const { clock, queue, log, progress, syncTimeout } = this.#options;
    const end = new FeedEnd(queue, log);
    let convergedAt: number | undefined;
    for (;;) {
      const monotonic = clock.monotonic();
      const left = this.#startedAt + syncTimeout - monotonic;
      const missing = end.look(left, (family) => {
        const wanted = waitingFor(family, this.peers.views, { now: clock.now(), monotonic });
        if (wanted === undefined) convergedAt ??= monotonic;
        return wanted ?? this.#undrained(monotonic - (convergedAt ?? monotonic));
      });
      if (missing === undefined) return;
      progress(missing);
      await this.#wait(Math.min(PEERS_SYNCING_MS, left));
      await this.#refreshPeers();
    }
  }

  #undrained(convergedFor: number): string | undefined {
    if (this.#full) return 'what gobgpd has sent to be taken in';
    const silentFor = this.#options.clock.monotonic() - this.#lastTableAt;
    const drained = silentFor >= DRAINED_MS && this.#intake.settled;
    return drained || convergedFor >= CHURNING_MS ? undefined : 'gobgpd to pass everything on';
  }

  /** What waits for it is not read, so that its silence tells nothing; what gobgpd has sent meanwhile comes first. */
  #room(): Promise<void> | undefined {
    const room = this.#options.queue.room();
    if (room === undefined) return undefined;
    this.#full = true;
    return room.then(() => {
      this.#full = false;
      this.#lastTableAt = this.#options.clock.monotonic();
    });
  }

  /** Ends the current wait, or the next. */
  #look(): void {
    this.#news = true;
    this.#wake?.();
  }

  /** Waits for {@link #look}, at most for the time; `woken`: for neither. */
  async #wait(ms: number): Promise<'looked' | 'woken' | 'over'> {
    const { signal } = this.#life;
    const waiting = new AbortController();
    const wake = () => waiting.abort();
    if (this.#news || signal.aborted) wake();
    signal.addEventListener('abort', wake, { once: true });
    this.#wake = wake;
    try {
      await this.#options.clock.delay(ms, waiting.signal);
    } catch (error) {
      if (!waiting.signal.aborted) throw error;
    } finally {
      this.#wake = undefined;
      signal.removeEventListener('abort', wake);
    }
    signal.throwIfAborted();
    const looked = this.#news;
    this.#news = false;
    if (looked) return 'looked';
    return waiting.signal.aborted ? 'woken' : 'over';
  }

  /** gobgpd counts the routes of each peer for this, under the lock that its own work needs too. */
  async #refreshPeers(): Promise<void> {
    const { client, clock } = this.#options;
    await clock.delay(
      Math.max(0, this.#peersAt + this.#peersPause - clock.monotonic()),
      this.#life.signal,
    );
    const start = clock.monotonic();
    const messages = await client.listPeers();
    const end = clock.monotonic();
    this.#peersAt = start;
    this.#peersPause = Math.min((end - start) * PEERS_SHARE, PEERS_MS);
    if (this.peers.update(messages, end)) this.#intake.sessionsMoved();
    // StopBgp leaves no peers; so does an operator who has configured none.
    if (messages.length === 0) await this.#checkStarted();
  }

  /** What {@link WithdrawalParking} asks. */
  async #askSessions(): Promise<SessionsNow> {
    try {
      await this.#checkStarted();
    } catch (error) {
      this.#life.signal.throwIfAborted();
      if (error instanceof GobgpError && error.kind === 'broken') return 'unknown';
      throw error;
    }
    return this.peers.anyEstablished ? 'some-established' : 'none-established';
  }

  async #checkStarted(): Promise<void> {
    if ((await this.#options.client.getBgp()).asn === 0) {
      throw new GobgpError('bgp-stopped', 'BGP was stopped in gobgpd');
    }
  }
}
