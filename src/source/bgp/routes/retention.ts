/**
 * What becomes of a peer's routes while it is away: graceful restart as a
 * helper (RFC 4724 4.2, with RFC 8538), long-lived after that (RFC 9494 4.3),
 * and the hold of a `feed`, a daemon beside us, which asks nobody.
 */
import type { Clock } from '../../../clock.js';
import type { BgpPeerConfig } from '../../../config/config.js';
import { FAMILIES, type Family, forFamilies } from '../../../net/family.js';
import { CEASE, ERROR_CODE } from '../message/error-code.js';
import type { Agreement } from '../session/agreement.js';
import type { SessionEnd } from '../session/session-owner.js';
import { Timer } from '../session/timer.js';
import type { AdjRibIn } from './adj-rib-in.js';
import { Hold } from './hold.js';

/** Of one family; times are milliseconds. */
type Retained =
  /** Nothing is kept: the peer is up and has repeated all, or all it had is gone. */
  | { readonly state: 'none' }
  /**
   * Kept for the peer to come back; `longLived` is for afterwards. `until`: what was a last
   * resort before, and has not been repeated since, goes then.
   */
  | { readonly state: 'waiting'; readonly longLived: number; readonly until: number | undefined }
  /** Kept beyond that, as a last resort, up to that monotonic time. */
  | { readonly state: 'long-lived'; readonly until: number }
  /** The peer is back: what it does not repeat goes. `until` as before: repeating has not ended yet. */
  | { readonly state: 'returned'; readonly until: number | undefined };

const NONE: Retained = { state: 'none' };

export interface RetentionOptions {
  readonly rib: AdjRibIn;
  readonly config: Pick<BgpPeerConfig, 'role' | 'gracefulRestart'>;
  /** Of a feed, milliseconds; asked again while it runs. */
  readonly hold: () => number;
  readonly clock: Clock;
  /** A timer has ended something. */
  readonly onChange: () => void;
}

export class Retention {
  readonly #options: RetentionOptions;
  readonly #hold: Hold;
  readonly #restart: Timer;
  readonly #stale: Timer;
  readonly #longLived: Readonly<Record<Family, Timer>>;
  #families: Record<Family, Retained> = { ipv4: NONE, ipv6: NONE };
  /**
   * Of a feed: what there is was told in full once, or has joined what was, and nothing has been
   * dropped since for having been kept too long.
   */
  readonly #whole = new Set<Family>();
  /** In the last session. */
  #agreed: ReadonlySet<Family> = new Set();

  constructor(options: RetentionOptions) {
    const { clock, hold } = options;
    this.#options = options;
    this.#hold = new Hold(clock, hold, () => this.#restartExpired());
    this.#restart = new Timer(clock, () => this.#restartExpired());
    this.#stale = new Timer(clock, () => this.#staleExpired());
    this.#longLived = forFamilies(
      (family) => new Timer(clock, () => this.#longLivedExpired(family)),
    );
  }

  /** Routes are kept of a peer that is away. */
  get keeps(): boolean {
    return FAMILIES.some((family) => {
      const { state } = this.#families[family];
      return state === 'waiting' || state === 'long-lived';
    });
  }

