import type { Clock } from '../clock.js';

/**
 * Wakes one sleeper: rung any number of times before or during its sleep, it wakes once. A ring costs
 * no timer: the one that runs goes on, and is looked at again when it ends.
 */
export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;
  /** When the sleeper is to wake, on the monotonic clock. */
  #dueAt = Number.POSITIVE_INFINITY;
  #timer: { readonly at: number; readonly stop: AbortController } | undefined;
  /** Whose end wakes, too. */
  #signal: AbortSignal | undefined;

  constructor(private readonly clock: Clock) {}

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves when rung, after `ms`, or when `signal` aborts; at once when rung already. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && ms > 0 && !signal.aborted) {
      this.#follow(signal);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#dueAt = this.clock.monotonic() + ms;
        this.#startTimer(ms);
      });
      this.#wake = undefined;
    }
    this.#rung = false;
  }

  #follow(signal: AbortSignal): void {
    if (signal === this.#signal) return;
    this.#signal = signal;
    const end = () => {
      this.#stopTimer();
      this.#wake?.();
    };
    signal.addEventListener('abort', end, { once: true });
  }

  /** One that ends before it is due will do. */
  #startTimer(ms: number): void {
    if (this.#timer !== undefined && this.#timer.at <= this.#dueAt) return;
    this.#stopTimer();
    const stop = new AbortController();
    const timer = { at: this.#dueAt, stop };
    this.#timer = timer;
    this.clock.delay(ms, stop.signal).then(
      () => this.#ended(timer),
      () => undefined, // Stopped.
    );
  }

  #ended(timer: { readonly at: number }): void {
    if (this.#timer !== timer) return;
    this.#timer = undefined;
    if (this.#wake === undefined) return;
    const left = this.#dueAt - this.clock.monotonic();
    if (left > 0) this.#startTimer(left);
    else this.#wake();
  }

  #stopTimer(): void {
    this.#timer?.stop.abort();
    this.#timer = undefined;
  }
}
