/**
 * One pass of the loop: what changed is compared with the mirror and written,
 * first all that is made, then rules, then what goes. It is decided in lots,
 * each once the one before is done, while the source goes on.
 */
import type { Clock } from '../clock.js';
import type { Engine } from '../desired/engine.js';
import type { Operation } from '../kernel/kernel.js';
import { type Again, markAgain } from './again.js';
import { aheadOf } from './ahead.js';
import type { Ahead } from './change-gate.js';
import type { Contests } from './contests.js';
import { Diff, type TableWork } from './diff.js';
import { diffRules, type MisplacedRule } from './diff-rules.js';
import type { Executed, Executor } from './executor.js';
import { groupsInUse, type NexthopGroups } from './groups.js';
import { objectOf } from './kernel-object.js';
import type { KernelView } from './kernel-view.js';
import { Leaving } from './leaving.js';
import { hasRuleTo, isOwed } from './owed.js';
import type { Pace } from './pace.js';
import { leadsOutOf, type Refusal, type Retries } from './retries.js';
import { WHOLE_TABLE } from './whole-table.js';

export interface PassesOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly view: KernelView;
  readonly groups: NexthopGroups;
  readonly retries: Retries;
  readonly contests: Contests;
  readonly executor: Executor;
  readonly pace: Pace;
  /** There is work for another pass. */
  readonly onMore: () => void;
}

/** All passes of one loop: what one leaves to the next is kept here. */
export class Passes {
  #misplaced: readonly MisplacedRule[] = [];
  /** Deletions waited for what takes their place. */
  #held = false;
  readonly #leaving = new Leaving();
  /** Refused deletions that have been due since what goes last had all gone. */
  readonly #dueDeletions = new Set<Refusal>();
  /** On the monotonic clock, since when something has been leaving. */
  #leavingSince: number | undefined;
  /** In the midst of a pass: what is left of it is not decided yet. */
  #deciding = false;
  /** Of the groups' legs other objects are there than were thought when they were decided. */
  #legsChanged = false;

  constructor(private readonly options: PassesOptions) {}

  /** Rules kept out because they would stand ahead of the look-up of the `local` table. */
  get misplaced(): readonly MisplacedRule[] {
    return this.#misplaced;
  }

  /** Nothing is left that could be written now. */
  get done(): boolean {
    return !this.#deciding && !this.isDue && !this.#hasChanges();
  }

  /** A pass ended before all that goes had gone, since there was more to do. */
  get isDue(): boolean {
    return this.#leaving.size > 0;
  }

