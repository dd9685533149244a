/**
 * desired x mirror -> the operations that make the kernel equal to it, in an
 * order that never leaves a window: next hops, then routes added and replaced,
 * then rules added, and only then what goes: rules, routes, next hops.
 *
 * They come in lots, each made when it is asked for: what is to be looked at is
 * kept as prefixes, and a table of a million is never there as operations. What
 * one lot did is in the mirror when the next is made.
 */
import type { Engine } from '../desired/engine.js';
import { PrefixBacklog } from '../desired/prefix-backlog.js';
import type { RouteTarget } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { TableChanges } from '../desired/table-changes.js';
import type { WantedRoute } from '../desired/wanted-route.js';
import type { KernelRoute, Operation } from '../kernel/kernel.js';
import { FAMILIES } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { adoptGroups } from './adoption.js';
import { GroupWork } from './group-work.js';
import type { NexthopGroups } from './groups.js';
import type { Leaving, LeavingPrefix } from './leaving.js';
import { isLeftAlone } from './left-alone.js';
import { type Mirror, type OwnRoute, routeOf } from './mirror.js';
import { isPredecessor } from './predecessor.js';
import { wholeGroups } from './whole-groups.js';

/** A table, and what of it is to be looked at. */
export interface TableWork {
  readonly table: Table;
  readonly changes: TableChanges;
}

export interface DiffOptions {
  readonly engine: Engine;
  readonly mirror: Mirror;
  readonly groups: NexthopGroups;
  /** Takes what is found to go, and gives it back when it goes. */
  readonly leaving: Leaving;
  /** False for what was refused lately, or is contested, and waits for its next try. */
  readonly mayTry: (operation: Operation) => boolean;
  /** False where {@link mayTry} is true of all, and {@link wasRefused} of none. */
  readonly anyWaits: () => boolean;
  /** It was refused when it was last tried. */
  readonly wasRefused: (operation: Operation) => boolean;
  /** Nexthop objects work here (kernel 5.3 and later). */
  readonly objectsSupported: () => boolean;
}

export class Diff {
  /** Those that keep traffic in main stand before what they protect from. */
  readonly #fixedRoutes: Operation[] = [];
  readonly #routes: Operation[] = [];
  /** Where others of the same prefix stay. */
  readonly #routesGone: Operation[] = [];
  readonly #evicted = new Set<KernelRoute>();
  readonly #groups: GroupWork;

  /** Some operation on nexthop objects was among them. */
  touchesNexthops = false;

  constructor(private readonly options: DiffOptions) {
    this.#groups = new GroupWork(options);
  }

