/**
 * One table: what each heard prefix comes to. A path goes through the filters,
 * a prefix through what is kept in main, the limits and selection, and ends on
 * a next-hop set or with a reason. A changed prefix costs O(1); what changed is
 * collected for the reconciler, which drains it.
 */
import type { LimitConfig, TableConfig } from '../config/config.js';
import type { Family } from '../net/family.js';
import { familyOfKey, type Prefix } from '../net/prefix.js';
import { compileFilter, type Filter } from '../policy/filter.js';
import { LimitTracker } from '../policy/limit.js';
import type { SelectionOptions } from '../policy/select.js';
import type { RejectReason } from '../policy/verdict.js';
import type { Path } from '../rib/path.js';
import type { NodeChange } from './concerned.js';
import { decide, type Entry, type Stage, withdrawFromLimits } from './decide.js';
import type { FixedRoutes } from './fixed.js';
import { type FixedGround, FixedPart } from './fixed-part.js';
import { NextHopMetrics } from './next-hop-metrics.js';
import { type NextHopSet, NextHopSets } from './next-hop-set.js';
import { ObjectChoice } from './object-choice.js';
import type { Rule } from './route.js';
import { ChangeLog, type TableChanges } from './table-changes.js';
import type { Adopted, TableOptions } from './table-options.js';
import { Tally } from './tally.js';
import type { Underlay } from './underlay.js';
import type { WantedRoute } from './wanted-route.js';

export class Table {
  readonly config: TableConfig;
  readonly filter: Filter;
  readonly limits: readonly LimitTracker[];
  readonly nextHops: NextHopSets;
  readonly #entries = new Map<string, Entry>();
  readonly #tally = new Tally();
  readonly #changes = new ChangeLog();
  #underlay: Underlay;
  #metrics: NextHopMetrics;
  #families: readonly Family[];
  readonly #fixed: FixedPart;
  readonly #objects: ObjectChoice;
  #fed: boolean;
  #lastStage: Stage | undefined;

