/**
 * The one loop that keeps the kernel equal to what is desired. Events, timers,
 * retries and kernel notices only wake it; it never overlaps itself, waits for
 * no timer while there is something to do, and reads the kernel rather than
 * remember it: at start, after an overrun or a link change, and periodically.
 */
import type { Clock } from '../clock.js';
import type { Engine } from '../desired/engine.js';
import type { Kernel, KernelError, Operation } from '../kernel/kernel.js';
import type { Log } from '../log-port.js';
import { aheadIn, isUrgent } from './ahead.js';
import { Alarm } from './alarm.js';
import type { ChangeGate } from './change-gate.js';
import { Contests } from './contests.js';
import type { MisplacedRule } from './diff-rules.js';
import { Executor } from './executor.js';
import { type Difference, differenceOf } from './foresight.js';
import { NexthopGroups } from './groups.js';
import { KernelView } from './kernel-view.js';
import type { Mirror } from './mirror.js';
import { PACE, type Pace } from './pace.js';
import { Passes } from './pass.js';
import type { Unread } from './reading.js';
import { removeAll } from './removal.js';
import { Retries } from './retries.js';

/** Counters the loop feeds; the daemon's metrics are one. */
export interface ReconcileMetrics {
  countOperations(op: string, count: number): void;
  countKernelError(op: string, errno: string): void;
  countDrift(kind: 'route' | 'rule' | 'nexthop', count: number): void;
  /** Notices of the kernel were lost. */
  countOverrun(): void;
  observeReconcile(milliseconds: number): void;
}

