/**
 * desired x mirror -> the operations that make the kernel equal to it, in an
 * order that never leaves a window: next hops, then routes added and replaced,
 * then rules added, and only then what goes: rules, routes, next hops.
 */
import type { Engine } from '../desired/engine.js';
import type { NextHopSet } from '../desired/next-hop-set.js';
import { type RouteTarget, type Rule, ruleKey } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { TableChanges } from '../desired/table-changes.js';
import type { WantedRoute } from '../desired/wanted-route.js';
import type { KernelRoute, Operation } from '../kernel/kernel.js';
import { adoptGroups } from './adoption.js';
import { type NexthopGroups, SingleAllocation } from './groups.js';
import { type Mirror, type OwnRoute, routeOf } from './mirror.js';
import { isPredecessor } from './predecessor.js';

/** A wanted rule that would stand ahead of the look-up of the `local` table. */
export interface MisplacedRule {
  readonly rule: Rule;
  readonly localPriority: number;
}

export interface Difference {
  /** What is added or replaced, in order. */
  readonly makes: readonly Operation[];
  /** What goes, in order, once that is done. */
  readonly breaks: readonly Operation[];
  readonly misplaced: readonly MisplacedRule[];
}

export interface DiffOptions {
  readonly engine: Engine;
  readonly mirror: Mirror;
  readonly groups: NexthopGroups;
  /** False for what was refused lately, or is contested, and waits for its next try. */
  readonly mayTry: (operation: Operation) => boolean;
  /** It was refused when it was last tried. */
  readonly wasRefused: (operation: Operation) => boolean;
  /** Nexthop objects work here (kernel 5.3 and later). */
  readonly objectsSupported: boolean;
}

/** `foreign: fail` while there are routes of others: looked at as a whole once the last of them has gone. */
export function isLeftAlone(table: Table, mirror: Mirror): boolean {
  return table.config.foreign === 'fail' && mirror.hasForeign(table.config.id);
}

export class Diff {
  readonly #nexthops: Operation[] = [];
  /** Those that keep traffic in main stand before what they protect from. */
  readonly #fixedRoutes: Operation[] = [];
  readonly #routes: Operation[] = [];
  readonly #rules: Operation[] = [];
  readonly #rulesGone: Operation[] = [];
  readonly #routesGone: Operation[] = [];
  readonly #throwsGone: Operation[] = [];
  readonly #singles: SingleAllocation;
  readonly #prepared = new Set<number>();
  /** Groups that wait, for their next try or for a leg: what is to stand on them waits too. */
  readonly #unmade = new Set<number>();
  readonly #evicted = new Set<KernelRoute>();
  /** Groups that lost their last leg: the kernel takes their routes along. */
  readonly #deadGroups = new Set<number>();
  readonly #groupTargets = new Map<NextHopSet, RouteTarget>();
  readonly #misplaced: MisplacedRule[] = [];

  constructor(private readonly options: DiffOptions) {
    this.#singles = new SingleAllocation(options.mayTry, options.wasRefused);
  }

  /** Adds what the drained changes of one table ask for. */
  table(table: Table, changes: TableChanges): void {
    const { engine, groups, mirror, objectsSupported } = this.options;
    if (isLeftAlone(table, mirror)) return;
    // A set that moved is one group, unless its routes had to be written inline, or wait for the group.
    const scattered =
      table.useObjects &&
      [...changes.sets].some((set) => !objectsSupported || this.#waitsForGroup(table, set));
    for (const set of changes.sets) this.#set(table, set);
    const everything = changes.everything || scattered;
    // Once the stale routes of a life before are gone, so are its groups.
    if (table.useObjects && (everything || !engine.maySweep)) {
      adoptGroups(table, everything ? table.keys() : changes.prefixes, groups, mirror);
    }
    if (everything) this.#wholeTable(table);
    else for (const key of changes.prefixes) this.#prefix(table, table.config.id, key);
  }

  /** Routes of ours in tables that the configuration does not name any more. */
  abandonedTables(): void {
    const { engine, mirror } = this.options;
    if (!engine.maySweep) return;
    for (const id of mirror.tables()) {
      if (engine.tables.has(id)) continue;
      for (const key of mirror.keys(id)) this.#prefix(undefined, id, key);
    }
  }

  /** All rules of all tables. */
  rules(): void {
    const { engine, mirror } = this.options;
    const wanted = new Map<string, Rule>();
    for (const table of engine.tables.values()) {
      for (const rule of table.rules) {
        const localPriority = mirror.localRulePriority(rule.family);
        if (localPriority === undefined || rule.priority > localPriority) {
          wanted.set(ruleKey(rule), rule);
        } else this.#misplaced.push({ rule, localPriority });
      }
    }
    for (const [key, rule] of wanted) {
      if (!mirror.ownRules().has(key)) this.#push(this.#rules, { op: 'rule-add', rule });
    }
    for (const [key, rule] of mirror.ownRules()) {
      if (wanted.has(key)) continue;
      const localPriority = mirror.localRulePriority(rule.family);
      const ahead = localPriority !== undefined && rule.priority <= localPriority;
      if (ahead || engine.maySweep || engine.tables.has(rule.table)) {
        this.#push(this.#rulesGone, { op: 'rule-delete', rule });
      }
    }
  }

  finish(): Difference {
    const dead: Operation[] = [...this.#deadGroups].map((id) => ({ op: 'nexthop-delete', id }));
    return {
      makes: [...this.#nexthops, ...this.#fixedRoutes, ...this.#routes, ...this.#rules],
      breaks: [
        ...this.#rulesGone,
        ...dead,
        // The reverse of a dump's or a feed's order: the IPv4 trie takes ten times as long ascending.
        ...this.#routesGone.reverse(),
        ...this.#throwsGone,
      ],
      misplaced: this.#misplaced,
    };
  }

  #wholeTable(table: Table): void {
    const { mirror } = this.options;
    const { id } = table.config;
    for (const set of table.nextHops.values()) this.#set(table, set);
    for (const key of table.keys()) this.#prefix(table, id, key);
    for (const key of mirror.keys(id)) if (!table.mayHold(key)) this.#prefix(table, id, key);
    if (table.config.foreign !== 'evict') return;
    for (const route of mirror.foreignRoutes(id)) this.#evict(route, this.#routes);
  }

  /** One changed next-hop set: its group follows, whatever number of routes stands on it. */
  #set(table: Table, set: NextHopSet): void {
    // One that nothing refers to any more may have a successor of the same key.
    if (set.references === 0) return;
    const id = this.options.groups.claimOf(table.config.id, set);
    if (id === undefined || !this.options.mirror.groups().has(id)) return;
    if (set.legs.length === 0) this.#deadGroups.add(id);
    else this.#prepare(id, set);
  }

  /** Its group is not there, so its routes are not. */
  #waitsForGroup(table: Table, set: NextHopSet): boolean {
    if (set.references === 0 || set.legs.length === 0) return false;
    const id = this.options.groups.claimOf(table.config.id, set);
    return id !== undefined && !this.options.mirror.groups().has(id);
  }

