/**
 * What the kernel has, as last read, acknowledged or noticed: our own routes,
 * rules and nexthop objects of every table, and of the configured tables the
 * foreign routes too. The kernel is the truth; this is its copy between audits.
 */
import type { Leg, Route, RouteTarget } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import {
  type KernelNexthop,
  type KernelRoute,
  type KernelRule,
  OWN_PROTOCOL,
} from '../kernel/kernel.js';
import { FAMILIES, type Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixMap } from '../net/prefix-map.js';
import { type ForeignKey, ForeignRoutes } from './foreign-routes.js';
import { type GroupObject, NexthopObjects } from './nexthop-objects.js';
import { isOn, type Place, type Standing, standings } from './place.js';
import { localRulePriority, RuleSet } from './rule-set.js';
import { TargetPool } from './target-pool.js';

/** One of our routes. */
export interface OwnRoute extends Standing {
  readonly prefix: Prefix;
}

export class Mirror {
  readonly #own = new Map<number, PrefixMap<Place>>();
  #lastStanding: Standing | undefined;
  readonly #counts = new Map<number, Record<Family, number>>();
  readonly #foreign = new ForeignRoutes();
  readonly #targets = new TargetPool((legs) => this.#note(legs));
  readonly #rules = new RuleSet();
  readonly #nexthops = new NexthopObjects();
  readonly #routesOnGroup = new Map<number, number>();
  /** Every interface that a route of ours, or of others in a table of ours, has led out of since this was read. */
  readonly interfaces = new Set<number>();
  /** An object may be of no use: a route left a group, a group left its singles, or nobody has looked yet. */
  mayHaveUnused = true;

  // Routes of ours.

  /** At most one a metric. */
  own(table: number, prefix: Prefix): readonly OwnRoute[] {
    const place = this.#own.get(table)?.get(prefix);
    return place === undefined ? NONE : standings(place).map((one) => routeAt(prefix, one));
  }

  /** Some route of ours stands there. */
  has(table: number, prefix: Prefix): boolean {
    return this.#own.get(table)?.has(prefix) === true;
  }

  /** Where our route of that prefix and metric leads to, if there is one. */
  target(table: number, prefix: Prefix, metric: number): RouteTarget | undefined {
    const place = this.#own.get(table)?.get(prefix);
    if (place === undefined) return undefined;
    if ('target' in place) return place.metric === metric ? place.target : undefined;
    return place.find((one) => one.metric === metric)?.target;
  }

  /** As {@link target}, where no other of ours of that prefix stands. */
  onlyTarget(table: number, prefix: Prefix, metric: number): RouteTarget | undefined {
    const place = this.#own.get(table)?.get(prefix);
    if (place === undefined || !('target' in place)) return undefined;
    return place.metric === metric ? place.target : undefined;
  }

  /** Where there is none, or more than one, `undefined`. */
  only(table: number, prefix: Prefix): OwnRoute | undefined {
    const place = this.#own.get(table)?.get(prefix);
    return place === undefined || !('target' in place) ? undefined : routeAt(prefix, place);
  }

  /** Of the same prefix and metric there is one at most. */
  set(table: number, { prefix, metric, target: given }: OwnRoute): void {
    const target = this.#targets.find(given);
    const standing = this.#standing(metric, target);
    let places = this.#own.get(table);
    if (places === undefined) {
      places = PrefixMap.ofTable<Place>();
      this.#own.set(table, places);
    }
    const before = places.get(prefix);
    if (before === undefined) places.set(prefix, standing);
    else if ('target' in before && before.metric === metric) {
      this.#count(table, prefix.family, before.target, -1);
      places.set(prefix, standing);
    } else {
      const others = standings(before).filter((one) => one.metric !== metric);
      const replaced = standings(before).find((one) => one.metric === metric);
      if (replaced !== undefined) this.#count(table, prefix.family, replaced.target, -1);
      places.set(prefix, others.length === 0 ? standing : [...others, standing]);
    }
    this.#count(table, prefix.family, target, 1);
  }

  remove(table: number, prefix: Prefix, metric: number): void {
    const places = this.#own.get(table);
    const place = places?.get(prefix);
    if (places === undefined || place === undefined) return;
    const gone = standings(place).find((one) => one.metric === metric);
    if (gone === undefined) return;
    this.#count(table, prefix.family, gone.target, -1);
    const rest = standings(place).filter((one) => one !== gone);
    const [only] = rest;
    if (only === undefined) places.delete(prefix);
    else places.set(prefix, rest.length === 1 ? only : rest);
  }

