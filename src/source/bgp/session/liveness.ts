/**
 * Whether both sides of a connection live: the peer says something within the
 * hold time (RFC 4271 6.5), we do within a third of it (4.4), and the peer
 * takes what it is sent (RFC 9687).
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../../clock.js';
import { Timer } from './timer.js';

/** RFC 9687 6: how long a peer may take nothing, at the least. */
const SEND_HOLD_MS = 480_000;
/** RFC 4271 4.4: no KEEPALIVE more often than that. */
const LEAST_KEEPALIVE_MS = 1_000;

export interface LivenessOptions {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Octets that the peer has not taken. */
  readonly unsent: () => number;
  /** False while we do not read what the peer says: its silence is ours then. */
  readonly listening: () => boolean;
  readonly sendKeepalive: () => void;
  readonly expired: (which: 'hold' | 'send-hold') => void;
}

export class Liveness {
  readonly #options: LivenessOptions;
  readonly #holdTimer: Timer;
  readonly #keepaliveTimer: Timer;
  #limit = 0;
  #ended = false;
  /** Monotonic times of the last whole message, and of the last moment at which all had been taken. */
  #heardAt = 0;
  #takenAt = 0;

  constructor(options: LivenessOptions) {
    const { clock } = options;
    this.#options = options;
    this.#holdTimer = new Timer(clock, () => this.#holdTimerExpired());
    this.#keepaliveTimer = new Timer(clock, () => this.#keepalive());
  }

  /** The peer is to say something within so many milliseconds, from now on. */
  limit(ms: number): void {
    this.#limit = ms;
    this.heard();
    this.#holdTimer.start(ms);
  }

  /** The peer may be silent for ever. */
  unlimited(): void {
    this.#holdTimer.stop();
  }

  /** We say something often enough for this hold time, from now on. */
  keepAlive(holdTime: number): void {
    this.#takenAt = this.#options.clock.monotonic();
    this.#startKeepalive(holdTime);
  }

  /** A whole message came. Costs no timer: the time is looked at only when it would be up. */
  heard(): void {
    this.#heardAt = this.#options.clock.monotonic();
  }

  stop(): void {
    this.#ended = true;
    this.#holdTimer.stop();
    this.#keepaliveTimer.stop();
  }

  #holdTimerExpired(): void {
    const { clock, expired, listening } = this.#options;
    if (!listening()) this.heard();
    const left = this.#heardAt + this.#limit - clock.monotonic();
    if (left > 0) {
      this.#holdTimer.start(left);
      return;
    }
    // A process that was held up has what the peer sent meanwhile still to read: one turn of the loop.
    const heardAt = this.#heardAt;
    void setImmediate().then(() => {
      if (this.#ended) return;
      if (this.#heardAt === heardAt) expired('hold');
      else this.#holdTimer.start(this.#limit);
    });
  }

  /** RFC 4271 10: a third of the hold time, or a little less. */
  #startKeepalive(holdTime: number): void {
    const interval = (holdTime / 3) * (0.75 + 0.25 * this.#options.random());
    this.#keepaliveTimer.start(Math.max(interval, LEAST_KEEPALIVE_MS));
  }

  #keepalive(): void {
    const { clock, unsent, sendKeepalive, expired } = this.#options;
    const now = clock.monotonic();
    if (unsent() === 0) this.#takenAt = now;
    else if (now - this.#takenAt >= Math.max(SEND_HOLD_MS, 2 * this.#limit)) {
      expired('send-hold');
      return;
    }
    sendKeepalive();
    this.#startKeepalive(this.#limit);
  }
}
