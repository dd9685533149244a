/**
 * How far what was learned can be trusted. A lost source is a state with a
 * hold timer, not an empty RIB: nothing is swept before the first full feed
 * has ended, and what was learned goes only when `hold` runs out.
 */
import type { Family } from '../net/family.js';
import { FAMILIES } from '../net/family.js';

export type FeedPhase =
  /** Not fed: since start, or since the source was lost. Ends at `until` (Infinity: never). */
  | {
      readonly phase: 'stale';
      readonly since: number;
      readonly until: number;
      readonly reason: string;
    }
  | { readonly phase: 'syncing'; readonly since: number }
  | { readonly phase: 'synced'; readonly since: number }
  | { readonly phase: 'expired'; readonly since: number; readonly reason: string };

/** Pure: every call is told the time (ms of a clock that never jumps), and the caller arms the timer for {@link deadline}. */
export class Feed {
  #phase: FeedPhase;
  /** When the last complete feed broke, or the start; later by the time that feeds ran since. */
  #lostAt: number;
  readonly #pending = new Set<Family>(FAMILIES);
  #complete = false;
  readonly #sweepable: Record<Family, boolean> = { ipv4: false, ipv6: false };

  constructor(
    private hold: number,
    now: number,
  ) {
    this.#lostAt = now;
    this.#phase = {
      phase: 'stale',
      since: now,
      until: this.#lostAt + hold,
      reason: 'not connected yet',
    };
  }

  get phase(): FeedPhase {
    return this.#phase;
  }

  /** Families whose full feed has not ended. */
  get pending(): readonly Family[] {
    return [...this.#pending];
  }

  /** A full feed was heard and nothing was lost since; a repeated feed does not end it. */
  get complete(): boolean {
    return this.#complete;
  }

  /** What the kernel has and this life has not heard of may go. */
  sweepable(family: Family): boolean {
    return this.#sweepable[family];
  }

  /** The next moment at which {@link expire} may have something to do. */
  get deadline(): number | undefined {
    return this.#phase.phase === 'stale' && Number.isFinite(this.#phase.until)
      ? this.#phase.until
      : undefined;
  }

  reset(now: number): void {
    for (const family of FAMILIES) this.#pending.add(family);
    this.#phase = { phase: 'syncing', since: now };
  }

  synced(family: Family, now: number): void {
    this.#pending.delete(family);
    this.#sweepable[family] = true;
    if (this.#pending.size > 0) return;
    this.#phase = { phase: 'synced', since: now };
    this.#complete = true;
  }

  /** A source that is lost again before it completed a feed does not win time by it. */
  lost(reason: string, now: number): void {
    if (this.#phase.phase === 'stale' || this.#phase.phase === 'expired') return;
    if (this.#complete) this.#lostAt = now;
    // Only time without a source counts: what was heard meanwhile was confirmed.
    else if (this.#phase.phase === 'syncing') this.#lostAt += now - this.#phase.since;
    this.#complete = false;
    this.#phase = { phase: 'stale', since: now, until: this.#lostAt + this.hold, reason };
  }

  /** True when hold has just ended: the caller then clears what was learned. */
  expire(now: number): boolean {
    if (this.#phase.phase !== 'stale' || now < this.#phase.until) return false;
    this.#phase = { phase: 'expired', since: now, reason: this.#phase.reason };
    for (const family of FAMILIES) this.#sweepable[family] = true;
    return true;
  }

  /** A changed `hold` counts from when the source was lost. */
  reconfigure(hold: number): void {
    this.hold = hold;
    if (this.#phase.phase === 'stale') this.#phase = { ...this.#phase, until: this.#lostAt + hold };
  }
}
