/**
 * Holds withdrawals back until it is known that they mean what they say.
 *
 * Where FRR is stopped as a whole (every upgrade), bgpd ends first: zebra takes
 * its routes out one by one, tells them over FPM like every withdrawal, and ends
 * itself a moment later. (zebra alone, SIGTERM or SIGKILL, 8.4 and 10.3, closes
 * the connection and withdraws nothing: measured.) At face value that empties
 * the table. FPM does not tell what goes on in bgpd; what tells such an end from
 * a lost route is that it takes all of them, and that the connection ends.
 *
 * So withdrawals are gathered until there has been none for 20 ms; for 250 ms
 * where they are ten or more (zebra pauses for up to 80 ms in the midst of such an
 * end, measured on a busy machine), yet no longer than two seconds. A burst that leaves a tenth of the routes or less
 * is parked for two seconds after the last of them: if the connection ends
 * before, the feed is lost and they are dropped, else they are real.
 *
 * Announcements never wait here.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../clock.js';
import type { Prefix } from '../../net/prefix.js';

export interface WithdrawalGateOptions {
  readonly clock: Clock;
  /** Number of prefixes that have a route, held withdrawals not counted. */
  readonly live: () => number;
  /** Passes withdrawals on. */
  readonly release: (prefixes: Iterable<Prefix>) => void;
}

const GATHER_MS = 20;
const MANY_MS = 250;
const QUIET_MS = 2000;
const MANY = 10;
/** Longest wait of the first of many: where routes come and go all the time, there is no silence. */
const LONGEST_MS = 2000;
/** Where no more than this share is left, nearly all are gone. */
const LEFT_SHARE = 1 / 10;

export class WithdrawalGate {
  #held = new Map<string, Prefix>();
  /** Of the first that is held, and of the last there was. */
  #firstAt = 0;
  #lastAt = 0;
  /** Released of the burst that runs: it ends with two seconds without a withdrawal. */
  #released = 0;
  #running = false;

  constructor(private readonly options: WithdrawalGateOptions) {}

  /** Number of withdrawals held. */
  get size(): number {
    return this.#held.size;
  }

  /** The prefix has a route again. */
  cancel(key: string): void {
    if (this.#held.size > 0) this.#held.delete(key);
  }

  /** The prefix has no route any more. The caller owes a call of {@link settle}, after the last of several. */
  hold(prefix: Prefix): void {
    const now = this.options.clock.monotonic();
    if (now - this.#lastAt >= QUIET_MS) this.#released = 0;
    this.#lastAt = now;
    if (this.#held.size === 0) this.#firstAt = now;
    this.#held.set(prefix.key, prefix);
  }

  /** Resolves once nothing is held; at once where another call looks after it. Rejects with the signal's reason. */
  async settle(signal: AbortSignal): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#held.size > 0) {
        await this.#silence(signal);
        this.#release();
      }
    } finally {
      this.#running = false;
    }
  }

  /** When the held ones are believed, unless more come. */
  #dueAt(): number {
    const left = this.options.live();
    const gone = this.#held.size + this.#released;
    if (left <= (left + gone) * LEFT_SHARE) return this.#lastAt + QUIET_MS;
    const patience = gone >= MANY ? MANY_MS : GATHER_MS;
    return Math.min(this.#lastAt + patience, this.#firstAt + LONGEST_MS);
  }

  #release(): void {
    const prefixes = this.#held;
    this.#held = new Map();
    this.#released += prefixes.size;
    this.options.release(prefixes.values());
  }

  /** Resolves once the last withdrawal is long enough ago. */
  async #silence(signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    for (;;) {
      const left = this.#dueAt() - clock.monotonic();
      if (left > 0) {
        await clock.delay(left, signal);
        continue;
      }
      // One turn of the event loop: a process that was kept waiting itself reads first what came meanwhile.
      await setImmediate();
      signal.throwIfAborted();
      if (this.#dueAt() <= clock.monotonic() || this.#held.size === 0) return;
    }
  }
}
