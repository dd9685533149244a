/**
 * Events that wait to be told, in their order. Of one kind few are told singly: what comes and goes all the
 * time is summed up, so that a node costs its cluster no more than an Event a kind every ten minutes.
 */
import type { Clock } from '../clock.js';
import type { DatedHappening } from './cluster-writer.js';
import type { Happening } from './event.js';

/** Of one reason told singly within {@link WINDOW_MS}; what goes beyond is one Event at the end. */
const MOST_SINGLE = 5;
const WINDOW_MS = 600_000;
/** That wait; the oldest goes first. */
const MOST_WAITING = 50;

/** Of one reason, in the window that is open. */
interface Kind {
  /** Monotonic. */
  readonly since: number;
  readonly told: number;
  /** What is to be told as one when the window ends. */
  readonly sum: DatedHappening | undefined;
}

export class EventQueue {
  #waiting: DatedHappening[] = [];
  readonly #kinds = new Map<string, Kind>();
  #serial = 0;
  #dropped = 0;

  constructor(private readonly clock: Clock) {}

  /** Something has happened just now. */
  add(happening: Happening): void {
    const [at, now] = [this.clock.now(), this.clock.monotonic()];
    this.#endWindows();
    const { reason } = happening;
    const kind = this.#kinds.get(reason) ?? { since: now, told: 0, sum: undefined };
    if (kind.told < MOST_SINGLE) {
      this.#kinds.set(reason, { ...kind, told: kind.told + 1 });
      this.#push({ happening, at, lastAt: at, count: 1, serial: this.#serial++ });
    } else {
      const { at: since, count, serial } = kind.sum ?? { at, count: 0, serial: this.#serial++ };
      const sum = { happening, at: since, lastAt: at, count: count + 1, serial };
      this.#kinds.set(reason, { ...kind, sum });
    }
  }

  /** The next to be told: the same one until it {@link shift}s. */
  first(): DatedHappening | undefined {
    this.#endWindows();
    return this.#waiting[0];
  }

  /** That one is told, or given up. */
  shift(): void {
    this.#waiting.shift();
  }

  /** Milliseconds until {@link first} has something; Infinity where nothing is known to come. */
  untilDue(): number {
    if (this.first() !== undefined) return 0;
    const sums = [...this.#kinds.values()].filter(({ sum }) => sum !== undefined);
    return Math.min(...sums.map(({ since }) => since + WINDOW_MS - this.clock.monotonic()));
  }

  /** How many had to go untold since this was last asked. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  #endWindows(): void {
    const now = this.clock.monotonic();
    for (const [reason, { since, sum }] of this.#kinds) {
      if (now - since < WINDOW_MS) continue;
      this.#kinds.delete(reason);
      if (sum === undefined) continue;
      // It has been coming and going: it is summed up again.
      this.#kinds.set(reason, { since: now, told: MOST_SINGLE, sum: undefined });
      this.#push(sum);
    }
  }

  #push(event: DatedHappening): void {
    this.#waiting.push(event);
    if (this.#waiting.length <= MOST_WAITING) return;
    this.#waiting.shift();
    this.#dropped++;
  }
}
