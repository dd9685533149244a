import type { KernelRoute } from '../kernel/kernel.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixMap } from '../net/prefix-map.js';

/** What names one: others may have several of a prefix and metric. */
export type ForeignKey = Pick<KernelRoute, 'table' | 'prefix' | 'metric' | 'protocol'>;

/** Routes of others in configured tables. */
export class ForeignRoutes {
  readonly #tables = new Map<number, PrefixMap<readonly KernelRoute[]>>();

  at(table: number, prefix: Prefix): readonly KernelRoute[] {
    return this.#tables.get(table)?.get(prefix) ?? NONE;
  }

  hasAny(table: number): boolean {
    return (this.#tables.get(table)?.size ?? 0) > 0;
  }

  *of(table: number): Generator<KernelRoute> {
    for (const routes of this.#tables.get(table)?.values() ?? []) yield* routes;
  }

  set(route: KernelRoute): void {
    this.remove(route);
    let routes = this.#tables.get(route.table);
    if (routes === undefined) {
      routes = new PrefixMap();
      this.#tables.set(route.table, routes);
    }
    routes.set(route.prefix, [...(routes.get(route.prefix) ?? NONE), route]);
  }

  remove({ table, prefix, metric, protocol }: ForeignKey): void {
    const routes = this.#tables.get(table);
    const rest = (routes?.get(prefix) ?? NONE).filter(
      (other) => other.metric !== metric || other.protocol !== protocol,
    );
    if (rest.length === 0) routes?.delete(prefix);
    else routes?.set(prefix, rest);
  }

  clearOf(family: Family): void {
    for (const routes of this.#tables.values()) routes.clearOf(family);
  }
}

const NONE: readonly KernelRoute[] = [];
