/** Time as the parts see it; the composition root hands it in, so that tests can bend it. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Clock {
  /** Wall clock, epoch milliseconds: for people and for files. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary start, never backwards: for durations and deadlines. */
  monotonic(): number;
  /**
   * Resolves after `ms` milliseconds; `Infinity` waits for the signal alone.
   * Rejects with the signal's reason as soon as it aborts.
   */
  delay(ms: number, signal?: AbortSignal): Promise<void>;
}

/** setTimeout's own limit (2^31 - 1 ms, 24.8 days); longer waits are cut into such pieces. */
const LONGEST_TIMER = 0x7fff_ffff;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async delay(ms, signal) {
    const options = signal === undefined ? {} : { signal };
    let left = ms;
    try {
      do {
        await sleep(Math.min(left, LONGEST_TIMER), undefined, options);
        left -= LONGEST_TIMER;
      } while (left > 0);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
