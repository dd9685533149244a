/**
 * What the way to each BGP next hop costs in one table: the metric that best
 * path selection compares (RFC 4271 9.1.2.2 e). Of one underlay; asked for
 * every path that competes, so each next hop is resolved once.
 */
import type { NextHopConfig } from '../config/config.js';
import { type NextHop, nextHopText } from '../rib/path.js';
import type { Underlay } from './underlay.js';

/** Beyond this what was asked is not listed any more: a peer that invents next hops costs no memory. */
const MOST_LISTED = 65_536;

export class NextHopMetrics {
  /** Sources share next hops among paths. */
  readonly #metrics = new WeakMap<NextHop, { readonly metric: number | undefined }>();
  readonly #asked = new Map<string, NextHop>();

  constructor(
    private readonly underlay: Underlay,
    private readonly config: NextHopConfig,
  ) {}

  /** `undefined` where no way leads there. With `override` it is the gateways' that counts. */
  readonly to = (nextHop: NextHop): number | undefined => {
    const known = this.#metrics.get(nextHop);
    if (known !== undefined) return known.metric;
    const metric = this.#measure(nextHop);
    this.#metrics.set(nextHop, { metric });
    if (this.#asked.size < MOST_LISTED) this.#asked.set(nextHopText(nextHop), nextHop);
    return metric;
  };

  /**
   * Whether a next hop that was asked about here costs something else in
   * `later`, as a question to be asked of each; `undefined` where none does.
   * What decisions rest on is asked about there too: they are not made anew.
   */
  movedIn(later: NextHopMetrics): ((nextHop: NextHop) => boolean) | undefined {
    if (this.#asked.size === MOST_LISTED) return () => true;
    const moved = new Set<string>();
    for (const [text, nextHop] of this.#asked) {
      if (this.to(nextHop) !== later.to(nextHop)) moved.add(text);
    }
    return moved.size === 0 ? undefined : (nextHop) => moved.has(nextHopText(nextHop));
  }

  #measure(nextHop: NextHop): number | undefined {
    const { family } = nextHop.address;
    const gateways = this.config.override.filter((address) => address.family === family);
    const ways =
      gateways.length === 0
        ? [nextHop]
        : gateways.map((address) => ({ address, interface: undefined }));
    let least: number | undefined;
    for (const way of ways) {
      const resolution = this.underlay.resolve(way, this.config);
      if (resolution.ok) least = Math.min(least ?? Infinity, resolution.metric);
    }
    return least;
  }
}
