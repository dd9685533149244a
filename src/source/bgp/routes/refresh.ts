/** Enhanced route refresh (RFC 7313): a family told anew within a session, marked and swept. */
import type { Clock } from '../../../clock.js';
import { FAMILIES, type Family, forFamilies } from '../../../net/family.js';
import { Timer } from '../session/timer.js';
import type { AdjRibIn } from './adj-rib-in.js';

export class Refresh {
  readonly #timers: Readonly<Record<Family, Timer>>;

  /** `most`: milliseconds after which what has not been repeated goes, end or no end (RFC 7313 4.2). */
  constructor(
    private readonly rib: AdjRibIn,
    clock: Clock,
    private readonly most: number,
  ) {
    this.#timers = forFamilies((family) => new Timer(clock, () => rib.sweep(family)));
  }

  begin(family: Family): void {
    this.rib.beginRefresh(family);
    this.#timers[family].start(this.most);
  }

  /** Without a beginning nothing is stale, and nothing goes. */
  end(family: Family): void {
    this.#timers[family].stop();
    this.rib.sweep(family);
  }

  /** The session is over. */
  stop(): void {
    for (const family of FAMILIES) this.#timers[family].stop();
  }
}
