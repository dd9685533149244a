/**
 * Routes in great number that no step changes, and every fault touches: a third of
 * them from router a alone, a third from b alone, a third from both. All of one
 * family from the same routers are a class: what the model says of its first
 * prefix, the `sample`, holds for each of them.
 */
import type { Family } from '../../src/net/family.js';
import type { GobgpdVersion } from '../support/gobgpd.js';
import { tableDump } from '../support/mrt.js';
import { type RouteSet, routes } from '../support/routes.js';
import { SIDE, type SideName } from './network.js';

/** Where the prefixes lie, and nothing else of the run. */
export const BALLAST_SPACE = { ipv4: '64.0.0.0/3', ipv6: '2a00::/12' } as const;

/** All of `family` that `from` announces. */
export interface BallastClass {
  readonly family: Family;
  readonly from: SideName | 'both';
  /** Its first prefix. */
  readonly sample: string;
  readonly size: number;
}

export interface BallastOptions {
  /** Prefixes, of both families. */
  readonly count: number;
  readonly version: GobgpdVersion;
  /** Without it, router b's paths to what both announce are one AS longer: no tie is left to age. */
  readonly multipath: boolean;
}

const FROM = ['a', 'b', 'both'] as const;
/** One prefix in so many is an IPv6 one, up to... */
const IPV6_SHARE = 10;
/** ...so many: the probe reads whole IPv6 tables every 10 ms, and 10,000 routes in each took a core. */
const IPV6_MOST = 500;
/** In the paths that are to lose; nobody in the run has it. */
const LONGER = 64_700;
/** `gobgp mrt inject` of 3.10 ends before its last routes are sent: these may be lost. */
const PADDING = 5_000;

export class Ballast {
  readonly classes: readonly BallastClass[];
  /** The sample of each prefix. */
  readonly #samples = new Map<string, string>();
  readonly #sets: readonly { readonly from: SideName | 'both'; readonly set: RouteSet }[];

  /** The same options make the same routes. */
  constructor(private readonly options: BallastOptions) {
    const ipv6 = Math.min(IPV6_MOST, Math.floor(options.count / IPV6_SHARE));
    const made = (['ipv4', 'ipv6'] as const).flatMap((family) => {
      const count = family === 'ipv6' ? ipv6 : options.count - ipv6;
      const within = BALLAST_SPACE[family];
      return routes(count, { family, within, nextHops: [SIDE.a.router[family]] }).map((set, i) => ({
        family,
        from: FROM[i % FROM.length] ?? 'both',
        set,
      }));
    });
    this.#sets = made;
    const classes = new Map<string, BallastClass>();
    for (const { family, from, set } of made) {
      const known = classes.get(`${family} ${from}`);
      const sample = known?.sample ?? set.prefixes[0] ?? '';
      const size = (known?.size ?? 0) + set.prefixes.length;
      classes.set(`${family} ${from}`, { family, from, sample, size });
      for (const prefix of set.prefixes) this.#samples.set(prefix, sample);
    }
    this.classes = [...classes.values()];
  }

  /** The first prefix of its class; none for what is no ballast. */
  sampleOf(prefix: string): string | undefined {
    return this.#samples.get(prefix);
  }

  /** All of them. */
  prefixes(): readonly string[] {
    return [...this.#samples.keys()];
  }

  /** The class that an output line `route TABLE SAMPLE …` of the model is about. */
  classOf(line: string): BallastClass | undefined {
    const [kind, , prefix] = line.split(' ');
    return kind === 'route' ? this.classes.find(({ sample }) => sample === prefix) : undefined;
  }

  /** The classes that a router announces. */
  of(side: SideName): readonly BallastClass[] {
    return this.classes.filter(({ from }) => from === side || from === 'both');
  }

  /** AS numbers before its own in a router's paths, as the model counts them. */
  prepend(side: SideName, { from }: BallastClass): number {
    return from === 'both' && side === 'b' && !this.options.multipath ? 1 : 0;
  }

  /** A router's share of it, as a file for `gobgp mrt inject` of the version. */
  dump(side: SideName): Buffer {
    const { as, router } = SIDE[side];
    const form = this.options.version === '4.8' ? 'abbreviated' : 'whole';
    const sets = this.#sets
      .filter(({ from }) => from === side || from === 'both')
      .map(({ from, set: { prefixes, attributes } }) => {
        const family = prefixes[0]?.includes(':') === true ? 'ipv6' : 'ipv4';
        const longer = from === 'both' && side === 'b' && !this.options.multipath;
        const asPath = [...(longer ? [LONGER] : []), ...(attributes.asPath ?? [])];
        return { prefixes, attributes: { ...attributes, asPath, nextHop: router[family] } };
      });
    const [first] = sets;
    const again = first === undefined ? [] : [{ ...first, prefixes: first.prefixes.slice(0, 1) }];
    const padding = Array.from({ length: PADDING }, () => again).flat();
    return tableDump([...sets, ...padding], { as, address: router.ipv4 }, form);
  }
}
