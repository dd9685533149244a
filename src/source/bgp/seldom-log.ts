/** A log for what anybody can make happen, as often as he likes: each fact once an hour, and few of them. */
import type { Clock } from '../../clock.js';
import type { Log } from '../../log-port.js';

const HOUR_MS = 3_600_000;
/** Facts an hour. */
const MOST = 20;

export class SeldomLog {
  readonly #told = new Set<string>();
  #since = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
  ) {}

  /** `fields` and `message` together are the fact. */
  warn(fields: Readonly<Record<string, string>>, message: string): void {
    const now = this.clock.monotonic();
    if (now - this.#since >= HOUR_MS) {
      this.#told.clear();
      this.#since = now;
    }
    const fact = JSON.stringify([fields, message]);
    if (this.#told.size >= MOST || this.#told.has(fact)) return;
    this.#told.add(fact);
    this.log.warn(fields, message);
  }
}