  #prepare(id: number, set: NextHopSet): void {
    if (this.#prepared.has(id)) return;
    this.#prepared.add(id);
    const { groups, mirror } = this.options;
    let there = mirror.groups().has(id);
    for (const operation of groups.operationsFor(id, set.legs, mirror, this.#singles)) {
      const pushed = this.#push(this.#nexthops, operation);
      if (pushed && 'nexthop' in operation && operation.nexthop.id === id) there = true;
    }
    if (!there) this.#unmade.add(id);
  }

  #prefix(table: Table | undefined, tableId: number, key: string): void {
    const { engine, mirror } = this.options;
    const own = mirror.own(tableId, key);
    const wanted = table?.wanted(key) ?? [];
    let unmade: WantedRoute | undefined;
    for (const route of wanted) {
      if (table === undefined) continue;
      const current = own.find(({ metric }) => metric === route.metric);
      const foreign =
        current === undefined
          ? mirror.foreign(tableId, key).find(({ metric }) => metric === route.metric)
          : undefined;
      if (foreign !== undefined && table.config.foreign !== 'evict') {
        if (route.kind === 'learned') unmade = route;
        continue;
      }
      const target = this.#target(table, route);
      if (current?.target === target) continue;
      const { prefix, metric, kind } = route;
      const operations = kind === 'fixed' ? this.#fixedRoutes : this.#routes;
      if (foreign !== undefined) this.#evict(foreign, operations);
      const op = current === undefined ? 'route-add' : 'route-replace';
      const one = { table: tableId, prefix, metric, target };
      const pushed = !this.#isUnmade(target) && this.#push(operations, { op, route: one });
      if (route.kind === 'learned' && current === undefined && !pushed) unmade = route;
    }
    if (table?.config.foreign === 'evict') {
      for (const route of mirror.foreign(tableId, key)) this.#evict(route, this.#routes);
    }
    for (const route of own) {
      if (wanted.some(({ metric }) => metric === route.metric)) continue;
      if (table !== undefined && unmade !== undefined && isPredecessor(route, own, table, wanted))
        this.#keep(table, route, unmade);
      else if (table === undefined || engine.mayDelete(key)) this.#delete(tableId, route);
    }
  }

  /** Made before the old one breaks, under another metric: or the old one stays, and follows its next hops. */
  #keep(table: Table, { prefix, metric, target: current }: OwnRoute, unmade: WantedRoute): void {
    const target = this.#target(table, unmade);
    if (target === current || this.#isUnmade(target)) return;
    const route = { table: table.config.id, prefix, metric, target };
    this.#push(this.#routes, { op: 'route-replace', route });
  }

  #target(table: Table, route: WantedRoute): RouteTarget {
    const { mirror, groups, objectsSupported } = this.options;
    if (route.kind === 'fixed') return mirror.intern(route.target);
    if (!table.useObjects || !objectsSupported) return mirror.intern(route.set.target);
    const known = this.#groupTargets.get(route.set);
    if (known !== undefined) return known;
    const id = groups.idOf(table.config.id, route.set, mirror);
    this.#prepare(id, route.set);
    const target = mirror.intern({ type: 'nexthop', id });
    this.#groupTargets.set(route.set, target);
    return target;
  }

  #isUnmade(target: RouteTarget): boolean {
    return target.type === 'nexthop' && this.#unmade.has(target.id);
  }

  #evict(route: KernelRoute, operations: Operation[]): void {
    if (this.#evicted.has(route)) return;
    this.#evicted.add(route);
    this.#push(operations, { op: 'foreign-route-delete', route });
  }

  /** False for what waits for its next try. */
  #push(operations: Operation[], operation: Operation): boolean {
    const pushed = this.options.mayTry(operation);
    if (pushed) operations.push(operation);
    return pushed;
  }

  #delete(table: number, route: OwnRoute): void {
    const { target } = route;
    if (target.type === 'nexthop' && this.#deadGroups.has(target.id)) return;
    const operations = target.type === 'throw' ? this.#throwsGone : this.#routesGone;
    this.#push(operations, { op: 'route-delete', route: routeOf(table, route) });
  }
}
