/**
 * One table: what each heard prefix comes to. A path goes through the filters,
 * a prefix through what is kept in main, the limits and selection, and ends on
 * a next-hop set or with a reason. A changed prefix costs O(1); what changed is
 * collected for the reconciler, which drains it.
 */
import type { LimitConfig, TableConfig } from '../config/config.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import type { PrefixMap } from '../net/prefix-map.js';
import { compileFilter, type Filter } from '../policy/filter.js';
import { LimitTracker } from '../policy/limit.js';
import type { SelectionOptions } from '../policy/select.js';
import type { RejectReason } from '../policy/verdict.js';
import type { Path } from '../rib/path.js';
import type { NodeChange } from './concerned.js';
import { type Decision, decide, type Entry, type Stage, withdrawFromLimits } from './decide.js';
import { Decisions } from './decisions.js';
import type { FixedRoutes } from './fixed.js';
import { type FixedGround, FixedPart } from './fixed-part.js';
import { type Found, NOTHING_STANDS, type Standing } from './found.js';
import type { MarkedConnections } from './marked-connections.js';
import { NextHopMetrics } from './next-hop-metrics.js';
import { type NextHopSet, NextHopSets } from './next-hop-set.js';
import { ObjectChoice } from './object-choice.js';
import type { Rule } from './route.js';
import { ChangeLog, type TableChanges } from './table-changes.js';
import type { Adopted, TableOptions } from './table-options.js';
import type { Underlay } from './underlay.js';
import type { WantedRoute } from './wanted-route.js';

export class Table {
  readonly config: TableConfig;
  readonly filter: Filter;
  readonly limits: readonly LimitTracker[];
  readonly nextHops: NextHopSets;
  readonly #decisions: Decisions;
  readonly #changes = new ChangeLog();
  #underlay: Underlay;
  #metrics: NextHopMetrics;
  #families: readonly Family[];
  readonly #fixed: FixedPart;
  readonly #objects: ObjectChoice;
  #fed: boolean;
  #found: Found;
  #before: Standing;
  /** Of the next {@link refresh}: what it has to return besides. */
  #keptOwed: readonly Prefix[] = NO_PREFIXES;
  #lastStage: Stage | undefined;

  constructor(options: TableOptions) {
    const { config, underlay, families, latched } = options;
    this.config = config;
    this.#underlay = underlay;
    this.#metrics = new NextHopMetrics(underlay, config.nextHop);
    this.#families = families;
    this.#fed = options.fed;
    this.#found = options.found;
    this.#before = options.before;
    this.#objects = new ObjectChoice(config.nextHop.objects, options.useObjects);
    this.filter = compileFilter(config.filters, options.prefixLists);
    this.nextHops = new NextHopSets(config.nextHop, underlay);
    this.#decisions = new Decisions(this.nextHops);
    this.limits = config.limits.map((limit) => {
      const carried = options.limits.get(limit.id);
      carried?.reconfigure(limit);
      return carried ?? new LimitTracker(limit, { latched: latched.has(limit.id) });
    });
    this.#fixed = new FixedPart(config, this.nextHops, this.#changes, this.#ground);
  }

