/**
 * Holds withdrawals back until it is known that they mean what they say.
 *
 * A gobgpd that is told to stop (SIGTERM, every upgrade) first withdraws its
 * routes and then closes the stream: taken at face value, that empties the
 * table. What tells it from a real loss is that gobgpd has no established peer
 * any more; but at the moment a withdrawal arrives, no message has said so yet:
 *
 *  - Stop (StopBgp, alike from 2.0 to 4.8) deletes the peers one after the
 *    other, withdraws the routes of each, and sets the AS number to 0, all in
 *    one operation of gobgpd's management loop. While the last of two peers is
 *    still up, the first one's routes are already going.
 *  - The loss of a peer (handleFSMMessage) withdraws its routes, and sends the
 *    peer event after them.
 *
 * So gobgpd is asked, by GetBgp, after the withdrawal has arrived. The question
 * waits in the same management loop until the operation behind the withdrawal
 * is over, so its answer is the truth about it: with an AS number, BGP goes on
 * running, and all withdrawals that came before the question are real; they go
 * on at the cost of a round trip. With AS 0, or no answer before the stream
 * ends, gobgpd is stopping, and the end of the feed drops them. (ListPeer would
 * tell as much, but takes gobgpd 15 ms at 40,000 routes: it counts them.)
 *
 * While no peer is known to be up, withdrawals are parked for two seconds after
 * the last of them, besides: a gobgpd that should one day stop in more than one
 * step is then still met.
 *
 * Announcements never wait here.
 */
import type { Clock } from '../../clock.js';

/** The peers of a gobgpd that, asked just now, runs BGP. `unknown`: it did not answer. */
export type SessionsNow = 'some-established' | 'none-established' | 'unknown';

/** What is withdrawn, a prefix or one of its paths; `key` tells it from others. */
interface Withdrawable {
  readonly key: string;
}

export interface WithdrawalParkingOptions<Withdrawn extends Withdrawable> {
  readonly clock: Clock;
  /** Asks gobgpd; rejects when it has stopped BGP, or the feed is at its end. */
  readonly askSessions: () => Promise<SessionsNow>;
  /** Passes withdrawals on. */
  readonly release: (withdrawn: Iterable<Withdrawn>) => void;
}

const QUIET_MS = 2000;
const ASK_AGAIN_MS = 1000;

export class WithdrawalParking<Withdrawn extends Withdrawable> {
  /** Not asked about yet, and those the running question is about. */
  #waiting = new Map<string, Withdrawn>();
  #asked = new Map<string, Withdrawn>();
  #lastAt = 0;
  #running = false;

  constructor(private readonly options: WithdrawalParkingOptions<Withdrawn>) {}

  holds(key: string): boolean {
    return this.#waiting.has(key) || this.#asked.has(key);
  }

  /** Number of withdrawals held. */
  get size(): number {
    return this.#waiting.size + this.#asked.size;
  }

  /** It is announced again. */
  cancel(key: string): void {
    if (this.#waiting.size > 0) this.#waiting.delete(key);
    if (this.#asked.size > 0) this.#asked.delete(key);
  }

  /**
   * Holds a withdrawal. True when nobody looks after the held ones yet: the
   * caller then owes a call of {@link settle}.
   */
  hold(withdrawn: Withdrawn): boolean {
    this.#lastAt = this.options.clock.monotonic();
    this.#asked.delete(withdrawn.key);
    this.#waiting.set(withdrawn.key, withdrawn);
    return !this.#running;
  }

  /** Asks and releases until nothing is held. Rejects as `askSessions` does, or with the signal's reason. */
  async settle(signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    this.#running = true;
    try {
      while (this.#waiting.size > 0) {
        switch (await this.#ask()) {
          case 'some-established':
            this.#releaseAsked();
            break;
          case 'none-established':
            this.#takeBack();
            await this.#silence(signal);
            if ((await this.#ask()) === 'unknown') this.#takeBack();
            else this.#releaseAsked();
            break;
          case 'unknown':
            this.#takeBack();
            await clock.delay(ASK_AGAIN_MS, signal);
        }
        signal.throwIfAborted();
      }
    } finally {
      this.#running = false;
    }
  }

  #ask(): Promise<SessionsNow> {
    this.#asked = this.#waiting;
    this.#waiting = new Map();
    return this.options.askSessions();
  }

  #releaseAsked(): void {
    const { release } = this.options;
    const withdrawn = this.#asked.values();
    this.#asked = new Map();
    release(withdrawn);
  }

  #takeBack(): void {
    for (const [key, withdrawn] of this.#waiting) this.#asked.set(key, withdrawn);
    this.#waiting = this.#asked;
    this.#asked = new Map();
  }

  async #silence(signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    for (;;) {
      const left = this.#lastAt + QUIET_MS - clock.monotonic();
      if (left <= 0) return;
      await clock.delay(left, signal);
    }
  }
}
