import type { Clock } from '../../../src/clock.js';

/** Time that moves only when told to; whoever waits is woken in order. */
export class FakeClock implements Clock {
  #time = 1_000_000;
  readonly #waits = new Set<{ readonly at: number; readonly wake: () => void }>();

  now = () => this.#time;
  monotonic = () => this.#time;

  /** Number of waits that have not ended. */
  get waiting(): number {
    return this.#waits.size;
  }

  delay(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const wait = { at: this.#time + ms, wake: resolve };
      this.#waits.add(wait);
      signal?.addEventListener('abort', () => {
        this.#waits.delete(wait);
        reject(signal.reason);
      });
    });
  }

  /** Moves on from wait to wait, and lets all that is woken run until it waits again. */
  async advance(ms: number): Promise<void> {
    const end = this.#time + ms;
    for (;;) {
      const at = Math.min(...Array.from(this.#waits, (wait) => wait.at));
      if (at > end) break;
      this.#time = Math.max(this.#time, at);
      await this.#wake();
    }
    this.#time = end;
    await settled();
  }

  /** As a process sees it that was held up: all at once, and late. */
  async stall(ms: number): Promise<void> {
    this.#time += ms;
    await this.#wake();
  }

  async #wake(): Promise<void> {
    for (const wait of [...this.#waits].sort((a, b) => a.at - b.at)) {
      if (wait.at > this.#time) continue;
      this.#waits.delete(wait);
      wait.wake();
    }
    await settled();
  }
}

/** Lets every promise that can settle do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
