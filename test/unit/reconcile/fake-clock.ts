import type { Clock } from '../../../src/clock.js';

interface Timer {
  readonly at: number;
  readonly ring: () => void;
}

/** A clock that a test moves. Wall time starts elsewhere than the monotonic one, so that mixing them shows. */
export class FakeClock implements Clock {
  #time = 1_000;
  readonly #timers = new Set<Timer>();

  now(): number {
    return 1_700_000_000_000 + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  delay(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const ring = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const timer: Timer = { at: this.#time + ms, ring };
      this.#timers.add(timer);
      const abort = (): void => {
        this.#timers.delete(timer);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  /** When the next timer rings; Infinity where none is set. */
  get nextAt(): number {
    return Math.min(...[...this.#timers].map(({ at }) => at));
  }

  /** Timers set and not rung. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Time passes within something that is under way: nothing rings. */
  move(ms: number): void {
    this.#time += ms;
  }

  /** Moves on, stopping at each timer to let what it woke settle. */
  async advance(ms: number): Promise<void> {
    const end = this.#time + ms;
    while (this.nextAt <= end) {
      this.#time = Math.max(this.#time, this.nextAt);
      for (const timer of [...this.#timers]) {
        if (timer.at > this.#time) continue;
        this.#timers.delete(timer);
        timer.ring();
      }
      await settled();
    }
    this.#time = end;
  }
}

/** All that runs on promises alone has come to rest. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
