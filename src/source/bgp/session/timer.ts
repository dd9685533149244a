import type { Clock } from '../../../clock.js';

/** A timer of RFC 4271 8: runs or does not, and tells when it has run out. */
export class Timer {
  #running: AbortController | undefined;
  #endsAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly expired: () => void,
  ) {}

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** When it runs out, monotonic milliseconds; `undefined` while it does not run. */
  get endsAt(): number | undefined {
    return this.running ? this.#endsAt : undefined;
  }

  /** From now on, and no more from before. `Infinity` never runs out. */
  start(ms: number): void {
    this.stop();
    const running = new AbortController();
    this.#running = running;
    this.#endsAt = this.clock.monotonic() + ms;
    void this.clock.delay(ms, running.signal).then(
      () => {
        if (this.#running !== running) return;
        this.#running = undefined;
        this.expired();
      },
      () => undefined, // Stopped: the one way for a delay to reject.
    );
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
  }
}
