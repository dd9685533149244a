/** Changes that share their hooks, from the first to a while after the last. */
import type { Clock } from '../clock.js';
import type { HooksConfig } from '../config/config.js';
import { ChangeTally } from './change-tally.js';

/** From the end of the last pass to the end of the batch. */
export const QUIET_MS = 200;
/** Where changes do not cease, a batch ends after so long, between two passes. */
export const MOST_OPEN_MS = 10_000;

export class Batch {
  readonly tally = new ChangeTally();
  readonly #clock: Clock;
  readonly #opened: Promise<void>;
  #open: (() => void) | undefined;
  #openSince = Number.POSITIVE_INFINITY;
  /** Infinity before the first pass, and while one is under way. */
  #quietAt = Number.POSITIVE_INFINITY;
  /** A pass waits for it to open … */
  #awaited = false;
  /** … as long as a `before` may take, and no longer, whatever has to end ahead of it. */
  #patience: Promise<void> | undefined;
  #isPatient = true;
  readonly #closed = new AbortController();

  constructor(
    readonly hooks: HooksConfig,
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  get isOpen(): boolean {
    return this.#open === undefined;
  }

  /** Changes from now on are another batch's. */
  get isOver(): boolean {
    return this.#closed.signal.aborted;
  }

  open(): void {
    this.#openSince = this.#clock.monotonic();
    this.#open?.();
    this.#open = undefined;
  }

  /** False once a pass has waited in vain. */
  get isWorthWaiting(): boolean {
    return this.#isPatient;
  }

  /** Resolves when a pass may begin; there is at least one more. The same promise each time. */
  awaited(timeout: number): Promise<void> {
    this.#awaited = true;
    this.#quietAt = Number.POSITIVE_INFINITY;
    this.#patience ??= this.#wait(timeout);
    return this.#patience;
  }

  async #wait(timeout: number): Promise<void> {
    const opened = new AbortController();
    const late = this.#clock.delay(timeout, opened.signal).catch(() => undefined);
    await Promise.race([this.#opened, late]);
    opened.abort();
    if (this.isOpen) return;
    this.#isPatient = false;
    this.#awaited = false;
  }

  passBegins(): void {
    this.#quietAt = Number.POSITIVE_INFINITY;
  }

  passEnded(): void {
    // What could not wait is not what the batch is for.
    if (this.#awaited && !this.isOpen) return;
    const now = this.#clock.monotonic();
    this.#quietAt = now + QUIET_MS;
    if (now - this.#openSince >= MOST_OPEN_MS) this.close();
  }

  close(): void {
    this.#closed.abort();
  }

  /** Resolves once it has ended; called when it is open. */
  async over(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const left = this.#quietAt - this.#clock.monotonic();
      if (left <= 0) this.close();
      // One who is rung would wake with every pass; a look now and then costs less.
      else await this.#clock.delay(Math.min(left, QUIET_MS), signal).catch(() => undefined);
    }
  }
}