  /** Of all tables, ours and others'. */
  forgetRoutes(family: Family): void {
    this.#foreign.clearOf(family);
    for (const [table, places] of this.#own) {
      for (const [prefix, place] of places.entriesOf(family)) {
        for (const { metric } of standings(place)) this.remove(table, prefix, metric);
      }
    }
  }

  /** Tables that hold routes of ours, configured or not. */
  tables(): number[] {
    return [...this.#own.keys()];
  }

  prefixes(table: number): Iterable<Prefix> {
    return this.#own.get(table)?.keys() ?? NO_PREFIXES;
  }

  /** Those of {@link prefixes} that `held` does not hold. */
  *notHeld(table: number, held: Table): Generator<Prefix> {
    const places = this.#own.get(table);
    if (places !== undefined) yield* held.notHeld(places);
  }

  *ownRoutes(table: number): Generator<OwnRoute> {
    for (const [prefix, place] of this.#own.get(table)?.entries() ?? []) {
      for (const one of standings(place)) yield routeAt(prefix, one);
    }
  }

  /** Where each of {@link ownRoutes} leads to. */
  *targets(table: number): Generator<RouteTarget> {
    for (const place of this.#own.get(table)?.values() ?? []) {
      if ('target' in place) yield place.target;
      else for (const { target } of place) yield target;
    }
  }

  /** As {@link ownRoutes} of both families, those on nexthop groups alone. */
  eachOnGroup(
    table: number,
    visit: (group: number, prefix: Prefix, standing: Standing) => void,
  ): void {
    for (const [prefix, place] of this.#own.get(table)?.entries() ?? []) {
      if ('target' in place) {
        if (place.target.type === 'nexthop') visit(place.target.id, prefix, place);
        continue;
      }
      for (const one of place) if (one.target.type === 'nexthop') visit(one.target.id, prefix, one);
    }
  }

  count(table: number, family: Family): number {
    return this.#counts.get(table)?.[family] ?? 0;
  }

  /** Equal targets come back as the same object. */
  intern(target: RouteTarget): RouteTarget {
    return this.#targets.intern(target);
  }

  // Routes of others, in configured tables.

  foreign(table: number, prefix: Prefix): readonly KernelRoute[] {
    return this.#foreign.at(table, prefix);
  }

  hasForeign(table: number): boolean {
    return this.#foreign.hasAny(table);
  }

  foreignRoutes(table: number): Iterable<KernelRoute> {
    return this.#foreign.of(table);
  }

  setForeign(route: KernelRoute): void {
    if (route.target.type === 'legs') this.#note(route.target.legs);
    this.#foreign.set(route);
  }

  removeForeign(route: ForeignKey): void {
    this.#foreign.remove(route);
  }

  // Rules, everybody's.

  ownRules(): ReadonlyMap<string, KernelRule> {
    return this.#rules.own;
  }

  rules(): Iterable<KernelRule> {
    return this.#rules.values();
  }

  setRule(rule: KernelRule): void {
    this.#rules.set(rule);
  }

  removeRule(rule: KernelRule): void {
    this.#rules.remove(rule);
  }

  localRulePriority(family: Family): number | undefined {
    return localRulePriority(this.#rules.values(), family);
  }

  // Nexthop objects.

  groups(): ReadonlyMap<number, GroupObject> {
    return this.#nexthops.groups;
  }

  /** It stands with just these members. */
  hasGroup(group: Pick<GroupObject, 'id' | 'members'>): boolean {
    return this.#nexthops.hasGroup(group);
  }

  /** Ids of our single objects, by leg (see {@link singleKey}). */
  singles(): ReadonlyMap<string, number> {
    return this.#nexthops.singleIds;
  }

  /** Every single object of ours: id and leg. */
  singleObjects(): ReadonlyMap<number, string> {
    return this.#nexthops.singles;
  }

  /** Ids in use by anybody. */
  isIdTaken(id: number): boolean {
    return this.#nexthops.isTaken(id);
  }

  routesOnGroup(id: number): number {
    return this.#routesOnGroup.get(id) ?? 0;
  }

  setNexthop(nexthop: KernelNexthop): void {
    this.removeNexthop(nexthop.id);
    this.#nexthops.set(nexthop);
    if (nexthop.protocol === OWN_PROTOCOL && nexthop.type === 'single') this.#note([nexthop.leg]);
  }

  /** Takes it out of the groups as well, as the kernel does; its routes are the caller's. */
  removeNexthop(id: number): void {
    if (this.#nexthops.groups.has(id)) this.mayHaveUnused = true;
    this.#nexthops.remove(id);
  }

  /** All nexthop objects there are, newly read. Returns the ids of those that were there, and are no more. */
  readNexthops(nexthops: readonly KernelNexthop[]): ReadonlySet<number> {
    const gone = new Set(this.#nexthops.ids());
    for (const { id } of nexthops) gone.delete(id);
    for (const id of gone) this.removeNexthop(id);
    // Singles first: taken in again, one goes out of the groups that have it.
    for (const nexthop of nexthops) if (nexthop.type === 'single') this.setNexthop(nexthop);
    for (const nexthop of nexthops) if (nexthop.type === 'group') this.setNexthop(nexthop);
    return gone;
  }

  /** The kernel drops the routes of deleted groups by itself. Returns what it took along. */
  dropRoutesOn(ids: ReadonlySet<number>): readonly { table: number; prefix: Prefix }[] {
    const dropped: { table: number; prefix: Prefix; metric: number }[] = [];
    if (![...ids].some((id) => this.routesOnGroup(id) > 0)) return dropped;
    for (const table of this.#own.keys()) {
      for (const { prefix, metric, target } of this.ownRoutes(table)) {
        if (target.type === 'nexthop' && ids.has(target.id))
          dropped.push({ table, prefix, metric });
      }
    }
    for (const { table, prefix, metric } of dropped) this.remove(table, prefix, metric);
    return dropped;
  }

  /** As {@link dropRoutesOn} of one group, where nobody asks which routes they were. */
  removeRoutesOn(group: number): void {
    for (const [table, places] of this.#own) {
      for (const family of FAMILIES) {
        if (this.routesOnGroup(group) === 0) return;
        this.#removeRoutesOn(group, table, family, places);
      }
    }
  }

  /** One look at each; where most go, what stays is put back into an empty map. */
  #removeRoutesOn(group: number, table: number, family: Family, places: PrefixMap<Place>): void {
    const most = this.routesOnGroup(group) * 2 > places.sizeOf(family);
    const left: [Prefix, Place][] = [];
    for (const [prefix, place] of places.entriesOf(family)) {
      if (most && 'target' in place) {
        if (!isOn(place.target, group)) left.push([prefix, place]);
        continue;
      }
      for (const { metric, target } of standings(place)) {
        if (isOn(target, group)) this.remove(table, prefix, metric);
      }
      const rest = most ? places.get(prefix) : undefined;
      if (rest !== undefined) left.push([prefix, rest]);
    }
    if (!most) return;
    const target = { type: 'nexthop', id: group } as const;
    this.#count(table, family, target, left.length - places.sizeOf(family));
    places.clearOf(family);
    for (const [prefix, place] of left) places.set(prefix, place);
  }

  #standing(metric: number, target: RouteTarget): Standing {
    const last = this.#lastStanding;
    if (last?.target === target && last.metric === metric) return last;
    this.#lastStanding = { metric, target };
    return this.#lastStanding;
  }

  #note(legs: readonly Leg[]): void {
    for (const { oif } of legs) this.interfaces.add(oif);
  }

  #count(table: number, family: Family, target: RouteTarget, step: number): void {
    let counts = this.#counts.get(table);
    if (counts === undefined) {
      counts = { ipv4: 0, ipv6: 0 };
      this.#counts.set(table, counts);
    }
    counts[family] += step;
    if (target.type !== 'nexthop') return;
    const count = this.routesOnGroup(target.id) + step;
    if (count > 0) this.#routesOnGroup.set(target.id, count);
    else {
      this.#routesOnGroup.delete(target.id);
      this.mayHaveUnused = true;
    }
  }
}

const NONE: readonly OwnRoute[] = [];
const NO_PREFIXES: readonly Prefix[] = [];

function routeAt(prefix: Prefix, { metric, target }: Standing): OwnRoute {
  return { prefix, metric, target };
}

/** The route as an operation names it. */
export function routeOf(table: number, { prefix, metric, target }: OwnRoute): Route {
  return { table, prefix, metric, target };
}
