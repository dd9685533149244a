/** What the kernel refused, with its reason, and when each is tried again. */
import { type Route, type RouteTarget, ruleKey } from '../desired/route.js';
import type { Operation } from '../kernel/kernel.js';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

export interface Refusal {
  readonly operation: Operation;
  readonly errno: string;
  readonly message: string;
  readonly attempts: number;
  /** On the clock of the caller's `now`. */
  readonly retryAt: number;
}

export class Retries {
  readonly #refusals = new Map<string, Refusal>();

  /** Doubles the wait with each attempt, from one second to one minute. */
  refused(operation: Operation, errno: string, message: string, now: number): Refusal {
    const key = objectKey(operation);
    const attempts = (this.#refusals.get(key)?.attempts ?? 0) + 1;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LAST_RETRY_MS);
    const refusal = { operation, errno, message, attempts, retryAt: now + wait };
    this.#refusals.set(key, refusal);
    return refusal;
  }

  done(operation: Operation): void {
    if (this.#refusals.size > 0) this.#refusals.delete(objectKey(operation));
  }

  /** False while the same route to the same target waits; another target may be tried at once. */
  mayTry(route: Route, now: number): boolean {
    if (this.#refusals.size === 0) return true;
    const refusal = this.find(route.table, route.metric, route.prefix.key);
    return (
      refusal === undefined ||
      now >= refusal.retryAt ||
      targetOf(refusal.operation) !== route.target
    );
  }

  /** The refusal of a route, by its prefix's key. */
  find(table: number, metric: number, key: string): Refusal | undefined {
    return this.#refusals.get(routeKey(table, metric, key));
  }

  /** Those whose time has come; they stay refused until they are done. */
  due(now: number): Refusal[] {
    return [...this.#refusals.values()].filter((refusal) => now >= refusal.retryAt);
  }

  /** Forgets those of `due` that were not tried: nobody wants them any more. */
  dropUntried(due: readonly Refusal[]): void {
    for (const refusal of due) {
      const key = objectKey(refusal.operation);
      if (this.#refusals.get(key) === refusal) this.#refusals.delete(key);
    }
  }

  get next(): number | undefined {
    let next: number | undefined;
    for (const { retryAt } of this.#refusals.values()) {
      if (next === undefined || retryAt < next) next = retryAt;
    }
    return next;
  }

  values(): Iterable<Refusal> {
    return this.#refusals.values();
  }

  get size(): number {
    return this.#refusals.size;
  }
}

function routeKey(table: number, metric: number, key: string): string {
  return `route ${table} ${metric} ${key}`;
}

function keyOfRoute({ table, metric, prefix }: Route): string {
  return routeKey(table, metric, prefix.key);
}

function targetOf(operation: Operation): RouteTarget | undefined {
  return 'route' in operation ? operation.route.target : undefined;
}

function objectKey(operation: Operation): string {
  switch (operation.op) {
    case 'route-add':
    case 'route-replace':
    case 'route-delete':
      return keyOfRoute(operation.route);
    case 'foreign-route-delete':
      return `foreign ${keyOfRoute(operation.route)} ${operation.route.protocol}`;
    case 'rule-add':
    case 'rule-delete':
      return `rule ${ruleKey(operation.rule)}`;
    case 'nexthop-add':
    case 'nexthop-replace':
      return `nexthop ${operation.nexthop.id}`;
    case 'nexthop-delete':
      return `nexthop ${operation.id}`;
  }
}
