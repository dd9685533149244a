/**
 * The next-hop sets of one table. Every learned route stands on one set, keyed
 * by its BGP next hops and weights, so that a next hop that moves concerns one
 * object here and one nexthop group in the kernel, whatever number of routes
 * stands on it.
 */
import type { NextHopConfig } from '../config/config.js';
import type { Family } from '../net/family.js';
import type { RejectReason } from '../policy/verdict.js';
import { type NextHop, nextHopText, type Path } from '../rib/path.js';
import { type Leg, legKey, type RouteTarget } from './route.js';
import type { Underlay } from './underlay.js';

/** The kernel's limit of a leg's weight (rtnh_hops is one octet, and counts from 0). */
const MAX_WEIGHT = 256;

export interface UnresolvedNextHop {
  readonly nextHop: NextHop;
  readonly reason: RejectReason;
  readonly detail: string;
}

export class NextHopSet {
  /** Prefixes that refer to it, rejected ones included: it lives while there is one. */
  references = 0;
  /** Of those, the routes that are to be installed once it resolves. */
  readonly routes: Record<Family, number> = { ipv4: 0, ipv6: 0 };
  #legs: readonly Leg[] = [];
  #target: RouteTarget = { type: 'legs', legs: [] };
  #unresolved: readonly UnresolvedNextHop[] = [];

  constructor(
    readonly key: string,
    readonly members: readonly { readonly nextHop: NextHop; readonly weight: number }[],
  ) {}

  /** Empty when no member resolves: the routes are then rejected with {@link reason}. */
  get legs(): readonly Leg[] {
    return this.#legs;
  }

  /** The legs as an inline route bears them; the same object until they change. */
  get target(): RouteTarget {
    return this.#target;
  }

  get unresolved(): readonly UnresolvedNextHop[] {
    return this.#unresolved;
  }

  get reason(): RejectReason | undefined {
    return this.#legs.length > 0
      ? undefined
      : (this.#unresolved[0]?.reason ?? 'next-hop-unreachable');
  }

  get text(): string {
    return this.members.map(({ nextHop }) => nextHopText(nextHop)).join(' + ');
  }

  /** Resolves again; true when the legs changed. */
  resolve(underlay: Underlay, config: NextHopConfig): boolean {
    const legs = new Map<string, Leg>();
    const unresolved: UnresolvedNextHop[] = [];
    for (const { nextHop, weight } of this.members) {
      const resolution = underlay.resolve(nextHop, config);
      if (!resolution.ok) {
        unresolved.push({ nextHop, reason: resolution.reason, detail: resolution.detail });
        continue;
      }
      for (const leg of resolution.legs) addLeg(legs, leg, weight);
    }
    const sorted = [...legs.values()].sort((a, b) => (legKey(a) < legKey(b) ? -1 : 1));
    const changed = sorted.map(legKey).join() !== this.#legs.map(legKey).join();
    if (changed) {
      this.#legs = sorted;
      this.#target = { type: 'legs', legs: sorted };
    }
    this.#unresolved = unresolved;
    return changed;
  }
}

function addLeg(legs: Map<string, Leg>, leg: Leg, weight: number): void {
  const way = legKey({ ...leg, weight: 1 });
  const sum = (legs.get(way)?.weight ?? 0) + leg.weight * weight;
  legs.set(way, { ...leg, weight: Math.min(sum, MAX_WEIGHT) });
}

export interface ChangedSet {
  readonly set: NextHopSet;
  /** It lost its last leg, or found its first. */
  readonly crossed: boolean;
  /** A way that some leg took is none any more, whatever came for it. */
  readonly lost: boolean;
}

function leadsThere({ legs }: NextHopSet, leg: Leg): boolean {
  const way = legKey({ ...leg, weight: 1 });
  return legs.some((one) => legKey({ ...one, weight: 1 }) === way);
}

export class NextHopSets {
  readonly #sets = new Map<string, NextHopSet>();
  /** Sources share next hops among paths: the set of one that stands alone. */
  readonly #ofOne = new WeakMap<NextHop, NextHopSet>();
  readonly #interfaces = new Map<number, number>();
  #interfacesVersion = 0;
  #released = false;
  #underlay: Underlay;

