/** How long the routes of a feed outlive it: from its loss, as long as the configuration says by then. */
import type { Clock } from '../../../clock.js';
import { Timer } from '../session/timer.js';

/** A reload may have changed it: looked at so often. */
const LOOK_MS = 1_000;

export class Hold {
  readonly #timer: Timer;
  #since = 0;

  /** `hold`: milliseconds, `Infinity` for ever. `ended` is told once for each start that is not stopped. */
  constructor(
    private readonly clock: Clock,
    private readonly hold: () => number,
    private readonly ended: () => void,
  ) {
    this.#timer = new Timer(clock, () => this.#look());
  }

  /** By what the configuration says now, monotonic milliseconds; `undefined` while it does not run. */
  get endsAt(): number | undefined {
    return this.#timer.running ? this.#since + this.hold() : undefined;
  }

  /** Counts from then, in monotonic milliseconds, and no more from before. Nothing is told before it returns. */
  start(since: number): void {
    this.#since = since;
    this.#timer.start(Math.min(Math.max(this.#left(), 0), LOOK_MS));
  }

  stop(): void {
    this.#timer.stop();
  }

  #look(): void {
    if (this.#left() > 0) this.start(this.#since);
    else this.ended();
  }

  #left(): number {
    return this.#since + this.hold() - this.clock.monotonic();
  }
}
