import type { Clock } from '../clock.js';

/** Wakes one sleeper: rung any number of times before or during its sleep, it wakes once. */
export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;

  constructor(private readonly clock: Clock) {}

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Resolves when rung, after `ms`, or when `signal` aborts; at once when rung already. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && ms > 0 && !signal.aborted) {
      const timer = new AbortController();
      const awake = new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true, signal: timer.signal });
        this.clock.delay(ms, timer.signal).then(resolve, () => resolve());
      });
      await awake;
      this.#wake = undefined;
      timer.abort();
    }
    this.#rung = false;
  }
}
