/**
 * When zebra's replay is over. FPM marks no end of it, and cannot tell an empty
 * table from one that bgpd has not filled yet: after a restart of zebra its bgpd
 * comes back up to a minute later (measured), and until then zebra replays none
 * of BGP's routes.
 *
 * So the feed is complete once routes of BGP have come and then none for two
 * seconds; a family that had routes before and has none now is waited for, and
 * so is the first route of all. How long, the caller knows.
 */
import type { Family } from '../../net/family.js';

/** zebra has told no route of BGP for so long: it has told them all. */
const QUIET_MS = 2000;
/** Where it never falls silent, for so long, it is no more in its replay. */
const CHURNING_MS = 60_000;
/** How often what may come at any time is looked for. */
const LOOK_MS = 250;

/** Pure: every call is told the time, of a clock that never jumps. */
export class Replay {
  #firstAt: number | undefined;
  #lastAt = 0;
  readonly #taken = new Set<Family>();

  /** @param before families that the feed before had routes of. */
  constructor(private readonly before: ReadonlySet<Family>) {}

  /** A route was told or taken back. */
  heard(now: number): void {
    this.#lastAt = now;
  }

  /** A route was told that can be taken. */
  taken(family: Family, now: number): void {
    this.#taken.add(family);
    this.#firstAt ??= now;
  }

  /** What is missing, for people; `undefined` when nothing is. */
  missing(family: Family, now: number): string | undefined {
    if (this.#firstAt === undefined) return 'the first route of BGP';
    const over = now - this.#lastAt >= QUIET_MS || now - this.#firstAt >= CHURNING_MS;
    if (!over) return 'zebra to fall silent';
    const lacking = this.before.has(family) && !this.#taken.has(family);
    return lacking ? `the first ${family} route of BGP` : undefined;
  }

  /** Milliseconds until {@link missing} may say something else. */
  nextLook(now: number): number {
    const quietIn = this.#lastAt + QUIET_MS - now;
    return this.#firstAt !== undefined && quietIn > 0 ? quietIn : LOOK_MS;
  }
}