  /** What {@link run} may write now; `undefined`: nothing. */
  get ahead(): Ahead | undefined {
    const now = this.options.clock.monotonic();
    const left = this.#held || this.isDue;
    return aheadOf({ ...this.options, now, left, mayTry: (operation) => this.#mayTry(operation) });
  }

  /** A nexthop object was refused, or was made after it had been. */
  legsChanged(): void {
    this.#legsChanged = true;
  }

  /** What of ours goes, and has not had its turn: in prefixes. */
  get leaving(): number {
    return this.#leaving.size;
  }

  /**
   * Over the mirror as it is. `everything`: all tables, with as few lots as can be. Once `signal`
   * has aborted nothing more goes.
   */
  async run(
    everything: boolean,
    signal?: AbortSignal,
  ): Promise<Pick<Executed, 'done' | 'refused'>> {
    const { clock, engine, view, retries, contests } = this.options;
    const now = clock.monotonic();
    const moved = view.takeMoved();
    if (moved.size > 0) retries.hasten((refused) => leadsOutOf(refused, moved), now);
    const due = retries.due(now);
    const { free, ended } = contests.due(now);
    for (const contest of ended) view.contestEnded(contest);
    const again = markAgain([...due.map(({ operation }) => objectOf(operation)), ...free], engine);
    if (due.some(({ operation }) => operation.op === 'nexthop-delete'))
      view.mirror.mayHaveUnused = true;
    if (view.takeRulesDue() || this.#held) again.rules = true;
    again.abandoned ||= this.#held;
    let outcome = NOTHING;
    const { mayHaveUnused } = view.mirror;
    const some = everything || again.rules || again.abandoned || mayHaveUnused;
    if (some || this.isDue || this.#hasChanges()) {
      this.#deciding = true;
      outcome = await this.#bringInStep(everything, again, signal);
      this.#deciding = false;
      if (this.#legsChanged) this.#regroup();
      else await this.#collectNexthops();
      this.options.executor.tellRefused();
    }
    this.#dropUntried(due);
    return outcome;
  }

  async #bringInStep(
    everything: boolean,
    again: Again,
    signal: AbortSignal | undefined,
  ): Promise<Executed> {
    const { engine, pace, view } = this.options;
    const { tables } = engine;
    const diff = this.#diff();
    const work = this.#takeWork(everything);
    const size = everything ? Number.POSITIVE_INFINITY : pace.lot;
    const outcome: Executed = { done: 0, refused: 0, lost: false };
    for (const lot of diff.makes(work, size)) {
      await this.#execute(lot, outcome);
      if (outcome.lost || engine.tables !== tables) break;
    }
    // A reload has put other tables in the place of these, which are to be decided as a whole.
    this.#held = outcome.lost || engine.tables !== tables;
    if (this.#held) return outcome;
    const whole = everything || work.some(({ changes }) => changes.everything || changes.sweeps);
    const rules = whole || again.rules || work.some(({ changes }) => changes.rules);
    const mostRefused = await this.#executeRules(rules, outcome);
    const inUse = (table: number) => hasRuleTo(table, view.mirror);
    if (whole || again.abandoned) this.#held = !diff.abandonedTables(inUse) || this.#held;
    if (!outcome.lost) await this.#break(diff.breaks(), mostRefused, outcome);
    await this.#leave(diff, { everything, signal, mostRefused }, outcome);
    this.#held ||= outcome.lost;
    if (diff.touchesNexthops) view.mirror.mayHaveUnused = true;
    return outcome;
  }

  /** Of `due` what nobody wants any more; deletions once all that goes has had its turn. */
  #dropUntried(due: readonly Refusal[]): void {
    const { retries } = this.options;
    for (const one of due) {
      if (one.operation.op === 'route-delete') this.#dueDeletions.add(one);
      else retries.dropUntried([one]);
    }
    if (this.isDue) return;
    retries.dropUntried(this.#dueDeletions);
    this.#dueDeletions.clear();
  }

  /** Rules that come, then those that go. True where most of what was to be made was refused. */
  async #executeRules(due: boolean, outcome: Executed): Promise<boolean> {
    if (!due) return outcome.refused > outcome.done;
    const { engine, view } = this.options;
    const rules = diffRules(engine, view.mirror, (operation) => this.#mayTry(operation));
    this.#misplaced = rules.misplaced;
    await this.#execute(rules.makes, outcome);
    const mostRefused = outcome.refused > outcome.done;
    if (!outcome.lost) await this.#break(rules.breaks, mostRefused, outcome);
    return mostRefused;
  }

  /**
   * What goes, in lots, when there is nothing else to do. With more to do the pass ends, and the next
   * goes on: what is wanted is made first, and the more is known of what goes, the cheaper it goes.
   * What only the next pass looks at, notices and what falls due, waits for one lot.
   */
  async #leave(
    diff: Diff,
    { everything, signal, mostRefused }: LeaveOptions,
    outcome: Executed,
  ): Promise<void> {
    const { clock, engine, pace } = this.options;
    const now = clock.monotonic();
    if (this.#leaving.size > 0) this.#leavingSince ??= now;
    const most = engine.inMidst ? MOST_MIDST_MS : MOST_WAIT_MS;
    let mustGo = everything || now - (this.#leavingSince ?? now) >= most;
    let someWent = false;
    while (this.#leaving.size > 0 && !outcome.lost) {
      if (!mustGo) {
        await pace.turn();
        if (this.#hasChanges()) return;
      }
      if (signal?.aborted === true || (someWent && !everything && this.#isAwaited())) return;
      mustGo = everything;
      someWent = true;
      const whole = diff.leavesWhole(pace.lot);
      const one = () => diff.leaves(everything ? Number.POSITIVE_INFINITY : pace.lot);
      await this.#break(whole.length > 0 ? whole : one(), mostRefused, outcome);
      this.#forget(whole);
    }
    if (this.#leaving.size === 0) this.#leavingSince = undefined;
  }

  /** Prefixes whose routes went with a group; one that was refused goes route by route. */
  #forget(whole: readonly Operation[]): void {
    for (const operation of whole) {
      if (operation.op !== 'nexthop-delete') continue;
      const { id } = operation;
      if (this.options.view.mirror.routesOnGroup(id) > 0) this.#leaving.keepApart(id);
      else this.#leaving.forget(id);
    }
  }

  /** The next pass has something to look at before the rest. */
  #isAwaited(): boolean {
    const { clock, contests, engine, retries, view } = this.options;
    const now = clock.monotonic();
    const due = [retries.next, contests.next, engine.feed.deadline ?? Number.POSITIVE_INFINITY];
    return view.isTold || due.some((deadline) => deadline <= now);
  }

  /** Deletions wait for what takes their place; those that do are decided again with the next pass. */
  async #break(lot: readonly Operation[], mostRefused: boolean, outcome: Executed): Promise<void> {
    const { engine, view } = this.options;
    const made = { engine, mirror: view.mirror, mostRefused };
    const owed = lot.filter((one) => isOwed(one, made));
    this.#held ||= owed.length < lot.length;
    await this.#execute(owed, outcome);
  }

  async #execute(lot: readonly Operation[], outcome: Executed): Promise<void> {
    const { done, refused, lost } = await this.options.executor.execute(lot);
    outcome.done += done;
    outcome.refused += refused;
    outcome.lost ||= lost;
  }

  #takeWork(everything: boolean): readonly TableWork[] {
    return [...this.options.engine.tables.values()].map((table) => {
      const drained = table.drain();
      // A group that no route stood on goes with its set.
      if (table.nextHops.takeReleased() && table.useObjects)
        this.options.view.mirror.mayHaveUnused = true;
      return { table, changes: everything ? WHOLE_TABLE : drained };
    });
  }

  /** With the next pass; an object that stands in no group until then is not of no use. */
  #regroup(): void {
    const { engine, view, onMore } = this.options;
    this.#legsChanged = false;
    view.mirror.mayHaveUnused = true;
    for (const table of engine.tables.values()) if (table.useObjects) table.touch();
    onMore();
  }

  /** Nexthop objects that nothing stands on any more. */
  async #collectNexthops(): Promise<void> {
    const { engine, groups, executor, view } = this.options;
    const { mirror } = view;
    if (!mirror.mayHaveUnused) return;
    mirror.mayHaveUnused = false;
    const unused = groups.unused(mirror, groupsInUse(engine, groups));
    if (unused.length > 0) await executor.execute(unused);
  }

  #diff(): Diff {
    const { engine, groups, retries, contests, executor, view } = this.options;
    return new Diff({
      ...{ engine, groups, leaving: this.#leaving, mirror: view.mirror },
      mayTry: (operation) => this.#mayTry(operation),
      anyWaits: () => retries.size + contests.size > 0,
      wasRefused: (operation) => retries.has(operation),
      objectsSupported: () => executor.objectsSupported,
    });
  }

  #mayTry(operation: Operation): boolean {
    const { clock, retries, contests } = this.options;
    return (
      (retries.size === 0 || retries.mayTry(operation, clock.monotonic())) &&
      contests.mayTry(operation)
    );
  }

  #hasChanges(): boolean {
    for (const table of this.options.engine.tables.values()) if (table.hasChanges) return true;
    return false;
  }
}

interface LeaveOptions {
  readonly everything: boolean;
  readonly signal: AbortSignal | undefined;
  readonly mostRefused: boolean;
}

/** While there is always more to do, a lot goes with each pass once the first has waited so long. */
const MOST_WAIT_MS = 1_000;
/** … or so long, while more of one backlog is to come: the more is known, the more goes with its group. */
const MOST_MIDST_MS = 10_000;

const NOTHING = { done: 0, refused: 0 };
