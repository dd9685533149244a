/**
 * rib x policy x next hops -> the routes and rules of every table. Pure: events,
 * underlay, configuration and time go in; the tables hold what is wanted and
 * what changed. The same input gives the same tables, in a daemon, in `plan`
 * and in a test.
 */
import type { Config } from '../config/config.js';
import type { Discovered, Knowledge } from '../discover/discovered.js';
import { FAMILIES, type Family } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import { PrefixMap } from '../net/prefix-map.js';
import type { LimitTracker } from '../policy/limit.js';
import { compilePrefixLists } from '../policy/prefix-list.js';
import { Rib, type RibEntry } from '../rib/rib.js';
import type { PeerStatus, SourceEvent } from '../source/source.js';
import { concernedBy, type NodeChange } from './concerned.js';
import { Feed } from './feed.js';
import { Findings } from './findings.js';
import { NOTHING_STANDS, sameFound } from './found.js';
import { Table } from './table.js';
import { Underlay } from './underlay.js';

export interface EngineOptions {
  readonly config: Config;
  /** Milliseconds of a clock that never jumps. */
  readonly now: number;
  /** Ids of the limits that were latched when the last daemon ended. */
  readonly latched: ReadonlySet<string>;
}

/** Prefixes looked at before others may run, and as how many of them one counts that is decided again. */
const LOOKED_AT = 20_000;
const DECIDED = 20;

export class Engine {
  readonly rib = new Rib();
  readonly feed: Feed;
  #config: Config;
  #tables = new Map<number, Table>();
  #underlay = Underlay.empty;
  readonly #findings: Findings;
  #families: readonly Family[] = FAMILIES;
  #reported: readonly Pick<PeerStatus, 'peer' | 'received'>[] = [];
  /** Withdrawn before the first full feed ended: gone for certain, though nothing is swept yet. */
  readonly #withdrawn = new PrefixMap<true>();
  /** Of what the source hands over in lots more is to come. */
  #midst = false;

  constructor(options: EngineOptions) {
    this.#config = options.config;
    this.feed = new Feed(options.config.hold, options.now);
    this.#findings = new Findings(options.config);
    this.#tables = this.#build(options.config, new Map(), options.latched);
  }

  get config(): Config {
    return this.#config;
  }

  get tables(): ReadonlyMap<number, Table> {
    return this.#tables;
  }

  get underlay(): Underlay {
    return this.#underlay;
  }

  /** What discovery has found last; `undefined` while it has found nothing. */
  get discovered(): Discovered | undefined {
    return this.#findings.discovered;
  }

  /** Nothing that was asked of the cluster is awaited. */
  get discoverySettled(): boolean {
    return !this.#knowledge.includes('awaited');
  }

  /** All that was asked of the cluster is known: what came of it before, and does no more, may go. */
  get discoveryWhole(): boolean {
    return this.#knowledge.every((knowledge) => knowledge === 'whole');
  }

  get families(): readonly Family[] {
    return this.#families;
  }

  /** True when what the kernel has of this prefix, and nothing here wants, may be deleted. */
  mayDelete(prefix: Prefix): boolean {
    return (
      this.feed.sweepable(prefix.family) ||
      this.#withdrawn.has(prefix) ||
      this.rib.get(prefix) !== undefined
    );
  }

  /** Prefixes that nothing here holds and that may be deleted all the same, one by one, whatever the feed. */
  withdrawn(): Iterable<Prefix> {
    return this.#withdrawn.keys();
  }

  /** Of what the source had to say when it began more is to come. */
  get inMidst(): boolean {
    return this.#midst;
  }

  /** Every family has had its full feed, or hold has ended. */
  get maySweep(): boolean {
    return FAMILIES.every((family) => this.feed.sweepable(family));
  }

  apply(events: readonly SourceEvent[], now: number): void {
    for (const event of events) this.#applyOne(event, now);
    this.#settle();
  }

  /** Ends hold when it is due. */
  tick(now: number): void {
    if (!this.feed.expire(now)) return;
    this.#evaluate(this.rib.clear(), false);
    this.#sweep();
    this.#settle();
  }

  /** {@link followUnderlay}, without a pause. */
  setUnderlay(underlay: Underlay, families: readonly Family[]): void {
    for (const _ of this.followUnderlay(underlay, families));
  }

