/**
 * Hands operations to the kernel in lots, and takes its answers into the mirror,
 * the retries and the counters.
 */
import type { Clock } from '../clock.js';
import type { ExecuteResult, Kernel, Operation } from '../kernel/kernel.js';
import type { Log } from '../log-port.js';
import type { ChangeGate } from './change-gate.js';
import type { NexthopGroups } from './groups.js';
import type { Mirror } from './mirror.js';
import { type Outcome, takeOutcome } from './outcome.js';
import type { Pace } from './pace.js';
import { type Retries, standsOn } from './retries.js';

export interface ExecutorOptions {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: {
    countOperations(op: string, count: number): void;
    countKernelError(op: string, errno: string): void;
  };
  /** An audit puts another in its place. */
  readonly mirror: () => Mirror;
  readonly groups: NexthopGroups;
  readonly retries: Retries;
  readonly pace: Pace;
  /** The mirror turned out wrong, or answers were lost. */
  readonly onMirrorWrong: () => void;
  /** A nexthop object was refused, or was made after it had been. */
  readonly onLegs: () => void;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
  readonly gate: ChangeGate | undefined;
}

/** What became of operations, in numbers; `lost`: an answer did not come, and the rest was not sent. */
export interface Executed {
  done: number;
  refused: number;
  lost: boolean;
}

export class Executor {
  /** Nexthop objects work here: no kernel before 5.3 has them. */
  objectsSupported = true;
  #pending = 0;
  #lastChange: number | undefined;
  /** Not yet told, and the first of them. */
  #refused = 0;
  #firstRefused: Outcome['refused'][number] | undefined;

  constructor(private readonly options: ExecutorOptions) {}

  /** Operations not yet answered. */
  get pending(): number {
    return this.#pending;
  }

  /** When operations were last carried out, on the monotonic clock. */
  get lastChange(): number | undefined {
    return this.#lastChange;
  }

  /** Stops at a lost answer: what follows may stand on what was not done. */
  async execute(operations: readonly Operation[]): Promise<Executed> {
    const { kernel, onProgress, clock, pace } = this.options;
    const executed = { done: 0, refused: 0, lost: false };
    if (operations.length === 0) return executed;
    this.#pending = operations.length;
    for (let start = 0; start < operations.length && !executed.lost; start += pace.lot) {
      const lot = operations.slice(start, start + pace.lot);
      const result = await kernel.execute(lot);
      this.#account(lot, result);
      executed.done += result.unknownFrom - result.failures.length;
      executed.refused += result.failures.length;
      executed.lost = result.unknownFrom < lot.length;
      this.#pending -= lot.length;
      onProgress?.(start + lot.length, operations.length);
    }
    this.#pending = 0;
    this.#lastChange = clock.monotonic();
    return executed;
  }

  #account(lot: readonly Operation[], result: ExecuteResult): void {
    const { clock, gate, metrics, mirror, retries, onMirrorWrong, onLegs } = this.options;
    const onGroups = gate?.isWatched === true ? routesOnGroups(lot, mirror()) : undefined;
    const { done, refused, mirrorWrong } = takeOutcome(lot, result, mirror());
    if (onGroups !== undefined) {
      const takenAlong = done.reduce((sum, one) => sum + (onGroups.get(one) ?? 0), 0);
      gate?.wrote({ done, refused: refused.length, takenAlong });
    }
    if (
      refused.some(({ operation }) => isMade(operation)) ||
      done.some((one) => isMade(one) && retries.has(one))
    )
      onLegs();
    if (retries.size > 0) {
      for (const operation of done) retries.done(operation);
      this.#unblock(done);
    }
    for (const [op, count] of countByOp(done)) metrics.countOperations(op, count);
    for (const { operation, failure } of refused) {
      metrics.countKernelError(operation.op, failure.errno);
      retries.refused(operation, failure.errno, failure.message, clock.monotonic());
      if (operation.op === 'nexthop-add') this.#nexthopRefused(operation.nexthop.id, failure.errno);
    }
    this.#refused += refused.length;
    this.#firstRefused ??= refused[0];
    if (mirrorWrong) onMirrorWrong();
  }

  /** One line for all that was refused since the last. */
  tellRefused(): void {
    if (this.#firstRefused === undefined) return;
    const { op } = this.#firstRefused.operation;
    const { errno, message } = this.#firstRefused.failure;
    this.options.log.warn(
      { refused: this.#refused, first: { op, errno, message } },
      'the kernel refused operations; retrying',
    );
    this.#refused = 0;
    this.#firstRefused = undefined;
  }

  /** What was refused for want of a nexthop object that now is there. */
  #unblock(done: readonly Operation[]): void {
    const { clock, retries } = this.options;
    for (const operation of done) {
      if (operation.op !== 'nexthop-add') continue;
      const { id } = operation.nexthop;
      retries.hasten((refused) => standsOn(refused, id), clock.monotonic());
    }
  }

  #nexthopRefused(id: number, errno: string): void {
    const { groups, log } = this.options;
    if (errno === 'EEXIST') groups.forget(id);
    if (errno !== 'EOPNOTSUPP') return;
    this.objectsSupported = false;
    log.warn({}, 'this kernel has no nexthop objects (5.3 and later); routes are inline');
  }
}

/** A nexthop object, single or group. */
function isMade({ op }: Operation): boolean {
  return op === 'nexthop-add' || op === 'nexthop-replace';
}

/** Of the groups that are to go: how many routes they take along. */
function routesOnGroups(lot: readonly Operation[], mirror: Mirror): ReadonlyMap<Operation, number> {
  const counts = new Map<Operation, number>();
  for (const operation of lot) {
    if (operation.op === 'nexthop-delete')
      counts.set(operation, mirror.routesOnGroup(operation.id));
  }
  return counts;
}

function countByOp(operations: readonly Operation[]): Map<Operation['op'], number> {
  const counts = new Map<Operation['op'], number>();
  // Neighbours are mostly alike.
  for (let at = 0; at < operations.length; ) {
    const begun = at;
    const op = (operations[begun] as Operation).op;
    while (at < operations.length && operations[at]?.op === op) at++;
    counts.set(op, (counts.get(op) ?? 0) + at - begun);
  }
  return counts;
}
