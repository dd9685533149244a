/**
 * Whether sessions with a peer may begin, and if not, why: it rests after
 * failures (RFC 4271 8.1.1, DampPeerOscillations), is disabled, or is no more.
 */
import type { Clock } from '../../../clock.js';
import type { Transport } from '../connection/transport.js';
import { IdleHold } from './idle-hold.js';
import { Timer } from './timer.js';

type Doing =
  | { readonly doing: 'stopped' }
  /** What the kernel lacks for it is not to be had without. */
  | { readonly doing: 'unable' }
  /** Administratively. */
  | { readonly doing: 'disabled' }
  /** Rests after a failure; whoever called meanwhile is answered then. */
  | { readonly doing: 'idle'; readonly caller: Transport | undefined }
  /** Sessions may begin. */
  | { readonly doing: 'active' };

/** A session that has been up so long was no failure, however it ended. */
const SETTLED_MS = 60_000;

export interface ActivityOptions {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  /** It has turned to something else: what was under way is to be called off. */
  readonly turned: () => void;
  /** Its rest is over; `caller` has called meanwhile. */
  readonly woken: (caller: Transport | undefined) => void;
}

export class Activity {
  readonly #options: ActivityOptions;
  readonly #idle = new IdleHold();
  readonly #wake: Timer;
  #now: Doing = { doing: 'active' };
  /** Monotonic time of the last session's establishment. */
  #upAt = 0;

  constructor(options: ActivityOptions) {
    this.#options = options;
    this.#wake = new Timer(options.clock, () => this.#woken());
  }

  get doing(): Doing['doing'] {
    return this.#now.doing;
  }

  /** For good, until it is turned to something else. A disabled one that is let go begins without a past. */
  turn(doing: Exclude<Doing['doing'], 'idle'>): void {
    if (this.doing === 'disabled') this.#idle.worked();
    this.#turn({ doing });
  }

  /** The peer calls while no session may begin: kept where it rests, in the place of an earlier one. */
  park(transport: Transport): void {
    if (this.#now.doing !== 'idle') {
      transport.close();
      return;
    }
    this.#now.caller?.close();
    this.#now = { doing: 'idle', caller: transport };
  }

  /** A session is up. */
  up(): void {
    this.#upAt = this.#options.clock.monotonic();
  }

  /**
   * What the end of the session that was up means: `settled`, it was none that
   * failed; or it failed, which calls for a rest of so many milliseconds, `flaps`
   * where it does so again and again.
   */
  down(): 'settled' | { readonly flaps: boolean; readonly rest: number } {
    const { clock, random } = this.#options;
    if (clock.monotonic() - this.#upAt >= SETTLED_MS) {
      this.#idle.worked();
      return 'settled';
    }
    const { flaps } = this.#idle;
    return { flaps, rest: this.#idle.failed(random) };
  }

  /** Rests, so long or as long as one more failure calls for. */
  rest(ms = this.#idle.failed(this.#options.random)): void {
    this.#turn({ doing: 'idle', caller: undefined });
    this.#wake.start(ms);
  }

  #woken(): void {
    if (this.#now.doing !== 'idle') return;
    const { caller } = this.#now;
    this.#now = { doing: 'active' };
    this.#options.woken(caller);
  }

  #turn(to: Doing): void {
    const before = this.#now;
    this.#now = to;
    this.#wake.stop();
    this.#options.turned();
    if (before.doing === 'idle') before.caller?.close();
  }
}
