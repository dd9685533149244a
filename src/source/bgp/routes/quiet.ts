/**
 * How long a peer has said nothing, while we listened: what a process was held
 * up for does not count, nor what a session waited for room.
 */
import type { Clock } from '../../../clock.js';

/** Milliseconds from look to look, at most: what was missed between two is as much. */
const LOOK_MS = 250;

export class Quiet {
  #heardAt = 0;
  /** Of the last look, and of the next. */
  #lookedAt = 0;
  #dueAt = 0;

  constructor(
    private readonly clock: Clock,
    /** False while what the peer says is not read. */
    private readonly listening: () => boolean,
  ) {}

  /** It begins now; returns the milliseconds up to the first look. */
  begin(): number {
    this.#heardAt = this.clock.monotonic();
    this.#lookedAt = this.#heardAt;
    this.#dueAt = this.#heardAt + LOOK_MS;
    return LOOK_MS;
  }

  heard(): void {
    this.#heardAt = this.clock.monotonic();
  }

  /** `over` once it has lasted for so many milliseconds; `wait`: those up to the next look; `missed`: those that did not count. */
  look(patience: number): {
    readonly over: boolean;
    readonly wait: number;
    readonly missed: number;
  } {
    const now = this.clock.monotonic();
    const missed = this.listening() ? Math.max(0, now - this.#dueAt) : now - this.#lookedAt;
    this.#heardAt = Math.min(now, this.#heardAt + missed);
    this.#lookedAt = now;
    const left = patience - (now - this.#heardAt);
    const wait = left > 0 ? Math.min(left, LOOK_MS) : LOOK_MS;
    this.#dueAt = now + wait;
    return { over: left <= 0, wait, missed };
  }
}
