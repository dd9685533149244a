/**
 * Between a source, which may never wait, and its consumer, which works in
 * batches. While the consumer is busy, updates coalesce by prefix; a change that
 * meets an idle consumer goes through at once, no timer in between.
 */
import { setImmediate } from 'node:timers/promises';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixMap } from '../net/prefix-map.js';
import type { Path } from '../rib/path.js';
import type { RouteUpdate, SourceEvent } from './source.js';

/** Updates that may still coalesce, by prefix, or an event that they must not cross. */
type Segment = PrefixMap<readonly Path[]> | Exclude<SourceEvent, { type: 'updates' }>;

/** Updates handed over at once: between two lots others have their turn, and a full table is not there twice. */
const LOT = 1_024;

export class EventQueue {
  #segments: Segment[] = [];
  #updates: PrefixMap<readonly Path[]> | undefined;
  /** What is left of the segment that is being taken in lots. */
  #taking: Iterator<[Prefix, readonly Path[]]> | undefined;
  #wake: (() => void) | undefined;

  /** The prefix's whole set; replaces one not yet taken. */
  update(prefix: Prefix, paths: readonly Path[]): void {
    if (this.#updates === undefined) {
      this.#updates = new PrefixMap();
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
    const merged = new PrefixMap<readonly Path[]>();
    for (const segment of this.#segments) {
      if (!(segment instanceof PrefixMap)) continue;
      for (const [prefix, paths] of segment.entries()) merged.set(prefix, paths);
    }
    this.#segments = merged.size === 0 ? [] : [merged];
    this.#mark({ type: 'reset' });
  }

  synced(family: Family): void {
    this.#mark({ type: 'synced', family });
  }

  lost(reason: string): void {
    this.#mark({ type: 'lost', reason });
  }

  /**
   * What comes next, in order: other events, and updates up to a lot; waits where there is
   * nothing. Rejects with the signal's reason. One caller at a time.
   */
  async take(signal: AbortSignal): Promise<readonly SourceEvent[]> {
    signal.throwIfAborted();
    if (this.#taking === undefined && this.#segments.length === 0) await this.#filled(signal);
    // One turn of the event loop: takes along what has already arrived with it, and waits for nothing.
    await setImmediate();
    const events: SourceEvent[] = [];
    for (let room = LOT; room > 0; ) {
      const updates = this.#lot(room);
      room -= updates.length;
      if (updates.length > 0) events.push({ type: 'updates', updates });
      if (this.#taking !== undefined) continue;
      const segment = this.#segments.shift();
      if (segment === undefined) break;
      if (!(segment instanceof PrefixMap)) events.push(segment);
      else {
        if (segment === this.#updates) this.#updates = undefined;
        this.#taking = segment.entries();
      }
    }
    return events;
  }

  /** Up to `room` updates of the segment that is being taken. */
  #lot(room: number): readonly RouteUpdate[] {
    const updates: RouteUpdate[] = [];
    while (this.#taking !== undefined && updates.length < room) {
      const { done, value } = this.#taking.next();
      if (done === true) this.#taking = undefined;
      else updates.push({ prefix: value[0], paths: value[1] });
    }
    return updates;
  }

  #mark(event: Exclude<SourceEvent, { type: 'updates' }>): void {
    this.#segments.push(event);
    this.#updates = undefined;
    this.#wake?.();
  }

  #filled(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#wake = undefined;
        reject(signal.reason);
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#wake = () => {
        this.#wake = undefined;
        signal.removeEventListener('abort', abort);
        resolve();
      };
    });
  }
}
