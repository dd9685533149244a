/** What the kernel refused, with its reason, and when each is tried again. */
import { legKey, type NexthopObject, targetKey } from '../desired/route.js';
import type { KernelRoute, Operation } from '../kernel/kernel.js';
import { objectKey, objectOf, routeKey } from './kernel-object.js';

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

  /** It waits, or is due, after a refusal. */
  has(operation: Operation): boolean {
    return this.#refusals.size > 0 && this.#refusals.has(keyOf(operation));
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

  /** What may have stood in the way is gone: those that `test` picks are due now. Attempts count on. */
  hasten(test: (operation: Operation) => boolean, now: number): void {
    for (const [key, refusal] of this.#refusals) {
      if (refusal.retryAt <= now || !test(refusal.operation)) continue;
      this.#refusals.set(key, { ...refusal, retryAt: now });
      this.#next = Math.min(this.#next, now);
    }
  }

  /** Forgets those of `due` that were not tried: nobody wants them any more. */
  dropUntried(due: Iterable<Refusal>): void {
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

/** A route's, or a nexthop object's, way leads out of one of the interfaces. */
export function leadsOutOf(operation: Operation, interfaces: ReadonlySet<number>): boolean {
  if ('route' in operation) {
    const { target } = operation.route;
    return target.type === 'legs' && target.legs.some(({ oif }) => interfaces.has(oif));
  }
  if (!('nexthop' in operation)) return false;
  const { nexthop } = operation;
  return nexthop.type === 'single' && interfaces.has(nexthop.leg.oif);
}

/** A route on the nexthop object, or a group that it is a member of. */
export function standsOn(operation: Operation, id: number): boolean {
  if ('route' in operation) {
    const { target } = operation.route;
    return target.type === 'nexthop' && target.id === id;
  }
  if (!('nexthop' in operation)) return false;
  const { nexthop } = operation;
  return nexthop.type === 'group' && nexthop.members.some((member) => member.id === id);
}

/** Targets by their text: an audit reads all of them anew. */
function wish(operation: Operation): string {
  const { op } = operation;
  if ('route' in operation) return `${op} ${targetKey(operation.route.target)}`;
  return 'nexthop' in operation ? `${op} ${shapeOf(operation.nexthop)}` : op;
}

function shapeOf(nexthop: NexthopObject): string {
  if (nexthop.type === 'single') return `${nexthop.family} ${legKey(nexthop.leg)}`;
  return nexthop.members.map(({ id, weight }) => `${id} w${weight}`).join(',');
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
