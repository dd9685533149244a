/** The end of a full feed that nobody marks: each family is complete once nothing is missing, or time is up. */
import type { Log } from '../log-port.js';
import { FAMILIES, type Family } from '../net/family.js';
import type { EventQueue } from './event-queue.js';

export class FeedEnd {
  readonly #queue: EventQueue;
  readonly #log: Log;
  readonly #waiting = new Set<Family>(FAMILIES);

  constructor(queue: EventQueue, log: Log) {
    this.#queue = queue;
    this.#log = log;
  }

  /**
   * Says of each family, once, that it is complete. `left`: milliseconds of
   * `sync.timeout`; none left, and nothing is waited for. Returns what is still
   * missing, for people; undefined once both are complete.
   */
  look(left: number, missing: (family: Family) => string | undefined): string | undefined {
    let first: string | undefined;
    for (const family of this.#waiting) {
      const still = missing(family);
      if (still !== undefined && left > 0) {
        first ??= still;
        continue;
      }
      if (still !== undefined) {
        this.#log.warn(
          { family, waitingFor: still },
          'sync.timeout passed: taking the feed as complete',
        );
      }
      this.#waiting.delete(family);
      this.#queue.synced(family);
    }
    return first;
  }
}
