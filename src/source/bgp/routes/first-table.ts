/**
 * When a peer has told all it has, in a new session. The mark for that is
 * End-of-RIB, which it promises by the capability of RFC 4724, with or without
 * families in it; from one that does not, silence has to do.
 *
 * A daemon beside us says it, too, while its own peers are cut off: FRR at the end
 * of its update-delay (8.4, 10.3: measured), BIRD and gobgpd at once. So that of a
 * `feed` counts for nothing before a first route, nor that of a family which has
 * none now and had some before; how long to wait, the caller knows.
 */
import type { Clock } from '../../../clock.js';
import type { Family } from '../../../net/family.js';
import type { Agreement } from '../session/agreement.js';
import { Timer } from '../session/timer.js';
import { Quiet } from './quiet.js';

/** A peer that has sent UPDATEs, but none for so long, has sent them all. */
const QUIET_MS = 2_000;
/** A router that never sent any has none. */
const SPEECHLESS_MS = 5_000;
/** One that never falls silent, for so long, is no more in its first table. */
const SETTLED_MS = 60_000;

export interface FirstTableOptions {
  readonly clock: Clock;
  readonly role: 'neighbour' | 'feed';
  /** False while what the peer says is not read. */
  readonly listening: () => boolean;
  /** Told of each family, once a session. */
  readonly complete: (family: Family) => void;
}

export class FirstTable {
  readonly #clock: Clock;
  readonly #role: 'neighbour' | 'feed';
  readonly #complete: (family: Family) => void;
  readonly #look: Timer;
  readonly #quiet: Quiet;
  #pending = new Set<Family>();
  /** Of the pending ones: those whose End-of-RIB was not believed. */
  readonly #doubted = new Set<Family>();
  #promised = false;
  /** Those that have told a route in this session, and since when. */
  readonly #toldAt = new Map<Family, number>();
  /** Those that had routes when it began. */
  #before: ReadonlySet<Family> = new Set();
  /** Of the first UPDATE. */
  #firstAt: number | undefined;
  /** Milliseconds of this session in which nothing was read. */
  #missed = 0;

  constructor({ clock, role, listening, complete }: FirstTableOptions) {
    this.#clock = clock;
    this.#role = role;
    this.#complete = complete;
    this.#quiet = new Quiet(clock, listening);
    this.#look = new Timer(clock, () => this.#lookAtSilence());
  }

  /** Families still to be told in full. */
  get pending(): ReadonlySet<Family> {
    return this.#pending;
  }

  /** What is missing of a pending family, for people. */
  waitingFor(peer: string, family: Family): string {
    const doubted = this.#doubted.has(family);
    if (this.#promised && !doubted) return `End-of-RIB of ${peer} ${family}`;
    if (!this.#lacks(family)) return `the updates of ${peer} to end`;
    const first = this.#toldAt.size === 0 ? 'first route' : `first ${family} route`;
    const why = doubted ? ': its End-of-RIB came without any' : '';
    return `the ${first} of ${peer}${why}`;
  }

  /** `before`: families of which the peer's routes have been kept since an earlier session. */
  begin({ families, restart }: Agreement, before: ReadonlySet<Family>): void {
    this.#pending = new Set(families);
    this.#doubted.clear();
    this.#toldAt.clear();
    this.#before = before;
    this.#promised = restart !== undefined;
    this.#firstAt = undefined;
    this.#missed = 0;
    const wait = this.#quiet.begin();
    if (!this.#promised) this.#look.start(wait);
  }

  /** An UPDATE with routes; those of `told` were announced, and taken. */
  heard(told: Iterable<Family>): void {
    const now = this.#clock.monotonic();
    this.#quiet.heard();
    this.#firstAt ??= now;
    for (const family of told) {
      if (!this.#toldAt.has(family)) this.#toldAt.set(family, now);
    }
  }

  endOfRib(family: Family): void {
    if (!this.#pending.has(family)) return;
    if (!this.#lacks(family)) {
      this.#end(family);
      return;
    }
    this.#doubted.add(family);
    if (!this.#look.running) this.#look.start(this.#quiet.begin());
  }

  /** The session is over. */
  end(): void {
    this.#pending.clear();
    this.#doubted.clear();
    this.#look.stop();
  }

  #end(family: Family): void {
    this.#pending.delete(family);
    this.#doubted.delete(family);
    if (this.#pending.size === 0) this.#look.stop();
    this.#complete(family);
  }

  /** A daemon beside us that was restarted may not have met its own peers yet. */
  #lacks(family: Family): boolean {
    if (this.#role === 'neighbour' || this.#toldAt.has(family)) return false;
    return this.#toldAt.size === 0 || this.#before.has(family);
  }

  #lookAtSilence(): void {
    const now = this.#clock.monotonic();
    const patience = this.#firstAt === undefined ? SPEECHLESS_MS : QUIET_MS;
    const { over, wait, missed } = this.#quiet.look(patience);
    this.#missed += missed;
    // Of one that promises End-of-RIB, silence only stands in for one that came too soon.
    const silent = this.#promised ? this.#doubted : this.#pending;
    for (const family of [...silent]) {
      if (this.#lacks(family)) continue;
      const since = this.#toldAt.get(family) ?? this.#firstAt;
      const settled = since !== undefined && now - since - this.#missed >= SETTLED_MS;
      if (over || settled) this.#end(family);
    }
    if (silent.size > 0) this.#look.start(wait);
  }
}
