/**
 * A daemon that is stopped may take all back before it says that it goes:
 * gobgpd does so (measured: 20,000 routes in half a second, then its Cease).
 * Taken at its word, its upgrade would empty the node's table. So of a feed a
 * few withdrawals are believed at once, many only after silence; and where the
 * session ends instead, all of them never happened.
 */
import type { Clock } from '../../../clock.js';
import { FAMILIES } from '../../../net/family.js';
import type { Announcement, Nlri } from '../message/message.js';
import { Timer } from '../session/timer.js';
import type { AdjRibIn } from './adj-rib-in.js';
import type { HeardPath } from './heard-routes.js';
import { Quiet } from './quiet.js';

/** A burst is over once no withdrawal has come for so long. */
const SILENCE_MS = 2_000;
/** Beyond that it is no burst, but how the peer talks. */
const LONGEST_MS = 30_000;
/** Of a burst so many are believed at once, or this share of all the peer has told. */
const FEW = 16;
const SHARE = 1 / 64;

interface Doubted extends Nlri {
  /** What was told before; still in the table where `parked`. */
  readonly path: HeardPath;
  readonly parked: boolean;
}

export class DoubtedWithdrawals {
  readonly #burst = new Map<string, Doubted>();
  readonly #silence: Timer;
  readonly #quiet: Quiet;
  #most = 0;
  #since = 0;

  constructor(
    private readonly rib: AdjRibIn,
    private readonly clock: Clock,
    /** False while what the peer says is not read. */
    listening: () => boolean,
  ) {
    this.#quiet = new Quiet(clock, listening);
    this.#silence = new Timer(clock, () => this.#lookAtSilence());
  }

  /** Those to be believed at once. */
  hear(withdrawn: readonly Nlri[]): readonly Nlri[] {
    if (withdrawn.length === 0) return withdrawn;
    this.#quiet.heard();
    if (this.#burst.size === 0) this.#begin();
    const patient = this.clock.monotonic() - this.#since < LONGEST_MS;
    return withdrawn.filter((nlri) => {
      const path = this.rib.find(nlri);
      const key = keyOf(nlri);
      if (path === undefined || this.#burst.get(key)?.parked === true) return false;
      const parked = patient && this.#burst.size >= this.#most;
      this.#burst.set(key, { ...nlri, path, parked });
      return !parked;
    });
  }

  /** What is announced anew is in no doubt. */
  announced(announcements: readonly Announcement[]): void {
    if (this.#burst.size === 0) return;
    for (const { nlri } of announcements) for (const one of nlri) this.#burst.delete(keyOf(one));
  }

  /** The session is over: they were part of its end. */
  undo(): void {
    for (const doubted of this.#burst.values()) {
      if (!doubted.parked) this.rib.restore(doubted.prefix, doubted.path);
    }
    this.forget();
  }

  /** Nothing of it matters any more. */
  forget(): void {
    this.#burst.clear();
    this.#silence.stop();
  }

  #begin(): void {
    const { received } = this.rib;
    const all = FAMILIES.reduce((sum, family) => sum + received[family], 0);
    this.#most = Math.max(FEW, Math.ceil(all * SHARE));
    this.#since = this.clock.monotonic();
    this.#silence.start(this.#quiet.begin());
  }

  #lookAtSilence(): void {
    const { over, wait } = this.#quiet.look(SILENCE_MS);
    const longest = this.#since + LONGEST_MS - this.clock.monotonic();
    if (!over && longest > 0) {
      this.#silence.start(Math.min(wait, longest));
      return;
    }
    const parked = [...this.#burst.values()].filter((doubted) => doubted.parked);
    this.forget();
    this.rib.withdraw(parked);
  }
}

function keyOf({ prefix, pathId }: Nlri): string {
  return pathId === 0 ? prefix.key : `${prefix.key} ${prefix.family} ${pathId}`;
}
