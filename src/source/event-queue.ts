/**
 * Between a source, which may never wait, and its consumer, which works in
 * batches. While the consumer is busy, updates coalesce by prefix; a change that
 * meets an idle consumer goes through at once, no timer in between.
 */
import { setImmediate } from 'node:timers/promises';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixQueue } from '../net/prefix-queue.js';
import type { Path } from '../rib/path.js';
import type { RouteUpdate, SourceEvent } from './source.js';

/** Updates that may still coalesce, by prefix, or an event that they must not cross. */
type Segment = PrefixQueue<readonly Path[]> | Exclude<SourceEvent, { type: 'updates' }>;

/** Updates handed over at once: between two lots others have their turn, and a full table is not there twice. */
const LOT = 1_024;
/** Updates that wait at which a source that can is to read nothing more … */
const FULL = 16_384;
/** … until no more than so many are left. */
const ROOM = 8_192;

export class EventQueue {
  #segments: Segment[] = [];
  #updates: PrefixQueue<readonly Path[]> | undefined;
  /** One that is empty, for the next. */
  #spare: PrefixQueue<readonly Path[]> | undefined;
  /** So many of the first segment are to be handed over until what was there when it was begun has been. */
  #due = 0;
  #wake: (() => void) | undefined;
  /** Whose end is listened to, and what it ends. */
  #signal: AbortSignal | undefined;
  #reject: ((reason: unknown) => void) | undefined;
  /** Who waits for room, and what tells them. */
  #room: { readonly promise: Promise<void>; readonly tell: () => void } | undefined;

  /** The prefix's whole set; replaces one not yet taken. */
  update(prefix: Prefix, paths: readonly Path[]): void {
    if (this.#updates === undefined) {
      this.#updates = this.#spare ?? new PrefixQueue();
      this.#spare = undefined;
      this.#segments.push(this.#updates);
    }
    this.#updates.set(prefix, paths);
    this.#wake?.();
  }

  /**
   * Begins a new full feed. What stands before it untaken becomes one set of
   * updates: the queue never holds more than the table twice, however often
   * the feed begins anew.
   */
  reset(): void {
    const [merged, ...later] = this.#segments.filter((one) => one instanceof PrefixQueue);
    for (const segment of later) {
      segment.take(segment.size, (prefix, paths) => merged?.set(prefix, paths));
    }
    this.#segments = merged === undefined ? [] : [merged];
    this.#due = 0;
    this.#mark({ type: 'reset' });
  }

  synced(family: Family): void {
    this.#mark({ type: 'synced', family });
  }

  lost(reason: string): void {
    this.#mark({ type: 'lost', reason });
  }

  /**
   * For a source that can have its daemon wait: resolves once there is room for more; `undefined`
   * where there is. To read on all the same loses nothing, and costs memory.
   */
  room(): Promise<void> | undefined {
    if (this.#room === undefined && this.#waiting >= FULL) {
      let tell = () => {};
      const promise = new Promise<void>((resolve) => {
        tell = resolve;
      });
      this.#room = { promise, tell };
    }
    return this.#room?.promise;
  }

  /**
   * What comes next, in order: other events, and updates up to a lot; waits where there is
   * nothing. Rejects with the signal's reason. One caller at a time.
   */
  async take(signal: AbortSignal): Promise<readonly SourceEvent[]> {
    signal.throwIfAborted();
    if (this.#segments.length === 0) await this.#filled(signal);
    // One turn of the event loop: takes along what has already arrived with it, and waits for nothing.
    await setImmediate();
    const events: SourceEvent[] = [];
    for (let room = LOT; room > 0; ) {
      const segment = this.#segments[0];
      if (segment === undefined) break;
      if (segment instanceof PrefixQueue) {
        const updates = this.#lot(segment, room);
        room -= updates.length;
        events.push({ type: 'updates', updates, more: this.#due > 0 });
        // The lot is full, or all that is due is there: what came behind it is a batch of its own.
        if (segment.size > 0) break;
        if (segment === this.#updates) this.#updates = undefined;
        this.#spare = segment;
      } else events.push(segment);
      this.#segments.shift();
    }
    if (this.#room !== undefined && this.#waiting <= ROOM) {
      this.#room.tell();
      this.#room = undefined;
    }
    return events;
  }

  /** Updates. */
  get #waiting(): number {
    let waiting = 0;
    for (const segment of this.#segments)
      if (segment instanceof PrefixQueue) waiting += segment.size;
    return waiting;
  }

  /** Up to `room` updates of the segment that is being taken; what comes meanwhile coalesces with the rest. */
  #lot(segment: PrefixQueue<readonly Path[]>, room: number): readonly RouteUpdate[] {
    const updates: RouteUpdate[] = [];
    if (this.#due === 0) this.#due = segment.size;
    const count = Math.min(this.#due, room);
    segment.take(count, (prefix, paths) => updates.push({ prefix, paths }));
    this.#due -= updates.length;
    return updates;
  }

  #mark(event: Exclude<SourceEvent, { type: 'updates' }>): void {
    this.#segments.push(event);
    this.#updates = undefined;
    this.#wake?.();
  }

  /** One listener a signal: a change that meets an idle consumer costs no other. */
  #filled(signal: AbortSignal): Promise<void> {
    if (signal !== this.#signal) {
      this.#signal = signal;
      signal.addEventListener('abort', () => this.#reject?.(signal.reason), { once: true });
    }
    return new Promise((resolve, reject) => {
      const settled = () => {
        this.#wake = undefined;
        this.#reject = undefined;
      };
      this.#reject = (reason) => {
        settled();
        reject(reason);
      };
      this.#wake = () => {
        settled();
        resolve();
      };
    });
  }
}
