/** Waits between attempts: longer each time, and never in step with the other side's. */

const FIRST_MS = 1_000;
/** RFC 4271 10 suggests 120 s of ConnectRetryTime; a restarted neighbour should be met sooner. */
const LONGEST_RETRY_MS = 30_000;
const LONGEST_HOLD_MS = 60_000;
/** Failures in a row after which a peer rests whatever else it has to say for itself. */
const FLAPS = 3;

/** Milliseconds before the next call, after so many that failed before the last. `random` gives 0 up to 1. */
export function backoff(failedBefore: number, random: () => number): number {
  return wait(failedBefore, LONGEST_RETRY_MS, random);
}

function wait(failedBefore: number, longest: number, random: () => number): number {
  const full = Math.min(FIRST_MS * 2 ** failedBefore, longest);
  return Math.round(full * (0.75 + 0.25 * random()));
}

/**
 * Damped restarts (RFC 4271 8.1.1 DampPeerOscillations): how long a peer rests
 * after a session that failed, longer after each that follows.
 */
export class IdleHold {
  #failures = 0;

  /** It has failed so often that nobody can call it a restart any more. */
  get flaps(): boolean {
    return this.#failures >= FLAPS;
  }

  /** Milliseconds to rest; `random` gives 0 up to 1. */
  failed(random: () => number): number {
    return wait(this.#failures++, LONGEST_HOLD_MS, random);
  }

  worked(): void {
    this.#failures = 0;
  }
}