  /**
   * Puts a new underlay in the place of the old one, in slices of some
   * milliseconds: a full table may compete over one next hop that moved. Between
   * them events may be applied and the configuration be replaced, but no other
   * underlay begun. Every next-hop set is resolved over the new one before the
   * first slice ends; which paths are best is decided prefix by prefix, so what
   * is to be drained is complete at the end only.
   */
  *followUnderlay(underlay: Underlay, families: readonly Family[]): Generator<void> {
    const own = underlay.own.difference(this.#underlay.own);
    this.#underlay = underlay;
    this.#families = families;
    const changes = [...this.#tables.values()].map((table) => {
      return { table, change: { ...table.setUnderlay(underlay, families), own } };
    });
    for (const { table, change } of changes) yield* this.#following(table, change);
    this.#settle();
  }

  /** The tables know now what the kernel had ({@link Table.adopt}), whatever was heard before. */
  adopted(): void {
    this.#settle();
  }

  /** {@link followDiscovered}, without a pause. */
  setDiscovered(discovered: Discovered): void {
    for (const _ of this.followDiscovered(discovered));
  }

  /**
   * Takes in what the cluster says of itself, in slices as {@link followUnderlay} does: rules and fixed
   * routes follow at once, of what was heard only what lies within ranges that are kept now or were.
   * The same discovered again is no change.
   */
  *followDiscovered(discovered: Discovered): Generator<void> {
    this.#findings.take(this.#config, discovered);
    const changes = [...this.#tables.values()].flatMap((table) => {
      const found = this.#findings.of(table.config);
      if (sameFound(found, table.found)) return [];
      return [{ table, change: { kept: table.setFound(found), own: [], moved: undefined } }];
    });
    for (const { table, change } of changes) yield* this.#following(table, change);
    this.#settle();
  }

  /**
   * Puts a new configuration in the place of the old one, as one change. `discovered` is what is known
   * for it; what is not, and the table had, stays until it is.
   */
  reconfigure(config: Config, discovered?: Discovered): void {
    this.#findings.take(config, discovered);
    const limits = new Map<string, LimitTracker>();
    for (const limit of this.#limits()) limits.set(limit.config.id, limit);
    this.#config = config;
    this.feed.reconfigure(config.hold);
    const before = this.#tables;
    this.#tables = this.#build(config, limits, new Set());
    for (const [id, table] of this.#tables) {
      for (const limit of table.limits) {
        if (!limits.has(limit.config.id))
          limit.keep(before.get(id)?.acceptedKeys(limit.config) ?? []);
      }
      this.#evaluateTable(table);
    }
    this.#settle();
  }

  /** Prefix counts before the filters, as the source tells them; it may count what it does not offer. */
  setReceived(peers: readonly Pick<PeerStatus, 'peer' | 'received'>[]): void {
    this.#reported = peers;
    this.#settle();
  }

  /**
   * An engine of another configuration over the same node, for a plan; what was
   * heard is still to be given to it: {@link heard}.
   */
  withConfig(config: Config, now: number, discovered?: Discovered): Engine {
    const latched = this.#limits().filter((limit) => limit.snapshot().latched);
    const other = new Engine({
      config,
      now,
      latched: new Set(latched.map((limit) => limit.config.id)),
    });
    other.setUnderlay(this.underlay, this.families);
    if (discovered !== undefined) other.setDiscovered(discovered);
    for (const [id, { limits }] of other.tables) {
      for (const limit of limits) limit.keep(this.tables.get(id)?.acceptedKeys(limit.config) ?? []);
    }
    return other;
  }

  /** All that was heard, as one feed; complete as far as this one is. */
  heard(): readonly SourceEvent[] {
    const updates = FAMILIES.flatMap((family) => [...this.rib.entries(family)]);
    const synced = FAMILIES.filter((family) => this.feed.sweepable(family));
    return [
      { type: 'reset' },
      { type: 'updates', updates },
      ...synced.map((family) => ({ type: 'synced', family }) as const),
    ];
  }

  /** Unlatches limits; what they had refused is decided again. */
  clearLimits(ids: ReadonlySet<string>): void {
    for (const table of this.#tables.values()) {
      const named = table.limits.filter((limit) => ids.has(limit.config.id));
      for (const limit of named) limit.clear();
      if (named.length > 0) this.#evaluateTable(table);
    }
    this.#settle();
  }

  #applyOne(event: SourceEvent, now: number): void {
    this.#midst = event.type === 'updates' && event.more === true;
    switch (event.type) {
      case 'updates': {
        const changed = this.rib.apply(event.updates);
        this.#countReceived();
        if (!this.maySweep) this.#noteWithdrawn(changed);
        this.#evaluate(changed, true);
        return;
      }
      case 'reset':
        this.rib.beginFeed();
        this.feed.reset(now);
        return;
      case 'synced':
        this.#evaluate(this.rib.endFeed(event.family), false);
        this.feed.synced(event.family, now);
        if (this.maySweep) this.#sweep();
        return;
      case 'lost':
        this.feed.lost(event.reason, now);
        return;
    }
  }

  #noteWithdrawn(changed: readonly RibEntry[]): void {
    for (const { prefix, paths } of changed) {
      if (paths.length === 0) this.#withdrawn.set(prefix, true);
      else if (this.#withdrawn.size > 0) this.#withdrawn.delete(prefix);
    }
  }

  /** The first moment at which what nobody repeated may go: every table looks at all it has. */
  #sweep(): void {
    this.#withdrawn.clear();
    for (const limit of this.#limits()) limit.releaseReserved();
    for (const table of this.#tables.values()) table.feedEnded();
  }

  #evaluate(changed: Iterable<RibEntry>, count: boolean): void {
    const tables = [...this.#tables.values()];
    for (const { prefix, paths } of changed) {
      for (const table of tables) table.evaluate(prefix, paths, count);
    }
  }

  /** Decides again what a change of the node concerns, in slices; all is done unless the table is gone meanwhile. */
  *#following(table: Table, change: NodeChange): Generator<void> {
    if (change.kept.length + change.own.length === 0 && change.moved === undefined) return;
    // One that was replaced shares its limits with the one in its place.
    const isGone = () => this.#tables.get(table.config.id) !== table;
    if (isGone()) return;
    const concerns = concernedBy(change);
    let left = LOOKED_AT;
    for (const family of FAMILIES) {
      for (const entry of this.rib.entries(family)) {
        left--;
        if (concerns(entry)) {
          table.evaluate(entry.prefix, entry.paths, false);
          left -= DECIDED;
        }
        if (left > 0) continue;
        yield;
        if (isGone()) return;
        left = LOOKED_AT;
      }
    }
  }

  #evaluateTable(table: Table): void {
    for (const family of FAMILIES) {
      for (const { prefix, paths } of this.rib.entries(family)) {
        table.evaluate(prefix, paths, false);
      }
    }
  }

  /** Brings limits, what is kept in main, and the use of objects to rest. */
  #settle(): void {
    this.#countReceived();
    const counting = FAMILIES.filter((family) => this.#midst || this.rib.staleCount(family) > 0);
    for (const table of this.#tables.values()) {
      for (let again = true; again; ) {
        const kept = table.refresh();
        again = kept.length > 0;
        for (const _ of this.#following(table, { kept, own: [], moved: undefined }));
        const waiting = table.reconsider(counting);
        if (waiting === 'all') this.#evaluateTable(table);
        else {
          for (const key of waiting) {
            const prefix = Prefix.ofKey(key);
            const paths = this.rib.get(prefix);
            if (paths !== undefined) table.evaluate(prefix, paths, false);
          }
        }
        again ||= waiting.length > 0;
      }
      table.chooseObjects(this.feed.complete, this.#midst);
    }
  }

  /** What the source tells lags behind; that a route was heard is known at once. */
  #countReceived(): void {
    for (const limit of this.#limits()) {
      const { count, peer, family } = limit.config;
      if (count !== 'received') continue;
      const counted = this.#reported.filter((one) => peer === undefined || one.peer === peer);
      const reported = counted.reduce((sum, { received }) => sum + received[family], 0);
      const heard =
        peer === undefined ? this.rib.size(family) : this.rib.receivedFrom(peer, family);
      limit.setReceived(Math.max(reported, heard));
    }
  }

  get #knowledge(): readonly Knowledge[] {
    const tables = [...this.#tables.values()];
    return [this.#findings.rangesKnown, ...tables.map(({ found }) => found.part.knowledge)];
  }

  #limits(): LimitTracker[] {
    return [...this.#tables.values()].flatMap((table) => table.limits);
  }

  #build(
    config: Config,
    limits: ReadonlyMap<string, LimitTracker>,
    latched: ReadonlySet<string>,
  ): Map<number, Table> {
    const prefixLists = compilePrefixLists(config.prefixLists);
    const { underlay, families } = this;
    return new Map(
      config.tables.map((table) => {
        const [old, found] = [this.#tables.get(table.id), this.#findings.of(table)];
        const made = new Table({
          ...{ config: table, prefixLists, underlay, families, limits, latched, found },
          fed: this.maySweep,
          useObjects: old?.useObjects === true,
          before: old?.standingFor(found) ?? NOTHING_STANDS,
        });
        return [table.id, made];
      }),
    );
  }
}
