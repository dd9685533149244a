/**
 * What the kernel has, as last read, acknowledged or noticed: our own routes,
 * rules and nexthop objects of every table, and of the configured tables the
 * foreign routes too. The kernel is the truth; this is its copy between audits.
 */
import {
  type Leg,
  legKey,
  type NexthopObject,
  type Route,
  type RouteTarget,
  ruleKey,
  targetKey,
} from '../desired/route.js';
import {
  type KernelNexthop,
  type KernelRoute,
  type KernelRule,
  OWN_PROTOCOL,
} from '../kernel/kernel.js';
import { FAMILIES, type Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixMap } from '../net/prefix-map.js';

/** One of our routes; `target` is interned, so equal targets are one object. */
export interface OwnRoute {
  readonly prefix: Prefix;
  readonly metric: number;
  readonly target: RouteTarget;
}

/** A route without its prefix: immutable, and shared by neighbours that are alike. */
type Standing = Pick<OwnRoute, 'metric' | 'target'>;

/** Nearly every prefix has one route; only a change of metric makes it two for a moment. */
type Place = Standing | readonly Standing[];

type GroupObject = Extract<NexthopObject, { type: 'group' }>;

export class Mirror {
  readonly #own = new Map<number, PrefixMap<Place>>();
  #lastStanding: Standing | undefined;
  readonly #counts = new Map<number, Record<Family, number>>();
  readonly #foreign = new Map<number, PrefixMap<readonly KernelRoute[]>>();
  readonly #targets = new Map<string, RouteTarget>();
  readonly #interned = new WeakMap<RouteTarget, RouteTarget>();
  /** Those of `#targets` on a nexthop object, by its id. */
  readonly #onNexthop = new Map<number, RouteTarget>();
  readonly #rules = new Map<string, KernelRule>();
  readonly #ownRules = new Map<string, KernelRule>();
  readonly #groups = new Map<number, GroupObject>();
  readonly #singles = new Map<number, string>();
  readonly #singleIds = new Map<string, number>();
  readonly #foreignIds = new Set<number>();
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
    // What was read is not met again: only what is interned already is found by itself.
    const target = this.#interned.get(given) ?? this.#internedByKey(given);
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
    for (const routes of this.#foreign.values()) routes.clearOf(family);
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
    const known = this.#interned.get(target);
    if (known !== undefined) return known;
    const one = this.#internedByKey(target);
    this.#interned.set(target, one);
    return one;
  }

