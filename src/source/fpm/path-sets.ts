/**
 * From the legs of zebra's routes to paths. FPM knows next hops and weights and
 * nothing else of BGP: no peer, no attributes. Equal legs give the same objects,
 * so that a route told again is seen to be the same.
 */
import type { Address } from '../../net/address.js';
import { type Attributes, type NextHop, type Path, UNKNOWN_AS_PATH } from '../../rib/path.js';
import type { Gateway } from './decoder.js';

/** {@link Path.peer} of every path: FPM does not tell whose it is. */
const PEER = 'fpm';

/**
 * Sets that are remembered: a fabric has some tens, shares of bandwidth that change
 * all day make more. Beyond, all are forgotten; equal legs are then other objects.
 */
const MOST = 10_000;

export class PathSets {
  readonly #sets = new Map<string, readonly Path[]>();
  /** By weight; `undefined`: of a route with one leg. */
  readonly #attributes = new Map<number | undefined, Attributes>();
  readonly #nextHops = new Map<string, NextHop>();

  /** @param interfaceName `undefined` for an index that is not known. */
  constructor(private readonly interfaceName: (index: number) => string | undefined) {}

  /**
   * One path a leg. `undefined` where an interface that a leg cannot do without
   * (link-local, or onlink) is not known.
   */
  of(legs: readonly Gateway[]): readonly Path[] | undefined {
    const names: (string | undefined)[] = [];
    let key = '';
    for (const leg of legs) {
      const isBound = leg.gateway.isLinkLocal || leg.onlink;
      const name = isBound ? this.interfaceName(leg.oif) : undefined;
      if (isBound && name === undefined) return undefined;
      names.push(name);
      key += keyOf(leg, name);
    }
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const paths = legs.map(({ gateway, weight }, index) => ({
      peer: PEER,
      peerAs: 0,
      pathId: legs.length === 1 ? 0 : index + 1,
      nextHop: this.#nextHop(gateway, names[index]),
      attributes: this.#weighted(legs.length === 1 ? undefined : weight),
      session: undefined,
      receivedAt: undefined,
    }));
    if (this.#sets.size >= MOST) {
      this.#sets.clear();
      this.#nextHops.clear();
    }
    this.#sets.set(key, paths);
    return paths;
  }

  #nextHop(address: Address, name: string | undefined): NextHop {
    const key = `${address.text}%${name ?? ''}`;
    let nextHop = this.#nextHops.get(key);
    if (nextHop === undefined) {
      nextHop = { address, interface: name };
      this.#nextHops.set(key, nextHop);
    }
    return nextHop;
  }

  /** A weight in the place of the bandwidth that zebra made it from: the shares are the same. */
  #weighted(weight: number | undefined): Attributes {
    let attributes = this.#attributes.get(weight);
    if (attributes === undefined) {
      attributes = {
        origin: 'incomplete',
        asPath: UNKNOWN_AS_PATH,
        communities: [],
        largeCommunities: [],
        med: undefined,
        localPref: undefined,
        originatorId: undefined,
        clusterLength: 0,
        linkBandwidth: weight,
      };
      this.#attributes.set(weight, attributes);
    }
    return attributes;
  }
}

/** Equal text for equal legs; the words are the address, faster than its text. */
function keyOf({ gateway, weight }: Gateway, name: string | undefined): string {
  const { family, w0, w1, w2, w3 } = gateway;
  const address = family === 'ipv4' ? `${w0}` : `${w0}:${w1}:${w2}:${w3}`;
  return `${address}%${name ?? ''}*${weight},`;
}