  /**
   * Decides one prefix anew; empty `paths` is a withdrawal. `count` adds to the
   * hits of the filter rules: true for what was just heard, false for what is
   * only looked at again.
   */
  evaluate(prefix: Prefix, paths: readonly Path[], count: boolean): void {
    if (paths.length === 0) {
      if (!this.#decisions.delete(prefix)) return;
      withdrawFromLimits(prefix, this.limits);
      this.#changes.prefix(prefix);
      return;
    }
    const decision = decide(prefix, paths, count, this.#stage);
    if (this.#decisions.set(prefix, decision)) this.#changes.prefix(prefix);
  }

  /**
   * What has to be decided again because a limit changed its mind: keys to
   * pass to {@link evaluate}, or `all`. `counting`: families whose feed is being
   * repeated, or of which more is to come, so that no limit latches yet.
   */
  reconsider(counting: readonly Family[]): readonly string[] | 'all' {
    const keys: string[] = [];
    let flushed = false;
    for (const limit of this.limits) {
      const before = limit.admitsNothing;
      const admissible = limit.admissible(counting.includes(limit.config.family));
      for (const key of admissible) keys.push(key);
      flushed ||= limit.admitsNothing && !before;
    }
    return flushed ? 'all' : keys;
  }

  /** The prefixes that are kept in main no more, or newly: what they cover must be decided again. */
  refresh(): readonly Prefix[] {
    const { kept, cluster } = this.fixed;
    const owed = this.#keptOwed;
    this.#keptOwed = NO_PREFIXES;
    if (!this.#fixed.refresh(this.#ground)) return owed;
    const changed = [...owed, ...this.fixed.kept.difference(kept)];
    if (cluster === this.fixed.cluster) return changed;
    return [...changed, ...this.fixed.cluster.difference(cluster)];
  }

  /** Takes in what was found; what {@link refresh} returns. */
  setFound(found: Found): readonly Prefix[] {
    this.#found = found;
    if (found.part.settled && found.ranges.settled) this.#before = NOTHING_STANDS;
    this.#fixed.foundMore();
    return this.refresh();
  }

  /** What discovery has found for it. */
  get found(): Found {
    return this.#found;
  }

  /** Its rules and fixed routes, for a table that takes its place. */
  get standing(): Standing {
    return { rules: this.rules, routes: this.fixed.routes };
  }

  /**
   * Resolves again over a new underlay. `kept` is what {@link refresh} returns;
   * `moved` asks whether the way to a next hop costs something else now, and is
   * absent where none does.
   */
  setUnderlay(underlay: Underlay, families: readonly Family[]): Omit<NodeChange, 'own'> {
    const before = this.#metrics;
    this.#metrics = new NextHopMetrics(underlay, this.config.nextHop);
    this.#underlay = underlay;
    this.#families = families;
    for (const { set, crossed, lost } of this.nextHops.setUnderlay(underlay)) {
      if (lost && set.routes.ipv4 + set.routes.ipv6 > 0) this.#changes.lost();
      // Of a set on a group only the group changes, unless it lost its last leg or found its first.
      this.#changes.set(set, crossed || !this.useObjects || this.#objects.mixed);
    }
    this.#fixed.outdated();
    return { kept: this.refresh(), moved: before.movedIn(this.#metrics) };
  }

  /** The routes of one prefix, at most one a metric. */
  wanted(prefix: Prefix): readonly WantedRoute[] {
    const fixed = this.#fixed.at(prefix);
    const learned = this.learned(prefix);
    return learned === undefined ? fixed : fixed.length === 0 ? [learned] : [...fixed, learned];
  }

  learned(prefix: Prefix): WantedRoute | undefined {
    const set = this.learnedSet(prefix);
    if (set === undefined) return undefined;
    return { kind: 'learned', prefix, metric: this.config.metric, set };
  }

  /** What the learned route of a prefix stands on, where there is one. */
  learnedSet(prefix: Prefix): NextHopSet | undefined {
    const decision = this.#decisions.get(prefix);
    if (decision?.set === undefined || decision.reason !== undefined) return undefined;
    return decision.set.legs.length === 0 ? undefined : decision.set;
  }

  /** {@link wanted} has something. */
  isWanted(prefix: Prefix): boolean {
    return this.#fixed.has(prefix) || this.learnedSet(prefix) !== undefined;
  }

  /** A fixed route is to stand there. */
  isFixed(prefix: Prefix): boolean {
    return this.#fixed.has(prefix);
  }

  /** Has the reconciler look at one prefix: the kernel changed under it. */
  mark(prefix: Prefix): void {
    this.#changes.prefix(prefix);
  }

  /** Has the reconciler look at the group of every next-hop set. */
  markSets(): void {
    for (const set of this.nextHops.values()) this.#changes.set(set, false);
  }

  /**
   * The first moment at which what nobody repeated may go. What is held has been looked at when it was
   * decided, so that nobody has to look at it again, unless some of it waited for this to be written.
   */
  feedEnded(): void {
    if (this.#objects.mixed) this.#changes.all();
    else this.#changes.sweep();
    this.#fed = true;
    this.#fixed.outdated();
  }

  /** Has the reconciler look at all of the table, whatever it was told before. */
  touch(): void {
    this.#changes.all();
  }

  /** Those that {@link isFixed} is true for. */
  fixedPrefixes(): Iterable<Prefix> {
    return this.#fixed.prefixes();
  }

  /** Every prefix that may have a route, once: the fixed ones, then those heard. */
  *prefixes(): Generator<Prefix> {
    yield* this.#fixed.prefixes();
    for (const prefix of this.#decisions.prefixes()) if (!this.#fixed.has(prefix)) yield prefix;
  }

  /** Of `standing`, which is a whole table, those that {@link mayHold} is false for. */
  *notHeld(standing: PrefixMap<NonNullable<unknown>>): Generator<Prefix> {
    for (const prefix of this.#decisions.notAmong(standing)) {
      if (!this.#fixed.has(prefix)) yield prefix;
    }
  }

  /** True for those that {@link prefixes} yields. */
  mayHold(prefix: Prefix): boolean {
    return this.#decisions.has(prefix) || this.#fixed.has(prefix);
  }

  /** Of a heard prefix. */
  entry(prefix: Prefix): Entry | undefined {
    const decision = this.#decisions.get(prefix);
    return decision === undefined ? undefined : { prefix, ...decision };
  }

  entries(): Iterable<Entry> {
    return this.#decisions.entries();
  }

  /** Of an accepted prefix: why it still is no route. */
  reasonOf({ reason, set }: Decision): RejectReason | undefined {
    return reason ?? set?.reason;
  }

  get fixed(): FixedRoutes {
    return this.#fixed.made;
  }

  get rules(): readonly Rule[] {
    return this.#fixed.rules;
  }

  /** Whose replies come back to this table, where it goes by their marks; another object whenever that changed. */
  get marked(): MarkedConnections | undefined {
    return this.#fixed.marked;
  }

  /** Learned routes stand on nexthop groups, not on inline next hops. */
  get useObjects(): boolean {
    return this.#objects.use;
  }

  /** Tells what the kernel has from before, so that a restart rewrites nothing. */
  adopt({ learned, onObjects, fed, standing }: Adopted): void {
    for (const limit of this.limits) {
      const reserved = learned.filter(({ family }) => limit.config.family === family);
      limit.reserve(reserved.map(({ key }) => key));
    }
    if (onObjects) this.#objects.adopt();
    if (!this.#found.part.settled || !this.#found.ranges.settled) {
      // At once: the next pass would take out what is not wanted.
      this.#before = standing;
      this.#fixed.outdated();
      this.#keptOwed = this.refresh();
    }
    if (fed) this.feedEnded();
  }

  /** Keys of the prefixes in the scope of a limit that passed filters and limits. */
  acceptedKeys(scope: Pick<LimitConfig, 'peer' | 'family'>): string[] {
    return this.#decisions.acceptedKeys(scope);
  }

  /**
   * Groups or inline next hops, by the number of routes. `complete`: the full feed was heard.
   * `midst`: more is to come at once, so that a table which shrinks goes on to do so.
   */
  chooseObjects(complete: boolean, midst: boolean): void {
    const { use } = this.#objects;
    if (use && midst) return;
    if (!this.#objects.choose(this.#decisions.acceptedCount, complete)) return;
    // What is wanted no more is known as such: only the few that stay are written anew.
    if (use) for (const { prefix } of this.#decisions.accepted()) this.#changes.prefix(prefix);
    else this.#changes.all();
  }

  /** What changed since the last call. Routes to be written one by one are among `prefixes`. */
  drain(): TableChanges {
    if (this.#changes.everything) this.#objects.settle();
    return this.#changes.drain(this.#decisions.accepted());
  }

  get hasChanges(): boolean {
    return this.#changes.any;
  }

  /** Among the changes are routes whose next hop leads nowhere any more. */
  get hasLostNextHop(): boolean {
    return this.#changes.anyLost;
  }

  /** Prefixes that the changes concern, at most; `undefined`: all. */
  get changeSize(): number | undefined {
    return this.#changes.size;
  }

  /** Accepted prefixes by peer. */
  get acceptedByPeer(): ReadonlyMap<string, Readonly<Record<Family, number>>> {
    return this.#decisions.acceptedByPeer;
  }

  /** Rejected prefixes by reason, unreachable next hops included. */
  rejected(): Map<RejectReason, number> {
    return this.#decisions.rejected();
  }

  /** `accepted`: past filters and limits; `desired`: with a next hop that resolves, and the fixed ones. */
  counts(family: Family): { accepted: number; desired: number } {
    const { accepted, routed } = this.#decisions.counts(family);
    const fixed = this.fixed.routes.filter((route) => route.prefix.family === family).length;
    return { accepted, desired: routed + fixed };
  }

  /** What the choice among the paths of a prefix goes by now. */
  get selection(): SelectionOptions {
    const { multipath, bestPath } = this.config;
    return { multipath, bestPath, metricTo: this.#metrics.to };
  }

  /** What decisions read now; kept, since every changed prefix asks for it. */
  get #stage(): Stage {
    const { config, filter, limits, nextHops } = this;
    const underlay = this.#underlay;
    const { kept, cluster } = this.fixed;
    const last = this.#lastStage;
    if (last?.underlay !== underlay || last.kept !== kept || last.cluster !== cluster) {
      const { selection } = this;
      const made = { config, filter, limits, nextHops, underlay, kept, cluster, selection };
      this.#lastStage = made;
      return made;
    }
    return last;
  }

  get #ground(): FixedGround {
    const [found, before] = [this.#found, this.#before];
    return { underlay: this.#underlay, families: this.#families, fed: this.#fed, found, before };
  }
}

const NO_PREFIXES: readonly Prefix[] = [];
