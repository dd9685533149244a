/**
 * One prefix limit: which prefixes of its scope (a table and family, and a peer
 * if it names one) may be installed, and how the limit stands.
 *
 * What a limit does (its action) and how it stands (its state) are two things.
 * The tracker only answers; ending a session, raising an alert and saving what
 * is latched are the caller's. Every call is O(1) but those that say otherwise,
 * and the outcome depends on the order of the calls alone.
 *
 * Who stays is stable. An admitted prefix is refused again only by `flush`; the
 * refused wait, and as places come free they are admitted in order of arrival;
 * `reserve` gives what the kernel had before a restart the first claim.
 */
import type { LimitAction, LimitConfig } from '../config/config.js';
import type { RejectReason } from './verdict.js';

/**
 * - `warning`: the count has reached `warnPercent` of `max`; ends only once it
 *   is below that by {@link WARN_HYSTERESIS} points, or nothing is left;
 * - `exceeded`: above `max`; ends at `max`;
 * - `latched`: was above `max`, and `freeze`, `flush` or `teardown` holds until
 *   `clear` or `restored`.
 */
export type LimitState = 'ok' | 'warning' | 'exceeded' | 'latched';

/** Percentage points of `max` between where a warning begins and where it ends. */
const WARN_HYSTERESIS = 5;

/** How a limit stands, for `status`, `explain`, alerts and the state file. */
export interface LimitSnapshot {
  readonly id: string;
  readonly action: LimitAction;
  readonly max: number;
  /** What is held against `max`: prefixes offered, or received where the limit counts those. */
  readonly count: number;
  /** Offered and refused. */
  readonly waiting: number;
  readonly state: LimitState;
  readonly latched: boolean;
}

export class LimitTracker {
  #limit: LimitConfig;
  #state: LimitState;
  #received = 0;
  /** Both in order of arrival; a prefix is in one of them at most. */
  #admitted = new Set<string>();
  #waiting = new Set<string>();
  /** Prefixes with a claim that have not been offered yet. */
  readonly #reserved = new Set<string>();
  /** Admitted by an unlatching, not yet told through `admissible`. */
  readonly #released = new Set<string>();
  #teardownDue = false;

  /** `latched` as it was saved; a latched `teardown` is taken to have been carried out. */
  constructor(limit: LimitConfig, saved: { readonly latched: boolean }) {
    this.#limit = limit;
    this.#state = saved.latched && latches(limit.action) ? 'latched' : 'ok';
  }