  /** Up to when the last of them are kept of a peer that is away, monotonic milliseconds; `undefined` where none are. */
  get keptUntil(): number | undefined {
    const ends = FAMILIES.flatMap((family) => this.#endOf(this.#families[family]) ?? []);
    return ends.length === 0 ? undefined : Math.max(...ends);
  }

  /** Of a feed that is away: all it had of the family is held. */
  holds(family: Family): boolean {
    if (this.#options.config.role !== 'feed') return false;
    const all = this.#whole.has(family) || !this.#agreed.has(family);
    return all && this.#families[family].state === 'waiting';
  }

  /** A feed that is away is held from then on, in monotonic milliseconds. */
  holdSince(since: number): void {
    if (this.#options.config.role === 'feed' && this.keeps) this.#hold.start(since);
  }

  /** The session that had this agreement is over. */
  lost(agreement: Agreement, end: SessionEnd): void {
    const { rib, config } = this.#options;
    this.stop();
    if (config.role === 'feed') {
      const waiting = { state: 'waiting', longLived: 0, until: undefined } as const;
      this.#families = forFamilies(() => waiting);
      this.#hold.start(this.#now());
      return;
    }
    const { restartTime, longLivedTime } = config.gracefulRestart;
    const { restart, longLived } = agreement;
    const graceful = restart !== undefined && isGraceful(end, restart.notification);
    for (const family of FAMILIES) {
      const before = this.#families[family];
      this.#families[family] = NONE;
      const time = graceful ? Math.min(longLived.get(family)?.time ?? 0, longLivedTime) : 0;
      const left = before.state === 'returned' && time > 0 ? this.#left(before.until) : 0;
      // RFC 4724 4.2: what was stale already goes when the peer restarts once more, but for what
      // has time left as a last resort, which no session adds to before it has ended its first table (RFC 9494 4.2).
      if (before.state === 'returned' && left === 0) rib.sweep(family);
      if (graceful && restart.families.has(family) && Math.min(restart.time, restartTime) > 0) {
        const until = left === 0 ? undefined : this.#now() + left;
        this.#families[family] = { state: 'waiting', longLived: time, until };
        if (left > 0) this.#longLived[family].start(left);
      } else this.#outlive(family, left > 0 ? left : time);
    }
    this.#restart.start(Math.min(restart?.time ?? 0, restartTime));
  }

  /** A new session is up; the routes have begun anew: {@link AdjRibIn.begin}. */
  returned(agreement: Agreement): void {
    const { config } = this.#options;
    this.stop();
    this.#agreed = agreement.families;
    for (const family of FAMILIES) {
      const before = this.#families[family];
      if (before.state === 'none') continue;
      this.#families[family] = { state: 'returned', until: before.until };
      if (!this.#mayStay(family, agreement, before.state)) {
        this.#sweep(family);
        this.#whole.delete(family);
      }
    }
    this.#stale.start(config.gracefulRestart.staleTime);
  }

  /** The peer has told all it has of the family. */
  complete(family: Family): void {
    this.#whole.add(family);
    if (this.#families[family].state === 'returned') this.#sweep(family);
  }

  /** What a peer that is back has not repeated of the family goes, though it has not told all. */
  endStale(family: Family): void {
    if (this.#families[family].state !== 'returned') return;
    this.#sweep(family);
    this.#whole.delete(family);
  }

  /** All goes, whatever was promised. */
  drop(): void {
    this.stop();
    for (const family of FAMILIES) this.#clear(family);
  }

  /** Nothing ends by itself any more. */
  stop(): void {
    this.#hold.stop();
    this.#restart.stop();
    this.#stale.stop();
    for (const family of FAMILIES) this.#longLived[family].stop();
  }

  /** RFC 4724 4.2 and RFC 9494 4.3: a peer that has lost its forwarding state says so. */
  #mayStay(family: Family, agreement: Agreement, before: Retained['state']): boolean {
    if (!agreement.families.has(family)) return false;
    if (this.#options.config.role === 'feed') return true;
    if (before === 'long-lived') return agreement.longLived.get(family)?.forwarding === true;
    return agreement.restart?.families.get(family) === true;
  }

  #restartExpired(): void {
    for (const family of FAMILIES) {
      const retained = this.#families[family];
      if (retained.state !== 'waiting') continue;
      const { longLived, until } = retained;
      this.#outlive(family, until === undefined ? longLived : this.#left(until));
    }
    this.#options.onChange();
  }

  /** Kept for so long as a last resort, where it is any time at all. */
  #outlive(family: Family, time: number): void {
    if (time === 0) {
      this.#clear(family);
      return;
    }
    this.#families[family] = { state: 'long-lived', until: this.#now() + time };
    this.#options.rib.depreference(family);
    this.#longLived[family].start(time);
  }

  #longLivedExpired(family: Family): void {
    const retained = this.#families[family];
    if (retained.state === 'waiting') {
      // What the peer has repeated in its last session has its own time.
      this.#families[family] = { ...retained, until: undefined };
      this.#options.rib.sweep(family);
    } else this.#clear(family);
    this.#options.onChange();
  }

  #staleExpired(): void {
    for (const family of FAMILIES) this.endStale(family);
    this.#options.onChange();
  }

  /** As {@link keptUntil}. */
  #endOf(retained: Retained): number | undefined {
    switch (retained.state) {
      case 'none':
      case 'returned':
        return undefined;
      case 'waiting': {
        const restart = this.#hold.endsAt ?? this.#restart.endsAt ?? this.#now();
        return Math.max(restart, retained.until ?? restart + retained.longLived);
      }
      case 'long-lived':
        return retained.until;
    }
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  /** Milliseconds up to then, 0 where it is past or was never set. */
  #left(until: number | undefined): number {
    return until === undefined ? 0 : Math.max(0, until - this.#now());
  }

  #sweep(family: Family): void {
    this.#families[family] = NONE;
    this.#options.rib.sweep(family);
  }

  #clear(family: Family): void {
    this.#families[family] = NONE;
    this.#whole.delete(family);
    this.#options.rib.clear(family);
  }
}

/** RFC 4724 4: without a NOTIFICATION; RFC 8538 4: with any but a hard reset, where the peer has offered that. */
function isGraceful(end: SessionEnd, notification: boolean): boolean {
  if (end.by === 'connection') return true;
  const { code, subcode } = end.notification;
  return notification && !(code === ERROR_CODE.cease && subcode === CEASE.hardReset);
}
