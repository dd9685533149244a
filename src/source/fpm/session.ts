/**
 * The life of one connection of zebra's: its replay, the changes behind it, and
 * the judgement when the replay is over (replay.ts).
 *
 * Routes of other tables than main are never replayed: those that the kernel
 * has in zebra's name stand in for it.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../clock.js';
import type { Log } from '../../log-port.js';
import type { Family } from '../../net/family.js';
import { TABLE_MAIN } from '../../netlink/route-message.js';
import type { EventQueue } from '../event-queue.js';
import { FeedEnd } from '../feed-end.js';
import { type Complaints, NEXTHOP_GROUPS } from './complaints.js';
import { decodeFrame, hasGateway, PROTOCOL_BGP } from './decoder.js';
import { checkHeader, FrameReader } from './frame.js';
import { InterfaceNames } from './interface-names.js';
import type { FpmNode } from './node.js';
import { Replay } from './replay.js';
import { RouteIntake } from './route-intake.js';

export interface SessionOptions {
  readonly socket: Socket;
  readonly tables: readonly number[];
  readonly queue: EventQueue;
  readonly node: FpmNode;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds from the first frame until the feed counts as complete, whatever is missing. */
  readonly syncTimeout: number;
  /** Families that the feed before had routes of. */
  readonly before: ReadonlySet<Family>;
  /** It has spoken: a feed begins. */
  readonly begun: () => void;
  /** For people: what is still missing, or `undefined` once the feed is complete. */
  readonly progress: (waitingFor: string | undefined) => void;
  /** What is offered cannot be taken as a whole: nothing more comes of this connection. */
  readonly refuse: (reason: string) => void;
  readonly complaints: Complaints;
  /** A route of BGP was told. */
  readonly heard: () => void;
}

export class FpmSession {
  readonly #options: SessionOptions;
  readonly #intake: RouteIntake;
  readonly #replay: Replay;
  readonly #life = new AbortController();
  readonly #superseded = new AbortController();
  readonly #interfaces: InterfaceNames;
  #spoken = false;
  #refused = false;
  #readingInterfaces = false;