  /**
   * What is added or replaced, in lots of about `size`; to be taken to its end, for what is found
   * to go on the way comes by {@link breaks} and {@link leaves}.
   */
  *makes(work: readonly TableWork[], size: number): Generator<readonly Operation[]> {
    const begun = work
      .filter(({ table }) => !isLeftAlone(table, this.options.mirror))
      .map((one) => ({ ...one, ...this.#begin(one) }));
    // A next hop that moved moves in all tables before the routes of any.
    if (this.#groups.pending > 0) yield this.#takeLot();
    for (const { table, fixed } of begun) {
      for (const prefix of fixed) this.#prefix(table, table.config.id, prefix);
    }
    for (const { table, changes, rest } of begun) {
      for (const prefix of rest) {
        this.#prefix(table, table.config.id, prefix);
        if (this.#groups.pending + this.#routes.length >= size) yield this.#takeLot();
      }
      if (changes.everything && table.config.foreign === 'evict') this.#evictAll(table);
    }
    yield this.#takeLot();
  }

  /**
   * Routes of ours in tables that the configuration does not name any more: they go. False where
   * there are some in a table that `waits`, and is not looked at.
   */
  abandonedTables(waits: (table: number) => boolean): boolean {
    const { engine, mirror } = this.options;
    if (!engine.maySweep) return true;
    const abandoned = mirror.tables().filter((id) => !engine.tables.has(id));
    for (const id of abandoned) {
      if (waits(id)) continue;
      for (const prefix of mirror.prefixes(id)) this.#prefix(undefined, id, prefix);
    }
    return !abandoned.some(waits);
  }

  /** What goes once all else is done, and does not wait: groups without a leg, what another metric replaced. */
  breaks(): readonly Operation[] {
    const groups = [...this.#groups.dead].map((id) => ({ op: 'nexthop-delete', id }) as const);
    return [...groups, ...this.#routesGone.splice(0)];
  }

  /** What goes next of {@link DiffOptions.leaving}, about `size`: as long as it still is not wanted. */
  leaves(size: number): readonly Operation[] {
    return this.#deletions(this.options.leaving.take(size));
  }

  /**
   * Groups that go now and take all their routes along, none with less than `least` of them; default
   * routes before. Nothing where there are none. {@link Leaving.forget} them once they are gone.
   */
  leavesWhole(least: number): readonly Operation[] {
    const whole = wholeGroups(this.options, least);
    if (whole.length === 0) return [];
    const groups = whole.map((id) => ({ op: 'nexthop-delete', id }) as const);
    return [...this.#deletions(this.options.leaving.takeDefaults()), ...groups];
  }

  #deletions(leaving: readonly LeavingPrefix[]): readonly Operation[] {
    const { mirror } = this.options;
    const operations: Operation[] = [];
    for (const { table, prefix, throws } of leaving) {
      for (const route of mirror.own(table, prefix)) {
        if ((route.target.type === 'throw') !== throws || !this.#mayLeave(table, route)) continue;
        this.#push(operations, { op: 'route-delete', route: routeOf(table, route) });
      }
    }
    return operations;
  }

  /** The engine may have changed since it was to leave; what is wanted of its prefix is decided with that. */
  #mayLeave(tableId: number, { prefix, metric, target }: OwnRoute): boolean {
    const { engine, mirror } = this.options;
    const table = engine.tables.get(tableId);
    if (table === undefined) return engine.maySweep;
    if (isLeftAlone(table, mirror) || !engine.mayDelete(prefix)) return false;
    const wanted = table.wanted(prefix);
    return target.type === 'throw'
      ? !wanted.some((route) => route.metric === metric)
      : wanted.length === 0;
  }

  #takeLot(): readonly Operation[] {
    this.touchesNexthops ||= this.#groups.pending + this.#groups.dead.size > 0;
    return [...this.#groups.take(), ...this.#fixedRoutes.splice(0), ...this.#routes.splice(0)];
  }

  /** What does not go prefix by prefix; returns the prefixes to be looked at, those with fixed routes apart. */
  #begin({ table, changes }: TableWork): { fixed: PrefixBacklog; rest: Iterable<Prefix> } {
    const { engine, groups, mirror } = this.options;
    const objectsSupported = this.options.objectsSupported();
    const { id } = table.config;
    // A set that moved is one group, unless its routes had to be written inline, or wait for the group.
    const scattered =
      table.useObjects &&
      [...changes.sets].some((set) => !objectsSupported || this.#groups.isAwaited(id, set));
    for (const set of changes.sets) this.#groups.follow(id, set);
    // A group of a life before may come to be taken over, with all that stands on it.
    const orphaned = changes.sweeps && table.useObjects && groups.unclaimed(mirror).size > 0;
    const everything = changes.everything || scattered || orphaned;
    if (everything) for (const set of table.nextHops.values()) this.#groups.follow(id, set);
    const fixed = everything ? new PrefixBacklog(table.fixedPrefixes()) : changes.fixed;
    const prefixes = () => {
      if (everything) return allOf(table, engine, mirror);
      return changes.sweeps ? changedAndNotHeld(table, changes, mirror) : changed(changes);
    };
    // Once the stale routes of a life before are gone, so are its groups.
    if (table.useObjects && (everything || !engine.maySweep)) {
      adoptGroups(table, prefixes(), groups, mirror);
    }
    return { fixed, rest: without(fixed, prefixes()) };
  }

  #evictAll(table: Table): void {
    for (const route of this.options.mirror.foreignRoutes(table.config.id)) {
      this.#evict(route, this.#routes);
    }
  }

  #prefix(table: Table | undefined, tableId: number, prefix: Prefix): void {
    const { engine, mirror } = this.options;
    if (table !== undefined && (this.#plain(table, prefix) || this.#leaves(table, prefix))) return;
    const own = mirror.own(tableId, prefix);
    const wanted = table?.wanted(prefix) ?? [];
    let unmade: WantedRoute | undefined;
    for (const route of wanted) {
      if (table === undefined) continue;
      const current = own.find(({ metric }) => metric === route.metric);
      const foreign =
        current === undefined
          ? mirror.foreign(tableId, prefix).find(({ metric }) => metric === route.metric)
          : undefined;
      if (foreign !== undefined && table.config.foreign !== 'evict') {
        if (route.kind === 'learned') unmade = route;
        continue;
      }
      const target = this.#target(table, route);
      if (current?.target === target) continue;
      const { metric, kind } = route;
      const operations = kind === 'fixed' ? this.#fixedRoutes : this.#routes;
      if (foreign !== undefined) this.#evict(foreign, operations);
      const op = current === undefined ? 'route-add' : 'route-replace';
      const one = { table: tableId, prefix, metric, target };
      const pushed = !this.#groups.isUnmade(target) && this.#push(operations, { op, route: one });
      if (route.kind === 'learned' && current === undefined && !pushed) unmade = route;
    }
    if (table?.config.foreign === 'evict') {
      for (const route of mirror.foreign(tableId, prefix)) this.#evict(route, this.#routes);
    }
    for (const route of own) {
      if (wanted.some(({ metric }) => metric === route.metric)) continue;
      if (table !== undefined && unmade !== undefined && isPredecessor(route, own, table, wanted))
        this.#keep(table, route, unmade);
      else if (table === undefined || engine.mayDelete(prefix)) {
        this.#delete(tableId, route, wanted.length === 0 && own.length === 1);
      }
    }
  }

  /**
   * The common cases of a whole table, without a look at anything twice: a learned route that is
   * there, comes, or moves, where nothing else is, ours or of others. False for all else.
   */
  #plain(table: Table, prefix: Prefix): boolean {
    const set = table.learnedSet(prefix);
    if (set === undefined || table.isFixed(prefix)) return false;
    const { mirror } = this.options;
    const { id, metric } = table.config;
    if (mirror.foreign(id, prefix).length > 0) return false;
    const current = mirror.onlyTarget(id, prefix, metric);
    if (current === undefined && mirror.has(id, prefix)) return false;
    const target = this.#groups.targetOf(table, set);
    if (current === target || this.#groups.isUnmade(target)) return true;
    const op = current === undefined ? 'route-add' : 'route-replace';
    this.#push(this.#routes, { op, route: { table: id, prefix, metric, target } });
    return true;
  }

  /** The common case of a withdrawal: nothing is to be there, and all there is is one route of ours. */
  #leaves(table: Table, prefix: Prefix): boolean {
    if (table.isWanted(prefix)) return false;
    const { engine, mirror } = this.options;
    const { id, foreign } = table.config;
    if (foreign === 'evict' && mirror.hasForeign(id)) return false;
    const route = mirror.only(id, prefix);
    if (route === undefined) return false;
    if (engine.mayDelete(prefix)) this.#delete(id, route, true);
    return true;
  }

  /** Made before the old one breaks, under another metric: or the old one stays, and follows its next hops. */
  #keep(table: Table, { prefix, metric, target: current }: OwnRoute, unmade: WantedRoute): void {
    const target = this.#target(table, unmade);
    if (target === current || this.#groups.isUnmade(target)) return;
    const route = { table: table.config.id, prefix, metric, target };
    this.#push(this.#routes, { op: 'route-replace', route });
  }

  #target(table: Table, route: WantedRoute): RouteTarget {
    return route.kind === 'fixed'
      ? this.options.mirror.intern(route.target)
      : this.#groups.targetOf(table, route.set);
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

  /** `alone`: nothing else of its prefix stands, or is to stand. */
  #delete(table: number, route: OwnRoute, alone: boolean): void {
    const { target, prefix } = route;
    const { leaving } = this.options;
    if (target.type === 'nexthop' && this.#groups.dead.has(target.id)) return;
    const operation = () => ({ op: 'route-delete', route: routeOf(table, route) }) as const;
    if (this.options.anyWaits() && !this.options.mayTry(operation())) return;
    if (target.type === 'throw') leaving.addThrow(table, prefix);
    else if (alone) leaving.add(table, prefix, target.type === 'nexthop' ? target.id : undefined);
    else this.#routesGone.push(operation());
  }
}

/** All that a table may have, and what of the kernel's it may lose: next to nothing before the feed is complete. */
function* allOf(table: Table, engine: Engine, mirror: Mirror): Generator<Prefix> {
  yield* table.prefixes();
  if (FAMILIES.some((family) => engine.feed.sweepable(family))) {
    yield* mirror.notHeld(table.config.id, table);
    return;
  }
  for (const prefix of engine.withdrawn()) if (!table.mayHold(prefix)) yield prefix;
}

/** At the end of a feed: what changed last, and what the kernel has that the table does not hold; each once. */
function* changedAndNotHeld(
  table: Table,
  changes: TableChanges,
  mirror: Mirror,
): Generator<Prefix> {
  for (const prefix of changed(changes)) if (table.mayHold(prefix)) yield prefix;
  yield* mirror.notHeld(table.config.id, table);
}

/** Most often there are none to be left out: then nothing stands between the loop and its prefixes. */
function without(those: PrefixBacklog, prefixes: Iterable<Prefix>): Iterable<Prefix> {
  return those.size === 0 ? prefixes : leftOut(those, prefixes);
}

function* leftOut(those: PrefixBacklog, prefixes: Iterable<Prefix>): Generator<Prefix> {
  for (const prefix of prefixes) if (!those.has(prefix)) yield prefix;
}

function changed({ fixed, prefixes }: TableChanges): Iterable<Prefix> {
  return fixed.size === 0 ? prefixes : both(fixed, prefixes);
}

function* both(fixed: PrefixBacklog, prefixes: Iterable<Prefix>): Generator<Prefix> {
  yield* fixed;
  for (const prefix of prefixes) if (!fixed.has(prefix)) yield prefix;
}