  #internedByKey(target: RouteTarget): RouteTarget {
    const onNexthop = target.type === 'nexthop' ? this.#onNexthop.get(target.id) : undefined;
    if (onNexthop !== undefined) return onNexthop;
    const key = targetKey(target);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    if (target.type === 'legs') this.#note(target.legs);
    this.#targets.set(key, target);
    if (target.type === 'nexthop') this.#onNexthop.set(target.id, target);
    this.#interned.set(target, target);
    return target;
  }

  // Routes of others, in configured tables.

  foreign(table: number, prefix: Prefix): readonly KernelRoute[] {
    return this.#foreign.get(table)?.get(prefix) ?? NO_FOREIGN;
  }

  hasForeign(table: number): boolean {
    return (this.#foreign.get(table)?.size ?? 0) > 0;
  }

  *foreignRoutes(table: number): Generator<KernelRoute> {
    for (const routes of this.#foreign.get(table)?.values() ?? []) yield* routes;
  }

  setForeign(route: KernelRoute): void {
    this.removeForeign(route);
    if (route.target.type === 'legs') this.#note(route.target.legs);
    let routes = this.#foreign.get(route.table);
    if (routes === undefined) {
      routes = new PrefixMap();
      this.#foreign.set(route.table, routes);
    }
    routes.set(route.prefix, [...(routes.get(route.prefix) ?? []), route]);
  }

  removeForeign(route: Pick<KernelRoute, 'table' | 'prefix' | 'metric' | 'protocol'>): void {
    const routes = this.#foreign.get(route.table);
    const { prefix } = route;
    const rest = (routes?.get(prefix) ?? []).filter(
      (other) => other.metric !== route.metric || other.protocol !== route.protocol,
    );
    if (rest.length === 0) routes?.delete(prefix);
    else routes?.set(prefix, rest);
  }

  // Rules, everybody's.

  ownRules(): ReadonlyMap<string, KernelRule> {
    return this.#ownRules;
  }

  rules(): Iterable<KernelRule> {
    return this.#rules.values();
  }

  setRule(rule: KernelRule): void {
    this.#rules.set(ruleSlot(rule), rule);
    if (isOwnRule(rule)) this.#ownRules.set(ruleKey(rule), rule);
  }

  removeRule(rule: KernelRule): void {
    this.#rules.delete(ruleSlot(rule));
    if (isOwnRule(rule)) this.#ownRules.delete(ruleKey(rule));
  }

  localRulePriority(family: Family): number | undefined {
    return localRulePriority(this.#rules.values(), family);
  }

  // Nexthop objects.

  groups(): ReadonlyMap<number, GroupObject> {
    return this.#groups;
  }

  /** It stands with just these members. */
  hasGroup({ id, members }: Pick<GroupObject, 'id' | 'members'>): boolean {
    const known = this.#groups.get(id)?.members;
    return (
      known?.length === members.length &&
      members.every((one) => known.some(({ id, weight }) => one.id === id && one.weight === weight))
    );
  }

  /** Ids of our single objects, by leg (see {@link singleKey}). */
  singles(): ReadonlyMap<string, number> {
    return this.#singleIds;
  }

  /** Ids in use by anybody. */
  isIdTaken(id: number): boolean {
    return this.#groups.has(id) || this.#singles.has(id) || this.#foreignIds.has(id);
  }

  routesOnGroup(id: number): number {
    return this.#routesOnGroup.get(id) ?? 0;
  }

  setNexthop(nexthop: KernelNexthop): void {
    this.removeNexthop(nexthop.id);
    if (nexthop.protocol !== OWN_PROTOCOL) this.#foreignIds.add(nexthop.id);
    else if (nexthop.type === 'group') this.#groups.set(nexthop.id, nexthop);
    else {
      const key = singleKey(nexthop);
      this.#note([nexthop.leg]);
      this.#singles.set(nexthop.id, key);
      if (!this.#singleIds.has(key)) this.#singleIds.set(key, nexthop.id);
    }
  }

  /** Takes it out of the groups as well, as the kernel does; its routes are the caller's. */
  removeNexthop(id: number): void {
    this.#foreignIds.delete(id);
    if (this.#groups.delete(id)) this.mayHaveUnused = true;
    const key = this.#singles.get(id);
    if (key === undefined) return;
    this.#singles.delete(id);
    if (this.#singleIds.get(key) === id) this.#singleIds.delete(key);
    for (const group of this.#groups.values()) {
      const members = group.members.filter((member) => member.id !== id);
      if (members.length < group.members.length) this.#groups.set(group.id, { ...group, members });
    }
  }

  /** All nexthop objects there are, newly read. Returns the ids of those that were there, and are no more. */
  readNexthops(nexthops: readonly KernelNexthop[]): ReadonlySet<number> {
    const gone = new Set([...this.#groups.keys(), ...this.#singles.keys(), ...this.#foreignIds]);
    for (const { id } of nexthops) gone.delete(id);
    for (const id of gone) this.removeNexthop(id);
    // Singles first: taken in again, one goes out of the groups that have it.
    for (const nexthop of nexthops) if (nexthop.type === 'single') this.setNexthop(nexthop);
    for (const nexthop of nexthops) if (nexthop.type === 'group') this.setNexthop(nexthop);
    return gone;
  }

  /** Every single object of ours: id and leg. */
  singleObjects(): ReadonlyMap<number, string> {
    return this.#singles;
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

const TABLE_LOCAL = 255;
const NONE: readonly OwnRoute[] = [];
const NO_FOREIGN: readonly KernelRoute[] = [];
const NO_PREFIXES: readonly Prefix[] = [];

function isOn(target: RouteTarget, group: number): boolean {
  return target.type === 'nexthop' && target.id === group;
}

function standings(place: Place): readonly Standing[] {
  return 'target' in place ? [place] : place;
}

function routeAt(prefix: Prefix, { metric, target }: Standing): OwnRoute {
  return { prefix, metric, target };
}

/** A single object is known by its way out; its weight is the group's business. */
export function singleKey(nexthop: Extract<NexthopObject, { type: 'single' }>): string {
  return `${nexthop.family} ${legKey({ ...nexthop.leg, weight: 1 })}`;
}

/**
 * Where the look-up of table `local` for all traffic stands, the first of them;
 * `undefined` when there is none. One with selectors saves nobody's own addresses.
 */
export function localRulePriority(rules: Iterable<KernelRule>, family: Family): number | undefined {
  let lowest: number | undefined;
  for (const rule of rules) {
    const { from, to, iif, fwmark, opaque, action, table, priority } = rule;
    if (rule.family !== family || table !== TABLE_LOCAL || action !== 'lookup' || opaque) continue;
    if (from !== undefined || to !== undefined || iif !== undefined || fwmark !== undefined)
      continue;
    if (lowest === undefined || priority < lowest) lowest = priority;
  }
  return lowest;
}

export function isOwnRule(rule: KernelRule): boolean {
  return rule.protocol === OWN_PROTOCOL && rule.action === 'lookup' && !rule.opaque;
}

/** Rules of others may be equal but for what we do not read: they only have to be told apart from ours. */
function ruleSlot(rule: KernelRule): string {
  return `${ruleKey(rule)} ${rule.protocol} ${rule.action} ${rule.opaque}`;
}

/** The route as an operation names it. */
export function routeOf(table: number, { prefix, metric, target }: OwnRoute): Route {
  return { table, prefix, metric, target };
}