  /**
   * A prefix is offered: in scope and permitted. True: it may be installed;
   * false: it is refused, and waits. Idempotent: a waiting prefix is admitted
   * through `admissible` only, so that nobody overtakes.
   */
  offer(key: string): boolean {
    if (this.#admitted.has(key)) return true;
    if (this.#admits(key)) {
      this.#waiting.delete(key);
      this.#admitted.add(key);
    } else {
      this.#waiting.add(key);
    }
    this.#reserved.delete(key);
    this.#settle();
    return this.#admitted.has(key);
  }

  /** It is offered, and refused. */
  waits(key: string): boolean {
    return this.#waiting.has(key);
  }

  /** A prefix is no longer offered. Its place and any claim are given up. Idempotent. */
  withdraw(key: string): void {
    const offered = this.#admitted.delete(key) || this.#waiting.delete(key);
    const claimed = this.#reserved.delete(key);
    this.#released.delete(key);
    if (offered || claimed) this.#settle();
  }

  /** For `count: received`: prefixes heard before the filters. */
  setReceived(count: number): void {
    this.#received = count;
    this.#settle();
  }

  /**
   * Admits the waiting prefixes that now fit, in order of arrival, and returns
   * them, each once: the caller evaluates them again. O(returned). To be called
   * after each batch of changes and after every call that may make room.
   *
   * This is where a limit latches: in the midst of a batch old and new prefixes
   * count together. `counting`: a feed is being repeated, or a batch comes in
   * lots: what is left out or taken back still counts, and the latch waits.
   */
  admissible(counting = false): readonly string[] {
    if (this.#state === 'exceeded' && !counting && latches(this.#limit.action)) {
      this.#latch(this.#limit.action);
    }
    this.#release();
    if (this.#released.size === 0) return NONE;
    const released = [...this.#released];
    this.#released.clear();
    return released;
  }

  /**
   * Gives prefixes the first claim to a place until `releaseReserved`: what the
   * kernel has at start, before the first feed. They may be more than `max`, or
   * of other peers too, since a route does not tell whose it was: as long as
   * claims could fill the limit, what has none waits. O(keys).
   */
  reserve(keys: Iterable<string>): void {
    for (const key of keys) if (!this.#admitted.has(key)) this.#reserved.add(key);
  }

  /** For a limit that comes to a table in use: these are installed, and stay, be they more than `max`. */
  keep(keys: Iterable<string>): void {
    for (const key of keys) this.#admitted.add(key);
    this.#settle();
  }

  /** The feed is complete: claims of what it did not offer lapse. O(claims). */
  releaseReserved(): void {
    this.#reserved.clear();
  }

  /**
   * `limit clear`: unlatches, and takes what is offered anew in order of
   * arrival; a count still above `max` latches again at once. O(waiting).
   */
  clear(): void {
    if (this.#state !== 'latched') return;
    this.#state = 'ok';
    this.#release();
    this.#settle();
  }

  /** `teardown`: the session may run again, and another excess ends it again. */
  restored(): void {
    this.#teardownDue = false;
    this.clear();
  }

  /** True once for each excess of a `teardown` limit: its session is to be ended. */
  takeTeardown(): boolean {
    const due = this.#teardownDue;
    this.#teardownDue = false;
    return due;
  }

  /**
   * A reload changed the limit; `id` stays. What is admitted stays, be it more
   * than the new `max`. A latch is kept while the action is the same.
   */
  reconfigure(limit: LimitConfig): void {
    if (limit.action !== this.#limit.action) {
      this.#state = 'ok';
      this.#teardownDue = false;
    }
    this.#limit = limit;
    this.#settle();
  }

  get config(): LimitConfig {
    return this.#limit;
  }

  get state(): LimitState {
    return this.#state;
  }

  /** A latched `flush`: every prefix of the scope is refused, admitted ones as well. */
  get admitsNothing(): boolean {
    return this.#limit.action === 'flush' && this.#state === 'latched';
  }

  /** Why a prefix is refused here; `freeze` and `flush` act as `block` does until they are exceeded. */
  get reason(): RejectReason {
    const exceeded = this.#state === 'latched' || this.#state === 'exceeded';
    return refusal(this.#limit.action, exceeded);
  }

  snapshot(): LimitSnapshot {
    const { id, action, max } = this.#limit;
    return {
      id,
      action,
      max,
      count: this.#count,
      waiting: this.#waiting.size,
      state: this.#state,
      latched: this.#state === 'latched',
    };
  }

  get #count(): number {
    return this.#limit.count === 'received'
      ? this.#received
      : this.#admitted.size + this.#waiting.size;
  }

  /** By its claim, or by a place that nobody before it waits for. */
  #admits(key: string): boolean {
    if (this.#limit.action === 'warn') return true;
    if (this.#waiting.has(key)) return false;
    if (this.#reserved.has(key)) {
      const full = this.#limit.count === 'accepted' && this.#admitted.size >= this.#limit.max;
      return !full && !this.admitsNothing;
    }
    return this.#waiting.size === 0 && this.#room() > 0;
  }

  /** How many more prefixes without a claim may be admitted. */
  #room(): number {
    const { action, count, max } = this.#limit;
    if (action === 'warn') return Infinity;
    if (this.#state === 'latched' && action !== 'teardown') return 0;
    if (count === 'received' && this.#received <= max) return Infinity;
    return max - this.#admitted.size - this.#reserved.size;
  }

  #release(): void {
    let room = this.#room();
    for (const key of this.#waiting) {
      if (room <= 0) return;
      this.#waiting.delete(key);
      this.#admitted.add(key);
      this.#released.add(key);
      room--;
    }
  }

  /** Brings the state up to date with the count. */
  #settle(): void {
    if (this.#state === 'latched') return;
    const { max, warnPercent } = this.#limit;
    const count = this.#count;
    if (count > max) {
      this.#state = 'exceeded';
      return;
    }
    const percent = this.#state === 'ok' ? warnPercent : warnPercent - WARN_HYSTERESIS;
    this.#state = count > 0 && count * 100 >= max * percent ? 'warning' : 'ok';
  }

  #latch(action: LatchingAction): void {
    this.#state = 'latched';
    switch (action) {
      case 'freeze':
        return;
      case 'flush':
        for (const key of this.#waiting) this.#admitted.add(key);
        this.#waiting = this.#admitted;
        this.#admitted = new Set();
        this.#reserved.clear();
        this.#released.clear();
        return;
      case 'teardown':
        this.#teardownDue = true;
        return;
    }
  }
}

const NONE: readonly string[] = [];

type LatchingAction = Exclude<LimitAction, 'warn' | 'block'>;

function latches(action: LimitAction): action is LatchingAction {
  return action !== 'warn' && action !== 'block';
}

function refusal(action: LimitAction, latched: boolean): RejectReason {
  switch (action) {
    case 'freeze':
      return latched ? 'limit-frozen' : 'limit-blocked';
    case 'flush':
      return latched ? 'limit-flushed' : 'limit-blocked';
    case 'teardown':
      return 'limit-teardown';
    case 'block':
    case 'warn': // Only for those that waited when `block` became `warn`.
      return 'limit-blocked';
  }
}