export interface ReconcilerOptions {
  readonly kernel: Kernel;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: ReconcileMetrics;
  /** Called at the end of every pass. */
  readonly onPass?: () => void;
  /** Told as operations are done, for a progress bar. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly pace?: Pace;
  readonly gate?: ChangeGate;
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #alarm: Alarm;
  readonly #view: KernelView;
  readonly #groups = new NexthopGroups();
  readonly #retries = new Retries();
  readonly #contests = new Contests();
  readonly #executor: Executor;
  readonly #passes: Passes;
  /** There is something to be written, and the gate is not open. */
  #waits = false;
  /** What the loop waits for, or waited for last. */
  #opening: Promise<void> | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
    const { kernel, engine, clock, log, metrics, pace = PACE } = options;
    const onDrift = metrics.countDrift.bind(metrics);
    const onOverrun = metrics.countOverrun.bind(metrics);
    const onUnread = ({ op, errno }: KernelError) => metrics.countKernelError(op, errno);
    this.#view = new KernelView({
      ...{ kernel, engine, clock, log, onDrift, onOverrun, onUnread },
      contests: this.#contests,
    });
    this.#executor = new Executor({
      ...{ kernel, clock, log, metrics, groups: this.#groups, retries: this.#retries, pace },
      mirror: () => this.mirror,
      onMirrorWrong: () => this.#view.requestAudit(),
      onLegs: () => this.#passes.legsChanged(),
      onProgress: options.onProgress,
      gate: options.gate,
    });
    this.#passes = new Passes({
      ...{ engine, clock, pace, view: this.#view, executor: this.#executor },
      ...{ groups: this.#groups, retries: this.#retries, contests: this.#contests },
      onMore: () => this.wake(),
    });
  }

  get mirror(): Mirror {
    return this.#view.mirror;
  }

  get groups(): NexthopGroups {
    return this.#groups;
  }

  get retries(): Retries {
    return this.#retries;
  }

  /** What others undo again and again. */
  get contests(): Contests {
    return this.#contests;
  }

  /** While the kernel does not let itself be read. */
  get unread(): Unread | undefined {
    return this.#view.unread;
  }

  /** Rules kept out because they would stand ahead of the look-up of the `local` table. */
  get misplaced(): readonly MisplacedRule[] {
    return this.#passes.misplaced;
  }

  /** On the monotonic clock. */
  get lastAudit(): number | undefined {
    return this.#view.auditedAt;
  }

  /** When an operation was last done, on the monotonic clock. */
  get lastChange(): number | undefined {
    return this.#executor.lastChange;
  }

  /** Operations decided and not yet answered, and prefixes whose routes are still to go. */
  get pending(): number {
    return this.#executor.pending + this.#passes.leaving;
  }

  /** The kernel has all that is desired now, or a reason is known for each that it has not. */
  get settled(): boolean {
    return this.#passes.done && this.pending === 0 && !this.#view.behind;
  }

  wake(): void {
    this.#alarm.ring();
  }

  /** Asks for an audit with the next pass. */
  audit(): void {
    this.#view.requestAudit();
    this.wake();
  }

  /**
   * Runs until `signal` aborts; {@link prepare} or {@link begin} with the same signal comes first.
   * Rejects when the kernel's socket fails.
   */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#view.listen(() => this.wake()), this.#loop(signal)]);
  }

  /**
   * Reads all there is and takes over what is ours, without writing. With a
   * `signal` it subscribes to the kernel's notices first, so that nothing is missed.
   */
  async prepare(signal?: AbortSignal): Promise<void> {
    if (signal !== undefined) this.#view.subscribe(signal);
    await this.#view.refresh();
  }

  /**
   * In the place of {@link prepare}, where the source is to be heard while the kernel is read, which
   * {@link run} does before its first pass: subscribes, and reads what next hops are resolved over.
   * @throws KernelError
   */
  async begin(signal: AbortSignal): Promise<void> {
    this.#view.subscribe(signal);
    await this.#view.readUnderlayFirst();
  }

  /** What a pass would do now. Changes neither the kernel nor what is to be drained. */
  difference(engine: Engine = this.#options.engine): Difference {
    const { mirror, groups } = this;
    const { objectsSupported } = this.#executor;
    return differenceOf({ engine, mirror, groups, objectsSupported });
  }

  /** One full pass; what was refused stays in {@link retries}. */
  async once(): Promise<void> {
    const { clock, engine } = this.#options;
    await this.#opened(() => this.difference().operations);
    const started = clock.monotonic();
    engine.tick(started);
    await this.#view.refresh();
    await this.#pass(started, true);
  }

  /** Removes every rule, route and nexthop object of ours, in that order. */
  async flush(): Promise<void> {
    const operations = removeAll(this.mirror);
    await this.#opened(() => operations);
    await this.#executor.execute(operations);
    this.#executor.tellRefused();
    this.#options.gate?.passed();
  }

  /** Resolves when these may be written. */
  async #opened(operations: () => readonly Operation[]): Promise<void> {
    const { gate } = this.#options;
    if (gate?.isWatched !== true) return;
    const ahead = aheadIn(operations());
    for (let opening = ahead && gate.open(ahead); opening !== undefined; ) {
      await opening;
      opening = ahead && gate.open(ahead);
    }
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock, engine } = this.#options;
    while (!signal.aborted) {
      const started = clock.monotonic();
      engine.tick(started);
      const isRead = await this.#view.tryRefresh();
      if (isRead && this.#mayPass() && !signal.aborted) await this.#pass(started, false, signal);
      this.#options.onPass?.();
      await this.#alarm.wait(this.#sleepMs(), signal);
    }
  }

  /** The kernel and the source are followed meanwhile, so that a pass is decided when it may write. */
  #mayPass(): boolean {
    const { engine, gate } = this.#options;
    this.#waits = false;
    if (gate?.isWatched !== true || isUrgent({ engine, view: this.#view })) return true;
    const ahead = this.#passes.ahead;
    const opening = ahead === undefined ? undefined : gate.open(ahead);
    if (opening === undefined) return true;
    this.#waits = true;
    if (opening !== this.#opening) void opening.then(() => this.wake());
    this.#opening = opening;
    return false;
  }

  #sleepMs(): number {
    const { clock, engine } = this.#options;
    // Nothing else can be done before.
    if (this.#view.unread !== undefined)
      return Math.max(0, this.#view.deadline - clock.monotonic());
    if (this.#passes.isDue && !this.#waits) return 0;
    const deadlines = [
      this.#view.deadline,
      ...(this.#waits ? [] : [this.#retries.next, this.#contests.next]),
      engine.feed.deadline,
    ];
    const next = Math.min(...deadlines.map((deadline) => deadline ?? Number.POSITIVE_INFINITY));
    return Math.max(0, next - clock.monotonic());
  }

  /** @param started when the reading before it began, on the monotonic clock. */
  async #pass(started: number, everything: boolean, signal?: AbortSignal): Promise<void> {
    const { clock, gate, metrics } = this.#options;
    const { done, refused } = await this.#passes.run(everything, signal);
    gate?.passed();
    if (done + refused > 0) metrics.observeReconcile(clock.monotonic() - started);
  }
}
