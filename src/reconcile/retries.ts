/** What the kernel refused, with its reason, and when each is tried again. */
import { targetKey } from '../desired/route.js';
import type { KernelRoute, Operation } from '../kernel/kernel.js';
import { objectKey, objectOf, routeKey } from './kernel-object.js';

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

/** What the kernel says where an interface, a gateway or a nexthop object is not there now. */
const WANT_OF_A_WAY = new Set(['EHOSTUNREACH', 'EINVAL', 'ENETDOWN', 'ENETUNREACH', 'ENODEV']);

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
  /** None of them is due before. */
  #next = Number.POSITIVE_INFINITY;

  /** Doubles the wait with each attempt, from one second to one minute. */
  refused(operation: Operation, errno: string, message: string, now: number): Refusal {
    const key = keyOf(operation);
    const attempts = (this.#refusals.get(key)?.attempts ?? 0) + 1;
    const wait = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LAST_RETRY_MS);
    const refusal = { operation, errno, message, attempts, retryAt: now + wait };
    this.#refusals.set(key, refusal);
    this.#next = Math.min(this.#next, refusal.retryAt);
    return refusal;
  }

  done(operation: Operation): void {
    if (this.#refusals.size > 0) this.#refusals.delete(keyOf(operation));
  }

  /** False while the same wish waits; another for the same object, a new target say, may be tried at once. */
  mayTry(operation: Operation, now: number): boolean {
    if (this.#refusals.size === 0) return true;
    const refusal = this.#refusals.get(keyOf(operation));
    return (
      refusal === undefined || now >= refusal.retryAt || wish(refusal.operation) !== wish(operation)
    );
  }

  /** The refusal of a route, by its prefix's key. */
  find(table: number, metric: number, key: string): Refusal | undefined {
    return this.#refusals.get(routeKey(table, metric, key));
  }

  /** The refusal to remove a route of somebody else. */
  findEviction(route: KernelRoute): Refusal | undefined {
    return this.#refusals.get(evictionKey(route));
  }

  /** Number of the routes of a table that the kernel refused to take. */
  missingRoutes(table: number): number {
    let missing = 0;
    for (const { operation } of this.#refusals.values()) {
      if (operation.op === 'route-add' && operation.route.table === table) missing++;
    }
    return missing;
  }

  /** Those whose time has come; they stay refused until they are done. */
  due(now: number): Refusal[] {
    const due: Refusal[] = [];
    if (now < this.#next) return due;
    this.#next = Number.POSITIVE_INFINITY;
    for (const refusal of this.#refusals.values()) {
      if (now >= refusal.retryAt) due.push(refusal);
      else this.#next = Math.min(this.#next, refusal.retryAt);
    }
    return due;
  }

  /** Has what was refused for want of a way tried again from `now` on; the waits after that stay as they were. */
  hasten(now: number): void {
    if (this.#refusals.size === 0) return;
    for (const [key, refusal] of this.#refusals) {
      if (!WANT_OF_A_WAY.has(refusal.errno)) continue;
      this.#refusals.set(key, { ...refusal, retryAt: Math.min(refusal.retryAt, now) });
      this.#next = Math.min(this.#next, now);
    }
  }

  /** Forgets those of `due` that were not tried: nobody wants them any more. */
  dropUntried(due: readonly Refusal[]): void {
    for (const refusal of due) {
      const key = keyOf(refusal.operation);
      if (this.#refusals.get(key) === refusal) this.#refusals.delete(key);
    }
  }

  /** None is due before; Infinity when nothing waits. */
  get next(): number {
    return this.#refusals.size === 0 ? Number.POSITIVE_INFINITY : this.#next;
  }

  values(): Iterable<Refusal> {
    return this.#refusals.values();
  }

  get size(): number {
    return this.#refusals.size;
  }
}

/** Targets by their text: an audit reads all of them anew. */
function wish(operation: Operation): string {
  return 'route' in operation
    ? `${operation.op} ${targetKey(operation.route.target)}`
    : operation.op;
}

/** Routes of others apart from ours. */
function keyOf(operation: Operation): string {
  return operation.op === 'foreign-route-delete'
    ? evictionKey(operation.route)
    : objectKey(objectOf(operation));
}

function evictionKey({ table, metric, prefix, protocol }: KernelRoute): string {
  return `foreign ${routeKey(table, metric, prefix.key)} ${protocol}`;
}
