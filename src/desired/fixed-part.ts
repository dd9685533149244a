/** What of a table nobody announces: its fixed routes by prefix, and its rules, as they were last made. */
import type { TableConfig } from '../config/config.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixMap } from '../net/prefix-map.js';
import { type FixedRoutes, fixedRoutes } from './fixed.js';
import { type Found, type Standing, standingRules } from './found.js';
import { type MarkedConnections, markedConnections, unlessSame } from './marked-connections.js';
import type { NextHopSets } from './next-hop-set.js';
import { type Rule, targetKey } from './route.js';
import { tableRules } from './rules.js';
import type { ChangeLog } from './table-changes.js';
import type { Underlay } from './underlay.js';
import type { WantedRoute } from './wanted-route.js';

/** What it is made of, beside the configuration. */
export interface FixedGround {
  readonly underlay: Underlay;
  readonly families: readonly Family[];
  /** A full feed has ended once. */
  readonly fed: boolean;
  readonly found: Found;
  /** What stood there before all was found. */
  readonly before: Standing;
}

const NONE: readonly WantedRoute[] = [];

export class FixedPart {
  readonly #config: TableConfig;
  readonly #nextHops: NextHopSets;
  readonly #changes: ChangeLog;
  #made: FixedRoutes;
  #routes = new PrefixMap<readonly WantedRoute[]>();
  #rules: readonly Rule[] = [];
  #known: readonly Rule[] = [];
  #marked: MarkedConnections | undefined;
  /** Of the interfaces that learned routes lead out of. */
  #version = -1;
  /** With the next {@link refresh} all is to be looked at, changed or not: the kernel may have dropped some. */
  #whole = true;

  /** What comes and goes here is told to `changes`. */
  constructor(config: TableConfig, nextHops: NextHopSets, changes: ChangeLog, ground: FixedGround) {
    this.#config = config;
    this.#nextHops = nextHops;
    this.#changes = changes;
    this.#made = this.#make(ground);
  }

  get made(): FixedRoutes {
    return this.#made;
  }

  get rules(): readonly Rule[] {
    return this.#rules;
  }

  /** Those of {@link rules} that come of what is known, not of what stood before. */
  get known(): readonly Rule[] {
    return this.#known;
  }

  /** Another object whenever something of it changed. */
  get marked(): MarkedConnections | undefined {
    return this.#marked;
  }

  /** At most one a metric. */
  at(prefix: Prefix): readonly WantedRoute[] {
    return this.#routes.get(prefix) ?? NONE;
  }

  has(prefix: Prefix): boolean {
    return this.#routes.has(prefix);
  }

  prefixes(): Iterable<Prefix> {
    return this.#routes.keys();
  }

  /** The ground has changed: {@link refresh} makes all anew, and has all of it looked at. */
  outdated(): void {
    this.#version = -1;
    this.#whole = true;
  }

  /** Of the ground only what was found: {@link refresh} has that looked at which differs. */
  foundMore(): void {
    this.#version = -1;
  }

  /** True where it was made anew: interfaces that learned routes lead out of have come or gone, or the ground has changed. */
  refresh(ground: FixedGround): boolean {
    if (this.#version === this.#nextHops.interfacesVersion) return false;
    this.#made = this.#make(ground);
    return true;
  }

  #make({ underlay, families, fed, found, before }: FixedGround): FixedRoutes {
    const whole = this.#whole || this.#version !== -1;
    this.#whole = false;
    this.#version = this.#nextHops.interfacesVersion;
    const interfaces = [...this.#nextHops.interfaces()];
    const table = this.#config;
    const made = fixedRoutes({ table, underlay, interfaces, families, fed, found, before });
    const old = this.#routes;
    this.#routes = new PrefixMap();
    for (const { prefix, metric, target } of made.routes) {
      this.#routes.set(prefix, [...this.at(prefix), { kind: 'fixed', prefix, metric, target }]);
    }
    for (const [prefix, routes] of this.#routes.entries()) {
      if (whole || !sameRoutes(routes, old.get(prefix) ?? NONE)) this.#changes.fixed(prefix);
    }
    for (const prefix of old.keys()) if (!this.#routes.has(prefix)) this.#changes.fixed(prefix);
    this.#known = tableRules(table, underlay, families, found.part);
    this.#rules = [...this.#known, ...standingRules(found, before, this.#known)];
    const ways = { interfaces: made.interfaces, found: found.part };
    const marked = markedConnections({ table, underlay, families, ...ways });
    this.#marked = unlessSame(this.#marked, marked);
    this.#changes.rules();
    return made;
  }
}

/** Written the same: there may be thousands, and one of them changes. */
function sameRoutes(a: readonly WantedRoute[], b: readonly WantedRoute[]): boolean {
  return a.length === b.length && a.every((route, index) => routeKey(route) === routeKey(b[index]));
}

function routeKey(route: WantedRoute | undefined): string | undefined {
  if (route?.kind !== 'fixed') return undefined;
  return `${route.metric} ${targetKey(route.target)}`;
}