  constructor(options: TableOptions) {
    const { config, underlay, families, latched } = options;
    this.config = config;
    this.#underlay = underlay;
    this.#metrics = new NextHopMetrics(underlay, config.nextHop);
    this.#families = families;
    this.#fed = options.fed;
    this.#objects = new ObjectChoice(config.nextHop.objects, options.useObjects);
    this.filter = compileFilter(config.filters, options.prefixLists);
    this.nextHops = new NextHopSets(config.nextHop, underlay);
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
    const { key } = prefix;
    const before = this.#entries.get(key);
    if (paths.length === 0) {
      if (before === undefined) return;
      withdrawFromLimits(prefix, this.limits);
      this.#entries.delete(key);
      this.#account(before, -1);
      this.#changes.prefix(key);
      return;
    }
    const after = decide(prefix, paths, count, this.#stage);
    this.#account(after, 1);
    if (before !== undefined) this.#account(before, -1);
    this.#entries.set(key, after);
    if (before?.set !== after.set || before?.reason !== after.reason) this.#changes.prefix(key);
  }

  /**
   * What has to be decided again because a limit changed its mind: keys to
   * pass to {@link evaluate}, or `all`. `counting`: families whose feed is being
   * repeated, so that no limit latches yet.
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
    const { kept } = this.fixed;
    return this.#fixed.refresh(this.#ground) ? this.fixed.kept.difference(kept) : NO_PREFIXES;
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
    for (const { set, crossed } of this.nextHops.setUnderlay(underlay)) {
      // Of a set on a group only the group changes, unless it lost its last leg or found its first.
      this.#changes.set(set, crossed || !this.useObjects || this.#objects.mixed);
    }
    this.#fixed.outdated();
    return { kept: this.refresh(), moved: before.movedIn(this.#metrics) };
  }

  /** The routes of one prefix, at most one a metric. */
  wanted(key: string): readonly WantedRoute[] {
    const fixed = this.#fixed.at(key);
    const learned = this.learned(key);
    return learned === undefined ? fixed : fixed.length === 0 ? [learned] : [...fixed, learned];
  }

  learned(key: string): WantedRoute | undefined {
    const entry = this.#entries.get(key);
    if (entry?.set === undefined || entry.reason !== undefined || entry.set.legs.length === 0) {
      return undefined;
    }
    return { kind: 'learned', prefix: entry.prefix, metric: this.config.metric, set: entry.set };
  }

  /** Has the reconciler look at one prefix: the kernel changed under it. */
  mark(key: string): void {
    this.#changes.prefix(key);
  }

  /** Has the reconciler look at the group of every next-hop set. */
  markSets(): void {
    for (const set of this.nextHops.values()) this.#changes.set(set, false);
  }

  /** The first moment at which what nobody repeated may go. */
  feedEnded(): void {
    this.#changes.all();
    this.#fed = true;
    this.#fixed.outdated();
  }

  /** Has the reconciler look at all of the table, whatever it was told before. */
  touch(): void {
    this.#changes.all();
  }

  /** Keys of every prefix that may have a route: heard, or fixed. */
  *keys(): Generator<string> {
    for (const key of this.#fixed.keys()) if (!this.#entries.has(key)) yield key;
    yield* this.#entries.keys();
  }

  /** True for the keys that {@link keys} yields. */
  mayHold(key: string): boolean {
    return this.#entries.has(key) || this.#fixed.has(key);
  }

  entry(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  /** Of an accepted prefix: why it still is no route. */
  reasonOf(entry: Entry): RejectReason | undefined {
    return entry.reason ?? entry.set?.reason;
  }

  get fixed(): FixedRoutes {
    return this.#fixed.made;
  }

  get rules(): readonly Rule[] {
    return this.#fixed.rules;
  }

  /** Learned routes stand on nexthop groups, not on inline next hops. */
  get useObjects(): boolean {
    return this.#objects.use;
  }

  /** Tells what the kernel has from before, so that a restart rewrites nothing. */
  adopt({ learned, onObjects, fed }: Adopted): void {
    for (const limit of this.limits) {
      limit.reserve(learned.filter((key) => limit.config.family === familyOfKey(key)));
    }
    if (onObjects) this.#objects.adopt();
    if (fed) this.feedEnded();
  }

  /** Keys of the prefixes in the scope of a limit that passed filters and limits. */
  acceptedKeys({ peer, family }: Pick<LimitConfig, 'peer' | 'family'>): string[] {
    const accepted: string[] = [];
    for (const { prefix, reason, paths } of this.#entries.values()) {
      const inScope = peer === undefined || paths.some((path) => path.peer === peer);
      if (reason === undefined && prefix.family === family && inScope) accepted.push(prefix.key);
    }
    return accepted;
  }

  /** Groups or inline next hops, by the number of routes. `complete`: the full feed was heard. */
  chooseObjects(complete: boolean): void {
    if (this.#objects.choose(this.#tally.accepted, complete)) this.#changes.all();
  }

  /** What changed since the last call. Routes to be written one by one are among `prefixes`. */
  drain(): TableChanges {
    if (this.#changes.everything) this.#objects.settle();
    return this.#changes.drain(this.#routes());
  }

  get hasChanges(): boolean {
    return this.#changes.any;
  }

  /** Accepted prefixes by peer. */
  get acceptedByPeer(): ReadonlyMap<string, Readonly<Record<Family, number>>> {
    return this.#tally.acceptedByPeer;
  }

  /** Rejected prefixes by reason, unreachable next hops included. */
  rejected(): Map<RejectReason, number> {
    const counts = new Map(this.#tally.rejected);
    for (const set of this.nextHops.values()) {
      const { reason, routes } = set;
      if (reason === undefined) continue;
      counts.set(reason, (counts.get(reason) ?? 0) + routes.ipv4 + routes.ipv6);
    }
    return counts;
  }

  /** `accepted`: past filters and limits; `desired`: with a next hop that resolves, and the fixed ones. */
  counts(family: Family): { accepted: number; desired: number } {
    let accepted = 0;
    let desired = this.fixed.routes.filter((route) => route.prefix.family === family).length;
    for (const set of this.nextHops.values()) {
      accepted += set.routes[family];
      if (set.legs.length > 0) desired += set.routes[family];
    }
    return { accepted, desired };
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
    const { kept } = this.fixed;
    if (this.#lastStage?.underlay !== underlay || this.#lastStage.kept !== kept) {
      const { selection } = this;
      this.#lastStage = { config, filter, limits, nextHops, underlay, kept, selection };
    }
    return this.#lastStage;
  }

  #account(entry: Entry, step: 1 | -1): void {
    const { prefix, reason, set } = entry;
    if (set !== undefined) {
      if (reason === undefined) set.routes[prefix.family] += step;
      if (step === 1) set.references++;
      else this.nextHops.release(set);
    }
    this.#tally.count(entry, step);
  }

  get #ground(): FixedGround {
    return { underlay: this.#underlay, families: this.#families, fed: this.#fed };
  }

  *#routes(): Generator<{ key: string; set: NextHopSet }> {
    for (const { prefix, set, reason } of this.#entries.values()) {
      if (set !== undefined && reason === undefined) yield { key: prefix.key, set };
    }
  }
}

const NO_PREFIXES: readonly Prefix[] = [];
