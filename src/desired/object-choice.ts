/** Whether the learned routes of a table stand on nexthop groups, or on inline next hops. */
import type { NextHopConfig } from '../config/config.js';

/** Above this number of routes `objects: auto` uses nexthop groups … */
const OBJECTS_ABOVE = 10_000;
/** … and below this one it goes back to inline next hops. */
const INLINE_BELOW = 5_000;

export class ObjectChoice {
  readonly #auto: boolean;
  #use: boolean;
  #mixed = false;

  /** `before`: they did so until now; counts under `auto` only. */
  constructor(objects: NextHopConfig['objects'], before: boolean) {
    this.#auto = objects === 'auto';
    this.#use = objects === 'always' || (this.#auto && before);
  }

  get use(): boolean {
    return this.#use;
  }

  /** On groups, while routes that were written inline before may still stand. */
  get mixed(): boolean {
    return this.#mixed;
  }

  /** What the kernel has from before stands on groups. */
  adopt(): void {
    if (this.#auto) this.#use = true;
  }

  /**
   * Chooses by the number of routes. `complete`: the full feed was heard. Only
   * then may a table shrink back to inline next hops, and are all its routes to
   * be written anew, which is what true says; before it, those written inline
   * wait for the sweep.
   */
  choose(routes: number, complete: boolean): boolean {
    if (!this.#auto) return false;
    const shrunk = complete && routes < INLINE_BELOW;
    const use = routes > OBJECTS_ABOVE || (this.#use && !shrunk);
    if (use === this.#use) return false;
    this.#use = use;
    if (!complete) this.#mixed = true;
    return complete;
  }

  /** Every route of the table is written as chosen. */
  settle(): void {
    this.#mixed = false;
  }
}