  constructor(options: SessionOptions) {
    const { tables, queue, clock, complaints, before } = options;
    this.#options = options;
    this.#interfaces = new InterfaceNames(options);
    this.#replay = new Replay(before);
    this.#intake = new RouteIntake({
      ...{ tables, queue, clock },
      refused: (prefix, reason) => complaints.refuseRoute(prefix, reason),
      interfaceName: (index) => this.#interfaces.get(index),
    });
  }

  /** It has sent something that may be FPM: until then it may be anybody, and the feed knows nothing of it. */
  get spoken(): boolean {
    return this.#spoken;
  }

  /** Families of which there are routes now. */
  families(): ReadonlySet<Family> {
    return this.#intake.families();
  }

  /** Ends a connection that has not spoken. */
  supersede(): void {
    this.#superseded.abort();
  }

  /**
   * Runs until the connection ends or `signal` aborts; resolves with the reason,
   * for people. Rejects for what is no FPM ({@link FrameError}) and for a node
   * that cannot be read ({@link NodeError}).
   */
  async run(signal: AbortSignal): Promise<string> {
    const { socket, queue, begun, progress } = this.#options;
    const life = AbortSignal.any([signal, this.#life.signal]);
    let leave = () => {};
    const ended = new Promise<string>((resolve) => {
      leave = () => resolve('ended');
      socket.on('error', ({ message }) => resolve(`the connection of zebra broke: ${message}`));
      socket.on('close', () => resolve('zebra closed the connection'));
      signal.addEventListener('abort', leave);
      this.#superseded.signal.addEventListener('abort', leave);
    });
    try {
      const first = await Promise.race([ended, firstChunk(socket)]);
      if (typeof first === 'string') return first;
      checkHeader(first);
      this.#spoken = true;
      begun();
      queue.reset();
      progress('the first route of BGP');
      await this.#interfaces.read();
      await this.#readTables();
      return await Promise.race([ended, this.#follow(first, life)]);
    } finally {
      signal.removeEventListener('abort', leave);
      this.#life.abort();
      if (!socket.destroyed) {
        const closed = once(socket, 'close');
        socket.destroy();
        await closed;
      }
    }
  }

  /** Takes in what comes, and judges; rejects for what breaks it. */
  #follow(first: Buffer, signal: AbortSignal): Promise<never> {
    return new Promise((_resolve, reject) => {
      const fail = (error: unknown) => {
        if (!signal.aborted) reject(error);
      };
      const reader = new FrameReader();
      const take = (chunk: Buffer) => {
        try {
          reader.push(chunk, (payload) => this.#frame(payload));
        } catch (error) {
          reject(error);
          return;
        }
        this.#intake.settle(signal).catch(fail);
        if (!this.#intake.lacksInterface) return;
        const found = this.#readInterfaces();
        found.then(() => this.#intake.settle(signal)).catch(fail);
      };
      take(first);
      this.#options.socket.on('data', take).resume();
      this.#judge(signal).catch(fail);
    });
  }

  #frame(payload: Buffer): void {
    if (this.#refused) return;
    const { complaints, heard, clock } = this.#options;
    decodeFrame(payload, {
      change: (change) => {
        if (this.#refused || !this.#intake.take(change)) return;
        heard();
        const now = clock.monotonic();
        this.#replay.heard(now);
        if (change.type === 'new') this.#replay.taken(change.prefix.family, now);
      },
      nexthopGroups: () => this.#refuse(NEXTHOP_GROUPS),
      undecodable: (fault) => complaints.undecodable(fault),
    });
  }

  #refuse(reason: string): void {
    if (this.#refused) return;
    this.#refused = true;
    this.#life.abort();
    this.#options.refuse(reason);
  }

  /** Says when the feed is complete, once for each family. */
  async #judge(signal: AbortSignal): Promise<void> {
    const { clock, log, queue, syncTimeout, progress } = this.#options;
    const startedAt = clock.monotonic();
    const end = new FeedEnd(queue, log);
    for (;;) {
      signal.throwIfAborted();
      const now = clock.monotonic();
      const left = startedAt + syncTimeout - now;
      const missing = end.look(left, (family) => this.#replay.missing(family, now));
      progress(missing);
      if (missing === undefined) return;
      await clock.delay(Math.min(left, this.#replay.nextLook(now)), signal);
      // A process that was kept waiting itself reads first what came meanwhile.
      await setImmediate();
    }
  }

  /** Where main is taken too, its replay says when the feed is complete; else these routes are the replay. */
  async #readTables(): Promise<void> {
    const { tables, node, clock, complaints } = this.#options;
    const alone = !tables.includes(TABLE_MAIN);
    for (const table of tables) {
      if (table === TABLE_MAIN) continue;
      for (const { prefix, legs } of await node.routes(table, PROTOCOL_BGP)) {
        const gateways = legs.filter(hasGateway);
        if (gateways.length === 0 || gateways.length < legs.length) {
          complaints.refuseRoute(prefix, 'no-gateway');
          continue;
        }
        this.#intake.take({ type: 'new', table, prefix, legs: gateways });
        const now = clock.monotonic();
        this.#replay.heard(now);
        if (alone) this.#replay.taken(prefix.family, now);
      }
    }
    await this.#readInterfaces();
  }

  /** Until no route waits for its interface; at once where another call looks after it. */
  async #readInterfaces(): Promise<void> {
    if (this.#readingInterfaces) return;
    this.#readingInterfaces = true;
    try {
      while (this.#intake.lacksInterface) {
        this.#intake.interfacesAsked();
        await this.#interfaces.read();
        if (this.#life.signal.aborted) return;
        this.#intake.interfacesRead();
      }
    } finally {
      this.#readingInterfaces = false;
    }
  }
}

/** The socket is paused then. */
function firstChunk(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    socket.once('data', (chunk) => {
      socket.pause();
      resolve(chunk);
    });
  });
}
