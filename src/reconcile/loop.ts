/**
 * The one loop that keeps the kernel equal to what is desired. Events, timers,
 * retries and kernel notices only wake it; it never overlaps itself, waits for
 * no timer while there is something to do, and reads the kernel rather than
 * remember it: at start, after an overrun or a link change, and periodically.
 */
import type { Clock } from '../clock.js';
import type { Engine } from '../desired/engine.js';
import { PrefixBacklog } from '../desired/prefix-backlog.js';
import type { TableChanges } from '../desired/table-changes.js';
import type { Kernel, KernelError, Operation } from '../kernel/kernel.js';
import type { Log } from '../log-port.js';
import { type Again, markAgain } from './again.js';
import { Alarm } from './alarm.js';
import { Contests } from './contests.js';
import { Diff, type TableWork } from './diff.js';
import { diffRules, type MisplacedRule } from './diff-rules.js';
import { type Executed, Executor, LOT } from './executor.js';
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
  /** In the midst of a pass: what is left of it is not decided yet. */
  #deciding = false;
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
    return !this.#deciding && this.pending === 0 && !this.#view.behind && !this.#hasChanges();
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
  difference(engine: Engine = this.#options.engine): {
    readonly operations: readonly Operation[];
    readonly misplaced: readonly MisplacedRule[];
  } {
    const { mirror } = this;
    const groups = this.#groups.clone();
    const diff = this.#diff(engine, groups, true);
    const work = [...engine.tables.values()].map((table) => ({ table, changes: WHOLE_TABLE }));
    const rules = diffRules(engine, mirror, () => true);
    const makes = [...diff.makes(work, Number.POSITIVE_INFINITY)].flat();
    diff.abandonedTables();
    const breaks = [...diff.breaks(Number.POSITIVE_INFINITY)].flat();
    const operations = [...makes, ...rules.makes, ...rules.breaks, ...breaks];
    const unused = groups.unused(nexthopsAfter(operations, mirror), groupsInUse(engine, groups));
    return { operations: [...operations, ...unused], misplaced: rules.misplaced };
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
      this.#deciding = true;
      const { done, refused } = await this.#bringInStep(everything, again);
      this.#deciding = false;
      if (done + refused > 0) metrics.observeReconcile(clock.monotonic() - started);
      if (this.#legsChanged) this.#regroup();
      else await this.#collectNexthops();
    }
    this.#retries.dropUntried(due);
  }

  /**
   * First all that is made, then what goes. A lot is decided when the one before is done, while
   * the source goes on; with `everything` as few are made as can be.
   */
  async #bringInStep(everything: boolean, again: Again): Promise<Executed> {
    const { engine } = this.#options;
    const { tables } = engine;
    const diff = this.#diff(engine, this.#groups, false);
    const work = this.#takeWork(everything);
    const size = everything ? Number.POSITIVE_INFINITY : LOT;
    const outcome: Executed = { done: 0, refused: 0, lost: false };
    for (const lot of diff.makes(work, size)) {
      await this.#execute(lot, outcome);
      if (outcome.lost || engine.tables !== tables) break;
    }
    // A reload has put other tables in the place of these, which are to be decided as a whole.
    this.#held = outcome.lost || engine.tables !== tables;
    if (this.#held) return outcome;
    const whole = everything || work.some(({ changes }) => changes.everything);
    if (whole || again.abandoned) diff.abandonedTables();
    const rules = whole || again.rules || work.some(({ changes }) => changes.rules);
    const mostRefused = await this.#executeRules(rules, outcome);
    for (const lot of diff.breaks(size)) {
      if (outcome.lost) break;
      await this.#break(lot, mostRefused, outcome);
    }
    this.#held ||= outcome.lost;
    if (diff.touchesNexthops) this.mirror.mayHaveUnused = true;
    return outcome;
  }

  /** Rules that come, then those that go. True where most of what was to be made was refused. */
  async #executeRules(due: boolean, outcome: Executed): Promise<boolean> {
    if (!due) return outcome.refused > outcome.done;
    const mayTry = (operation: Operation) => this.#mayTry(operation);
    const rules = diffRules(this.#options.engine, this.mirror, mayTry);
    this.#misplaced = rules.misplaced;
    await this.#execute(rules.makes, outcome);
    const mostRefused = outcome.refused > outcome.done;
    if (!outcome.lost) await this.#break(rules.breaks, mostRefused, outcome);
    return mostRefused;
  }

  /** Deletions wait for what takes their place; those that do are decided again with the next pass. */
  async #break(lot: readonly Operation[], mostRefused: boolean, outcome: Executed): Promise<void> {
    const made = { engine: this.#options.engine, mirror: this.mirror, mostRefused };
    const owed = lot.filter((one) => isOwed(one, made));
    this.#held ||= owed.length < lot.length;
    await this.#execute(owed, outcome);
  }

  async #execute(lot: readonly Operation[], outcome: Executed): Promise<void> {
    const { done, refused, lost } = await this.#executor.execute(lot);
    outcome.done += done;
    outcome.refused += refused;
    outcome.lost ||= lost;
  }

  #takeWork(everything: boolean): readonly TableWork[] {
    return [...this.#options.engine.tables.values()].map((table) => {
      const drained = table.drain();
      return { table, changes: everything ? WHOLE_TABLE : drained };
    });
  }

  /** With the next pass; an object that stands in no group until then is not of no use. */
  #regroup(): void {
    this.#legsChanged = false;
    this.mirror.mayHaveUnused = true;
    for (const table of this.#options.engine.tables.values()) if (table.useObjects) table.touch();
    this.wake();
  }

  /** Nexthop objects that nothing stands on any more. */
  async #collectNexthops(): Promise<void> {
    const { mirror } = this;
    if (!mirror.mayHaveUnused) return;
    mirror.mayHaveUnused = false;
    const inUse = groupsInUse(this.#options.engine, this.#groups);
    const unused = this.#groups.unused(mirror, inUse);
    if (unused.length > 0) await this.#executor.execute(unused);
  }

  #diff(engine: Engine, groups: NexthopGroups, always: boolean): Diff {
    return new Diff({
      engine,
      mirror: this.mirror,
      groups,
      mayTry: (operation) => always || this.#mayTry(operation),
      wasRefused: (operation) => !always && this.#retries.has(operation),
      objectsSupported: this.#executor.objectsSupported,
    });
  }

  #mayTry(operation: Operation): boolean {
    const { clock } = this.#options;
    return (
      (this.#retries.size === 0 || this.#retries.mayTry(operation, clock.monotonic())) &&
      this.#contests.mayTry(operation)
    );
  }

  #hasChanges(): boolean {
    for (const table of this.#options.engine.tables.values()) if (table.hasChanges) return true;
    return false;
  }
}

const WHOLE_TABLE: TableChanges = {
  everything: true,
  fixed: new PrefixBacklog(),
  prefixes: new PrefixBacklog(),
  sets: new Set(),
  rules: true,
};