  constructor(
    private readonly config: NextHopConfig,
    underlay: Underlay,
  ) {
    this.#underlay = underlay;
  }

  /** The set of the selected paths, resolved; made when it is new. `paths` is not empty. */
  of(paths: readonly Path[]): NextHopSet {
    const [only] = paths;
    if (paths.length === 1 && only !== undefined) {
      const known = this.#ofOne.get(only.nextHop);
      if (known !== undefined && this.#sets.get(known.key) === known) return known;
      const set = this.#intern(this.#members(paths));
      this.#ofOne.set(only.nextHop, set);
      return set;
    }
    return this.#intern(this.#members(paths));
  }

  /** Called as a prefix leaves its set; the last one takes the set along. */
  release(set: NextHopSet): void {
    set.references--;
    if (set.references > 0) return;
    this.#sets.delete(set.key);
    this.#released = true;
    this.#count(set, -1);
  }

  /** True where some set has gone since the last call. */
  takeReleased(): boolean {
    const released = this.#released;
    this.#released = false;
    return released;
  }

  /**
   * Resolves every set over the new underlay; returns those whose legs changed.
   */
  setUnderlay(underlay: Underlay): readonly ChangedSet[] {
    this.#underlay = underlay;
    const changes: ChangedSet[] = [];
    for (const set of this.#sets.values()) {
      const { legs } = set;
      this.#count(set, -1);
      const changed = set.resolve(underlay, this.config);
      this.#count(set, 1);
      if (!changed) continue;
      const crossed = legs.length === 0 || set.legs.length === 0;
      changes.push({ set, crossed, lost: legs.some((leg) => !leadsThere(set, leg)) });
    }
    return changes;
  }

  /** Interfaces that any set leads out of. */
  interfaces(): Iterable<number> {
    return this.#interfaces.keys();
  }

  /** Grows whenever {@link interfaces} changes. */
  get interfacesVersion(): number {
    return this.#interfacesVersion;
  }

  values(): NextHopSet[] {
    return [...this.#sets.values()];
  }

  #members(paths: readonly Path[]): NextHopSet['members'] {
    const weights = bandwidthWeights(paths);
    const members = new Map<string, { nextHop: NextHop; weight: number }>();
    paths.forEach((path, i) => {
      for (const nextHop of this.#overridden(path.nextHop)) {
        members.set(nextHopText(nextHop), { nextHop, weight: weights[i] ?? 1 });
      }
    });
    return [...members].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, member]) => member);
  }

  #overridden(nextHop: NextHop): readonly NextHop[] {
    const own = this.config.override.filter((a) => a.family === nextHop.address.family);
    return own.length === 0 ? [nextHop] : own.map((address) => ({ address, interface: undefined }));
  }

  #intern(members: NextHopSet['members']): NextHopSet {
    const key = members.map(({ nextHop, weight }) => `${nextHopText(nextHop)}*${weight}`).join(' ');
    let set = this.#sets.get(key);
    if (set === undefined) {
      set = new NextHopSet(key, members);
      set.resolve(this.#underlay, this.config);
      this.#sets.set(key, set);
      this.#count(set, 1);
    }
    return set;
  }

  #count(set: NextHopSet, step: 1 | -1): void {
    for (const { oif } of set.legs) {
      const count = (this.#interfaces.get(oif) ?? 0) + step;
      if (count === 0 || (count === 1 && step === 1)) this.#interfacesVersion++;
      if (count === 0) this.#interfaces.delete(oif);
      else this.#interfaces.set(oif, count);
    }
  }
}

/**
 * Weights in proportion to the link-bandwidth community, the widest at 100, as
 * FRR scales them; all 1 unless every path bears the community.
 */
export function bandwidthWeights(paths: readonly Path[]): readonly number[] {
  const bandwidths = paths.map((path) => path.attributes.linkBandwidth ?? 0);
  const widest = Math.max(...bandwidths);
  const narrowest = Math.min(...bandwidths);
  if (!(narrowest > 0) || narrowest === widest) return paths.map(() => 1);
  return bandwidths.map((bandwidth) => Math.max(1, Math.round((bandwidth / widest) * 100)));
}
