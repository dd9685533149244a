/** What of a table nobody announces: its fixed routes by prefix, and its rules, as they were last made. */
import type { TableConfig } from '../config/config.js';
import type { Family } from '../net/family.js';
import { type FixedRoutes, fixedRoutes } from './fixed.js';
import type { NextHopSets } from './next-hop-set.js';
import type { Rule } from './route.js';
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
}

const NONE: readonly WantedRoute[] = [];

export class FixedPart {
  readonly #config: TableConfig;
  readonly #nextHops: NextHopSets;
  readonly #changes: ChangeLog;
  #made: FixedRoutes;
  #byKey: ReadonlyMap<string, readonly WantedRoute[]> = new Map();
  #rules: readonly Rule[] = [];
  /** Of the interfaces that learned routes lead out of. */
  #version = -1;

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

  /** At most one a metric. */
  at(key: string): readonly WantedRoute[] {
    return this.#byKey.get(key) ?? NONE;
  }

  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }

  /** The ground has changed: {@link refresh} makes all anew. */
  outdated(): void {
    this.#version = -1;
  }

  /** True where it was made anew: interfaces that learned routes lead out of have come or gone, or the ground has changed. */
  refresh(ground: FixedGround): boolean {
    if (this.#version === this.#nextHops.interfacesVersion) return false;
    this.#made = this.#make(ground);
    return true;
  }

  #make({ underlay, families, fed }: FixedGround): FixedRoutes {
    this.#version = this.#nextHops.interfacesVersion;
    const interfaces = this.#nextHops.interfaces();
    const table = this.#config;
    const made = fixedRoutes({ table, underlay, interfaces, families, fed });
    for (const key of this.#byKey.keys()) this.#changes.prefix(key);
    const byKey = new Map<string, readonly WantedRoute[]>();
    for (const { prefix, metric, target } of made.routes) {
      const { key } = prefix;
      byKey.set(key, [...(byKey.get(key) ?? NONE), { kind: 'fixed', prefix, metric, target }]);
      this.#changes.prefix(key);
    }
    this.#byKey = byKey;
    this.#rules = tableRules(table, underlay, families);
    this.#changes.rules();
    return made;
  }
}
