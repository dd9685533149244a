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
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';

/** One of our routes; `target` is interned, so equal targets are one object. */
export interface OwnRoute {
  readonly prefix: Prefix;
  readonly metric: number;
  readonly target: RouteTarget;
}

/** Nearly every prefix has one route; only a change of metric makes it two for a moment. */
type Slot = OwnRoute | readonly OwnRoute[];

type GroupObject = Extract<NexthopObject, { type: 'group' }>;

export class Mirror {
  readonly #own = new Map<number, Map<string, Slot>>();
  readonly #counts = new Map<number, Record<Family, number>>();
  readonly #foreign = new Map<number, Map<string, readonly KernelRoute[]>>();
  readonly #targets = new Map<string, RouteTarget>();
  readonly #interned = new WeakMap<RouteTarget, RouteTarget>();
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

  own(table: number, key: string): readonly OwnRoute[] {
    const slot = this.#own.get(table)?.get(key);
    return slot === undefined ? NONE : 'prefix' in slot ? [slot] : slot;
  }

  /** Of the same prefix and metric there is one at most. */
  set(table: number, given: OwnRoute): void {
    const { prefix, metric } = given;
    const target = this.intern(given.target);
    // What is written has its target from here: the operation's own route serves as the copy.
    const route = target === given.target ? given : { prefix, metric, target };
    const { key } = prefix;
    let slots = this.#own.get(table);
    if (slots === undefined) {
      slots = new Map();
      this.#own.set(table, slots);
    }
    if (slots.has(key)) {
      this.remove(table, key, metric);
      const rest = this.own(table, key);
      slots.set(key, rest.length === 0 ? route : [...rest, route]);
    } else slots.set(key, route);
    this.#count(table, route, 1);
  }

  remove(table: number, key: string, metric: number): void {
    const slots = this.#own.get(table);
    const slot = slots?.get(key);
    if (slots === undefined || slot === undefined) return;
    const routes = 'prefix' in slot ? [slot] : slot;
    const gone = routes.find((route) => route.metric === metric);
    if (gone === undefined) return;
    this.#count(table, gone, -1);
    const rest = routes.filter((route) => route !== gone);
    const [only] = rest;
    if (only === undefined) slots.delete(key);
    else slots.set(key, rest.length === 1 ? only : rest);
  }

  /** Tables that hold routes of ours, configured or not. */
  tables(): number[] {
    return [...this.#own.keys()];
  }

  keys(table: number): Iterable<string> {
    return this.#own.get(table)?.keys() ?? NONE_KEYS;
  }

  *ownRoutes(table: number): Generator<OwnRoute> {
    for (const slot of this.#own.get(table)?.values() ?? []) {
      if ('prefix' in slot) yield slot;
      else yield* slot;
    }
  }

  count(table: number, family: Family): number {
    return this.#counts.get(table)?.[family] ?? 0;
  }

  /** Equal targets come back as the same object. */
  intern(target: RouteTarget): RouteTarget {
    const known = this.#interned.get(target);
    if (known !== undefined) return known;
    const key = targetKey(target);
    const one = this.#targets.get(key) ?? target;
    if (one === target && target.type === 'legs') this.#note(target.legs);
    this.#targets.set(key, one);
    this.#interned.set(target, one);
    return one;
  }

  // Routes of others, in configured tables.

  foreign(table: number, key: string): readonly KernelRoute[] {
    return this.#foreign.get(table)?.get(key) ?? [];
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
      routes = new Map();
      this.#foreign.set(route.table, routes);
    }
    routes.set(route.prefix.key, [...(routes.get(route.prefix.key) ?? []), route]);
  }

  removeForeign(route: Pick<KernelRoute, 'table' | 'prefix' | 'metric' | 'protocol'>): void {
    const routes = this.#foreign.get(route.table);
    const { key } = route.prefix;
    const rest = (routes?.get(key) ?? []).filter(
      (other) => other.metric !== route.metric || other.protocol !== route.protocol,
    );
    if (rest.length === 0) routes?.delete(key);
    else routes?.set(key, rest);
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

  /** The kernel drops the routes of deleted groups by itself. Returns the keys it took along, by table. */
  dropRoutesOn(ids: ReadonlySet<number>): readonly { table: number; key: string }[] {
    const dropped: { table: number; key: string; metric: number }[] = [];
    if (![...ids].some((id) => this.routesOnGroup(id) > 0)) return dropped;
    for (const table of this.#own.keys()) {
      for (const { prefix, metric, target } of this.ownRoutes(table)) {
        if (target.type === 'nexthop' && ids.has(target.id))
          dropped.push({ table, key: prefix.key, metric });
      }
    }
    for (const { table, key, metric } of dropped) this.remove(table, key, metric);
    return dropped;
  }

  #note(legs: readonly Leg[]): void {
    for (const { oif } of legs) this.interfaces.add(oif);
  }

  #count(table: number, { prefix, target }: OwnRoute, step: 1 | -1): void {
    let counts = this.#counts.get(table);
    if (counts === undefined) {
      counts = { ipv4: 0, ipv6: 0 };
      this.#counts.set(table, counts);
    }
    counts[prefix.family] += step;
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
const NONE_KEYS: readonly string[] = [];

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
