/**
 * From the legs of zebra's routes to paths. FPM knows next hops and weights and
 * nothing else of BGP: no peer, no attributes. Equal legs give the same objects,
 * so that a route told again is seen to be the same.
 */
import { type Attributes, type NextHop, type Path, UNKNOWN_AS_PATH } from '../../rib/path.js';
import type { Gateway } from './decoder.js';

/** {@link Path.peer} of every path: FPM does not tell whose it is. */
const PEER = 'fpm';

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
    const key = legs.map(keyOf).join();
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const paths: Path[] = [];
    for (const [index, leg] of legs.entries()) {
      const nextHop = this.#nextHop(leg);
      if (nextHop === undefined) return undefined;
      paths.push({
        peer: PEER,
        peerAs: 0,
        pathId: legs.length === 1 ? 0 : index + 1,
        nextHop,
        attributes: this.#weighted(legs.length === 1 ? undefined : leg.weight),
        session: undefined,
        receivedAt: undefined,
      });
    }
    this.#sets.set(key, paths);
    return paths;
  }

  /** Interfaces may have other names now. */
  forget(): void {
    this.#sets.clear();
    this.#nextHops.clear();
  }

  #nextHop(leg: Gateway): NextHop | undefined {
    const bound = leg.gateway.isLinkLocal || leg.onlink;
    const name = bound ? this.interfaceName(leg.oif) : undefined;
    if (bound && name === undefined) return undefined;
    const key = `${leg.gateway.text}%${name ?? ''}`;
    let nextHop = this.#nextHops.get(key);
    if (nextHop === undefined) {
      nextHop = { address: leg.gateway, interface: name };
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
function keyOf({ gateway, oif, onlink, weight }: Gateway): string {
  const { family, w0, w1, w2, w3 } = gateway;
  const address = family === 'ipv4' ? `${w0}` : `${w0}:${w1}:${w2}:${w3}`;
  return `${address}%${oif}${onlink ? '!' : ''}*${weight}`;
}
