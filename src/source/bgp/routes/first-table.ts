/**
 * When a peer has told all it has, in a new session. The mark for that is
 * End-of-RIB, which it promises by the capability of RFC 4724, with or without
 * families in it; from one that does not, silence has to do.
 *
 * A daemon beside us says it, too, while its own peers are cut off: FRR at the end
 * of its update-delay (8.4, 10.3: measured), BIRD and gobgpd at once. So that of a
 * `feed` counts for nothing before a first route; how long to wait, the caller knows.
 */
import type { Clock } from '../../../clock.js';
import type { Family } from '../../../net/family.js';
import type { Agreement } from '../session/agreement.js';
import { Timer } from '../session/timer.js';

/** A peer that has sent UPDATEs, but none for so long, has sent them all. */
const QUIET_MS = 2_000;
/** A router that never sent any has none; a daemon beside us that was restarted may not have met its own peers yet. */
const SPEECHLESS_MS = { neighbour: 5_000, feed: Number.POSITIVE_INFINITY };
/** One that never falls silent, for so long, is no more in its first table. */
const SETTLED_MS = 60_000;
const LOOK_MS = 250;

export class FirstTable {
  readonly #clock: Clock;
  readonly #role: 'neighbour' | 'feed';
  readonly #complete: (family: Family) => void;
  readonly #look: Timer;
  #pending = new Set<Family>();
  /** Of the pending ones: those whose End-of-RIB came before any route. */
  readonly #doubted = new Set<Family>();
  #promised = false;
  #firstAt = 0;
  #updates = 0;
  #heardAt = 0;

  /** `complete` is told of each family, once a session. */
  constructor(clock: Clock, role: 'neighbour' | 'feed', complete: (family: Family) => void) {
    this.#clock = clock;
    this.#role = role;
    this.#complete = complete;
    this.#look = new Timer(clock, () => this.#lookAtSilence());
  }

  /** Families still to be told in full. */
  get pending(): ReadonlySet<Family> {
    return this.#pending;
  }

  /** What is missing of a pending family, for people. */
  waitingFor(peer: string, family: Family): string {
    if (!this.#promised) return `the updates of ${peer} to end`;
    if (!this.#doubted.has(family)) return `End-of-RIB of ${peer} ${family}`;
    return this.#updates === 0
      ? `the first route of ${peer}: its End-of-RIB came without any`
      : `the updates of ${peer} to end`;
  }

  begin({ families, restart }: Agreement): void {
    this.#pending = new Set(families);
    this.#doubted.clear();
    this.#promised = restart !== undefined;
    this.#heardAt = this.#clock.monotonic();
    this.#updates = 0;
    if (!this.#promised) this.#look.start(LOOK_MS);
  }

  /** An UPDATE with routes. */
  heard(): void {
    this.#heardAt = this.#clock.monotonic();
    if (this.#updates++ === 0) this.#firstAt = this.#heardAt;
  }

  endOfRib(family: Family): void {
    if (!this.#pending.has(family)) return;
    if (this.#role === 'neighbour' || this.#updates > 0) {
      this.#end(family);
      return;
    }
    this.#doubted.add(family);
    if (!this.#look.running) this.#look.start(LOOK_MS);
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

  #lookAtSilence(): void {
    const now = this.#clock.monotonic();
    const speechless = this.#updates === 0;
    const quiet = now - this.#heardAt >= (speechless ? SPEECHLESS_MS[this.#role] : QUIET_MS);
    const settled = !speechless && now - this.#firstAt >= SETTLED_MS;
    // Of one that promises End-of-RIB, silence only stands in for one that came too soon.
    const silent = this.#promised ? this.#doubted : this.#pending;
    if (quiet || settled) for (const family of [...silent]) this.#end(family);
    if (silent.size > 0) this.#look.start(LOOK_MS);
  }
}
