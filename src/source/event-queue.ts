/**
 * Between a source, which may never wait, and its consumer, which works in
 * batches. While the consumer is busy, updates coalesce by prefix; a change that
 * meets an idle consumer goes through at once, no timer in between.
 */
import { setImmediate } from 'node:timers/promises';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import type { Path } from '../rib/path.js';
import type { RouteUpdate, SourceEvent } from './source.js';

/** Updates that may still coalesce, by prefix, or an event that they must not cross. */
type Segment = Map<string, RouteUpdate> | Exclude<SourceEvent, { type: 'updates' }>;

export class EventQueue {
  #segments: Segment[] = [];
  #updates: Map<string, RouteUpdate> | undefined;
  #wake: (() => void) | undefined;

  /** The prefix's whole set; replaces one not yet taken. */
  update(prefix: Prefix, paths: readonly Path[]): void {
    if (this.#updates === undefined) {
      this.#updates = new Map();
      this.#segments.push(this.#updates);
    }
    this.#updates.set(prefix.key, { prefix, paths });
    this.#wake?.();
  }

  /**
   * Begins a new full feed. What stands before it untaken becomes one set of
   * updates: the queue never holds more than the table twice, however often
   * the feed begins anew.
   */
  reset(): void {
    const merged = new Map<string, RouteUpdate>();
    for (const segment of this.#segments) {
      if (segment instanceof Map) for (const [key, update] of segment) merged.set(key, update);
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

  /** Everything there is, in order; waits where there is nothing. Rejects with the signal's reason. One caller at a time. */
  async take(signal: AbortSignal): Promise<readonly SourceEvent[]> {
    signal.throwIfAborted();
    if (this.#segments.length === 0) {
      await this.#filled(signal);
      // One turn of the event loop: takes along what has already arrived with it, and waits for nothing.
      await setImmediate();
    }
    const segments = this.#segments;
    this.#segments = [];
    this.#updates = undefined;
    return segments.map((segment) =>
      segment instanceof Map ? { type: 'updates', updates: [...segment.values()] } : segment,
    );
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
