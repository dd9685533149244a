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
import { type Again, markAgain } from './again.js';
import { Alarm } from './alarm.js';
import { Contests } from './contests.js';
import { Diff, type Difference, type MisplacedRule } from './diff.js';
import { type Executed, Executor } from './executor.js';
import { nexthopsAfter } from './foresight.js';
import { groupsInUse, NexthopGroups } from './groups.js';
import { objectOf } from './kernel-object.js';
import { KernelView } from './kernel-view.js';
import type { Mirror } from './mirror.js';
import { isOwed } from './owed.js';
import type { Unread } from './reading.js';
import { leadsOutOf, Retries } from './retries.js';

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
}

export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #alarm: Alarm;
  readonly #view: KernelView;
  readonly #groups = new NexthopGroups();
  readonly #retries = new Retries();
  readonly #contests = new Contests();
  readonly #executor: Executor;
  #misplaced: readonly MisplacedRule[] = [];
  /** Deletions waited for what takes their place. */
  #held = false;
  /** Of the groups' legs other objects are there than were thought when they were decided. */
  #legsChanged = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
    const { kernel, engine, clock, log, metrics } = options;
    const onDrift = metrics.countDrift.bind(metrics);
    const onOverrun = metrics.countOverrun.bind(metrics);
    const onUnread = ({ op, errno }: KernelError) => metrics.countKernelError(op, errno);
    this.#view = new KernelView({
      ...{ kernel, engine, clock, log, onDrift, onOverrun, onUnread },
      contests: this.#contests,
    });
    this.#executor = new Executor({
      ...{ kernel, clock, log, metrics, groups: this.#groups, retries: this.#retries },
      mirror: () => this.mirror,
      onMirrorWrong: () => this.#view.requestAudit(),
      onLegs: () => {
        this.#legsChanged = true;
      },
      onProgress: options.onProgress,
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
    return this.#misplaced;
  }

  /** On the monotonic clock. */
  get lastAudit(): number | undefined {
    return this.#view.auditedAt;
  }

  /** When an operation was last done, on the monotonic clock. */
  get lastChange(): number | undefined {
    return this.#executor.lastChange;
  }

  /** Operations decided and not yet answered. */
  get pending(): number {
    return this.#executor.pending;
  }

  /** The kernel has all that is desired now, or a reason is known for each that it has not. */
  get settled(): boolean {
    return this.pending === 0 && !this.#view.behind && !this.#hasChanges();
  }

  wake(): void {
    this.#alarm.ring();
  }

  /** Asks for an audit with the next pass. */
  audit(): void {
    this.#view.requestAudit();
    this.wake();
  }

  /** Runs until `signal` aborts; {@link prepare} with the same signal comes first. Rejects when the kernel's socket fails. */
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

  /** What a pass would do now. Changes neither the kernel nor what is to be drained. */
  difference(
    engine: Engine = this.#options.engine,
  ): Pick<Difference, 'misplaced'> & { readonly operations: readonly Operation[] } {
    const groups = this.#groups.clone();
    const diff = this.#diff(engine, groups, true);
    for (const table of engine.tables.values()) diff.table(table, WHOLE_TABLE);
    diff.abandonedTables();
    diff.rules();
    const { makes, breaks, misplaced } = diff.finish();
    const operations = [...makes, ...breaks];
    const unused = groups.unused(
      nexthopsAfter(operations, this.mirror),
      groupsInUse(engine, groups),
    );
    return { operations: [...operations, ...unused], misplaced };
  }

  /** One full pass; what was refused stays in {@link retries}. */
  async once(): Promise<void> {
    const { clock, engine } = this.#options;
    const started = clock.monotonic();
    engine.tick(started);
    await this.#view.refresh();
    await this.#pass(started, true);
  }

  /** Removes every rule, route and nexthop object of ours, in that order. */
  async flush(): Promise<void> {
    const { mirror } = this;
    const operations: Operation[] = [];
    for (const rule of mirror.ownRules().values()) operations.push({ op: 'rule-delete', rule });
    for (const table of mirror.tables()) {
      const routes = [...mirror.ownRoutes(table)].reverse();
      for (const route of routes)
        operations.push({ op: 'route-delete', route: { table, ...route } });
    }
    for (const id of mirror.groups().keys()) operations.push({ op: 'nexthop-delete', id });
    for (const id of mirror.singleObjects().keys()) operations.push({ op: 'nexthop-delete', id });
    await this.#executor.execute(operations);
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock, engine } = this.#options;
    while (!signal.aborted) {
      const started = clock.monotonic();
      engine.tick(started);
      if (await this.#view.tryRefresh()) await this.#pass(started, false);
      this.#options.onPass?.();
      await this.#alarm.wait(this.#sleepMs(), signal);
    }
  }

  #sleepMs(): number {
    const { clock, engine } = this.#options;
    // Nothing else can be done before.
    if (this.#view.unread !== undefined)
      return Math.max(0, this.#view.deadline - clock.monotonic());
    const deadlines = [
      this.#view.deadline,
      this.#retries.next,
      this.#contests.next,
      engine.feed.deadline,
    ];
    const next = Math.min(...deadlines.map((deadline) => deadline ?? Number.POSITIVE_INFINITY));
    return Math.max(0, next - clock.monotonic());
  }

  /** @param started when the reading before it began, on the monotonic clock. */
  async #pass(started: number, everything: boolean): Promise<void> {
    const { clock, engine, metrics } = this.#options;
    const now = clock.monotonic();
    const moved = this.#view.takeMoved();
    if (moved.size > 0) this.#retries.hasten((refused) => leadsOutOf(refused, moved), now);
    const due = this.#retries.due(now);
    const { free, ended } = this.#contests.due(now);
    for (const contest of ended) this.#view.contestEnded(contest);
    const again = markAgain([...due.map(({ operation }) => objectOf(operation)), ...free], engine);
    if (this.#view.takeRulesDue() || this.#held) again.rules = true;
    again.abandoned ||= this.#held;
    if (everything || again.rules || again.abandoned || this.#hasChanges()) {
      const { makes, breaks } = this.#decide(everything, again);
      const gone = await this.#break(breaks, await this.#executor.execute(makes));
      if (makes.length + gone.length > 0) metrics.observeReconcile(clock.monotonic() - started);
      if (this.#legsChanged) this.#regroup();
      else await this.#collectNexthops(makes, gone);
    }
    this.#retries.dropUntried(due);
  }

  /** With the next pass; an object that stands in no group until then is not of no use. */
  #regroup(): void {
    this.#legsChanged = false;
    this.mirror.mayHaveUnused = true;
    for (const table of this.#options.engine.tables.values()) if (table.useObjects) table.touch();
    this.wake();
  }

  /** Deletions wait for what takes their place; those that do are decided again with the next pass. */
  async #break(breaks: readonly Operation[], outcome: Executed): Promise<readonly Operation[]> {
    const { engine } = this.#options;
    const mostRefused = outcome.refused > outcome.done;
    // One after the other kind: a table that is given up loses its rules before its routes.
    const gone: Operation[] = [];
    this.#held = outcome.lost;
    for (const op of ['rule-delete', 'other'] as const) {
      if (outcome.lost) break;
      const kind = breaks.filter((one) => (one.op === 'rule-delete') === (op === 'rule-delete'));
      const owed = kind.filter((one) => isOwed(one, { engine, mirror: this.mirror, mostRefused }));
      this.#held ||= owed.length < kind.length;
      if (owed.length > 0) await this.#executor.execute(owed);
      gone.push(...owed);
    }
    return gone;
  }

  #decide(everything: boolean, again: Again): Difference {
    const { engine } = this.#options;
    const diff = this.#diff(engine, this.#groups, false);
    let whole = everything;
    let { rules } = again;
    for (const table of engine.tables.values()) {
      const drained = table.drain();
      const changes = everything ? WHOLE_TABLE : drained;
      whole ||= changes.everything;
      rules ||= changes.rules;
      diff.table(table, changes);
    }
    if (whole || again.abandoned) diff.abandonedTables();
    if (!rules && !whole) return diff.finish();
    diff.rules();
    const difference = diff.finish();
    this.#misplaced = difference.misplaced;
    return difference;
  }

  /** Nexthop objects that nothing stands on any more. */
  async #collectNexthops(...done: (readonly Operation[])[]): Promise<void> {
    const { mirror } = this;
    const touched = done.some((operations) =>
      operations.some(({ op }) => op.startsWith('nexthop')),
    );
    if (!touched && !mirror.mayHaveUnused) return;
    mirror.mayHaveUnused = false;
    const inUse = groupsInUse(this.#options.engine, this.#groups);
    const unused = this.#groups.unused(mirror, inUse);
    if (unused.length > 0) await this.#executor.execute(unused);
  }

  #diff(engine: Engine, groups: NexthopGroups, always: boolean): Diff {
    const now = this.#options.clock.monotonic();
    return new Diff({
      engine,
      mirror: this.mirror,
      groups,
      mayTry: (operation) =>
        always || (this.#retries.mayTry(operation, now) && this.#contests.mayTry(operation)),
      wasRefused: (operation) => !always && this.#retries.has(operation),
      objectsSupported: this.#executor.objectsSupported,
    });
  }

  #hasChanges(): boolean {
    for (const table of this.#options.engine.tables.values()) if (table.hasChanges) return true;
    return false;
  }
}

const WHOLE_TABLE = {
  everything: true,
  prefixes: [],
  sets: new Set<never>(),
  rules: true,
} as const;
