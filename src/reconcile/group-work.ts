/** What one pass does about nexthop groups: each follows its next-hop set, before the routes that stand on it. */
import type { NextHopSet } from '../desired/next-hop-set.js';
import type { RouteTarget } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { Operation } from '../kernel/kernel.js';
import type { DiffOptions } from './diff.js';
import { SingleAllocation } from './groups.js';

export class GroupWork {
  /** Groups that lost their last leg: they go, and the kernel takes their routes along. */
  readonly dead = new Set<number>();
  readonly #operations: Operation[] = [];
  readonly #singles: SingleAllocation;
  readonly #prepared = new Set<number>();
  /** Groups that wait, for their next try or for a leg: what is to stand on them waits too. */
  readonly #unmade = new Set<number>();
  /** Groups whose making was handed over: there once the mirror has them, unmade where it was refused. */
  readonly #taken = new Set<number>();
  readonly #targets = new Map<NextHopSet, RouteTarget>();

  constructor(private readonly options: Omit<DiffOptions, 'engine'>) {
    this.#singles = new SingleAllocation(options.mayTry, options.wasRefused);
  }

  /** Operations not yet taken. */
  get pending(): number {
    return this.#operations.length;
  }

  take(): readonly Operation[] {
    for (const operation of this.#operations) {
      if (operation.op === 'nexthop-add' && operation.nexthop.type === 'group')
        this.#taken.add(operation.nexthop.id);
    }
    return this.#operations.splice(0);
  }

  /** One changed next-hop set: its group follows, whatever number of routes stands on it. */
  follow(table: number, set: NextHopSet): void {
    // One that nothing refers to any more may have a successor of the same key.
    if (set.references === 0) return;
    const id = this.options.groups.claimOf(table, set);
    if (id === undefined || !this.options.mirror.groups().has(id)) return;
    if (set.legs.length === 0) this.dead.add(id);
    else this.#prepare(id, set);
  }

  /** Its group is not there, so its routes are not. */
  isAwaited(table: number, set: NextHopSet): boolean {
    if (set.references === 0 || set.legs.length === 0) return false;
    const id = this.options.groups.claimOf(table, set);
    return id !== undefined && !this.options.mirror.groups().has(id);
  }

  /** What the routes of a set are to stand on; its group is made or changed before them. */
  targetOf(table: Table, set: NextHopSet): RouteTarget {
    const { mirror, groups, objectsSupported } = this.options;
    if (!table.useObjects || !objectsSupported()) return mirror.intern(set.target);
    const known = this.#targets.get(set);
    if (known !== undefined) return known;
    const id = groups.idOf(table.config.id, set, mirror);
    this.#prepare(id, set);
    const target = mirror.intern({ type: 'nexthop', id });
    this.#targets.set(set, target);
    return target;
  }

  isUnmade(target: RouteTarget): boolean {
    if (target.type !== 'nexthop') return false;
    const { id } = target;
    return this.#unmade.has(id) || (this.#taken.has(id) && !this.options.mirror.groups().has(id));
  }

  #prepare(id: number, set: NextHopSet): void {
    if (this.#prepared.has(id)) return;
    this.#prepared.add(id);
    const { groups, mirror, mayTry } = this.options;
    let there = mirror.groups().has(id);
    for (const operation of groups.operationsFor(id, set.legs, mirror, this.#singles)) {
      if (!mayTry(operation)) continue;
      this.#operations.push(operation);
      if ('nexthop' in operation && operation.nexthop.id === id) there = true;
    }
    if (!there) this.#unmade.add(id);
  }
}
