/**
 * Keeps the mirror and the engine's underlay true to the kernel: notices are
 * taken in as they come, the underlay is read again when links, addresses or
 * the main table change, with it what an interface that changed may have taken
 * along, and everything is read anew (an audit) at start, after an overrun, once
 * changing interfaces have come to rest, and from time to time.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.js';
import type { Engine } from '../desired/engine.js';
import { Underlay } from '../desired/underlay.js';
import type { Kernel, KernelError, KernelNotice } from '../kernel/kernel.js';
import type { Log } from '../log-port.js';
import { adopt, type Drift, driftBetween, readMirror } from './audit.js';
import type { Contest, Contests } from './contests.js';
import { readDisturbed } from './disturbance.js';
import { DriftLog } from './drift-log.js';
import type { KernelObject } from './kernel-object.js';
import { Mirror } from './mirror.js';
import { takeNotices, type Undone } from './notices.js';
import { Reading, type Unread } from './reading.js';

export interface KernelViewOptions {
  readonly kernel: Kernel;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  readonly contests: Contests;
  readonly onDrift: (kind: 'route' | 'rule' | 'nexthop', count: number) => void;
  readonly onOverrun: () => void;
  readonly onUnread: (error: KernelError) => void;
}

/** Between two audits that nothing asked for. */
const AUDIT_INTERVAL_MS = 10 * 60_000;
/** Kept while the loop is busy writing; beyond it, all is read again instead. */
const MOST_NOTICES = 100_000;
/** After reading the underlay, or everything because of notices, the next such reading waits this many times as long as it took. */
const REST_FACTOR = 4;
/** From the last change of an interface in use to the audit that makes sure of what was read of it. */
const CALM_MS = 10_000;

export class KernelView {
  readonly #options: KernelViewOptions;
  readonly #driftLog: DriftLog;
  readonly #reading: Reading;
  #mirror = new Mirror();
  #stream: AsyncIterable<readonly KernelNotice[]> = NO_NOTICES;
  #notices: KernelNotice[] = [];
  #auditDue = true;
  #auditedAt: number | undefined;
  /** Notices were lost, and not all has been read since. */
  #overrun = false;
  /** The notices left open what the kernel has. */
  #unclear = false;
  /** For an audit that notices ask for. */
  #auditEarliest = Number.NEGATIVE_INFINITY;
  /** Interfaces of ours that may have taken routes along, and were not read since. */
  #disturbed = new Set<number>();
  #calmAt = Number.POSITIVE_INFINITY;
  /** Nexthop objects may have gone without a word. */
  #nexthopsDue = false;
  /** The tables whose foreign routes were read with the last audit. */
  #auditedTables: Engine['tables'] | undefined;
  #underlayDue = true;
  #underlayEarliest = Number.NEGATIVE_INFINITY;
  #rulesDue = true;
  #moved = new Set<number>();
  /** Changes to what is ours may have gone unnoticed since the last audit. */
  #blind = false;

  constructor(options: KernelViewOptions) {
    this.#options = options;
    this.#driftLog = new DriftLog(options);
    this.#reading = new Reading(options);
  }

  get mirror(): Mirror {
    return this.#mirror;
  }

  /** On the monotonic clock; `undefined` before the first. */
  get auditedAt(): number | undefined {
    return this.#auditedAt;
  }

  /** True while something is known to be unread. */
  get behind(): boolean {
    return (
      this.#auditDue ||
      this.#overrun ||
      this.#unclear ||
      this.#disturbed.size > 0 ||
      this.#nexthopsDue ||
      this.#notices.length > 0
    );
  }

  /** The kernel has told something that {@link refresh} has not taken in yet. */
  get isTold(): boolean {
    return this.#notices.length > 0;
  }

  /** While the last reading is one that failed. */
  get unread(): Unread | undefined {
    return this.#reading.unread;
  }

  /** When {@link refresh} has something to do, on the monotonic clock. */
  get deadline(): number {
    if (this.unread !== undefined) return this.unread.retryAt;
    if (this.#auditDue) return 0;
    return Math.min(
      (this.#auditedAt ?? 0) + AUDIT_INTERVAL_MS,
      this.#calmAt,
      this.#overrun || this.#unclear ? this.#auditEarliest : Number.POSITIVE_INFINITY,
      this.#underlayDue ? this.#underlayEarliest : Number.POSITIVE_INFINITY,
      this.#driftLog.deadline,
    );
  }

  requestAudit(): void {
    this.#auditDue = true;
  }

  get rulesDue(): boolean {
    return this.#rulesDue;
  }

  /** Once after the rules changed, ours or others'. */
  takeRulesDue(): boolean {
    const due = this.#rulesDue;
    this.#rulesDue = false;
    return due;
  }

  /** Interfaces that changed since the last call: see {@link NoticeEffects.moved}. */
  takeMoved(): ReadonlySet<number> {
    const moved = this.#moved;
    if (moved.size > 0) this.#moved = new Set();
    return moved;
  }

  /** From here on no change is missed. */
  subscribe(signal: AbortSignal): void {
    this.#stream = this.#options.kernel.notices(signal);
  }

  /**
   * The underlay alone, before all else is read: what is heard meanwhile is decided over it.
   * @throws KernelError
   */
  async readUnderlayFirst(): Promise<void> {
    await this.#readUnderlay();
  }

  /** Collects notices until the signal of {@link subscribe} aborts; {@link refresh} takes them in. */
  async listen(wake: () => void): Promise<void> {
    for await (const notices of this.#stream) {
      if (this.#notices.length > MOST_NOTICES) this.#notices = [{ type: 'overrun' }];
      for (const notice of notices) this.#notices.push(notice);
      wake();
    }
  }

  /** As {@link refresh}; false where the kernel could not be read, until it can. */
  tryRefresh(): Promise<boolean> {
    return this.#reading.attempt(async () => {
      try {
        await this.refresh();
      } catch (error) {
        this.#auditDue = true;
        this.#underlayDue = true;
        this.#blind = true;
        throw error;
      }
    });
  }

  /**
   * Brings mirror and underlay up to date.
   * @throws KernelError
   */
  async refresh(): Promise<void> {
    const { clock, contests } = this.#options;
    this.#takeNotices();
    this.#driftLog.tell((object) => contests.of(object));
    const now = clock.monotonic();
    const periodic = now >= (this.#auditedAt ?? 0) + AUDIT_INTERVAL_MS;
    const noticed = (this.#overrun || this.#unclear) && now >= this.#auditEarliest;
    const audit = this.#auditDue || periodic || noticed || now >= this.#calmAt;
    // What an audit finds that nothing asked for, nobody has told.
    this.#blind ||= periodic && !this.#auditDue;
    // With the first audit it may have been read just before.
    const known = !audit || (this.#auditedAt === undefined && !this.#underlayDue);
    if (!known || (this.#underlayDue && now >= this.#underlayEarliest)) await this.#readUnderlay();
    if (audit) {
      if (this.#overrun) this.#options.log.warn({}, 'notices of the kernel were lost; reading all');
      await this.#audit();
      // A reload meanwhile: nothing is written before its tables have been read too.
      while (this.#auditedTables !== this.#options.engine.tables) await this.#audit();
    } else if (!(await this.#readDisturbed())) return;
    // What was told while the kernel was read is older than what is written next.
    await this.#options.kernel.heard();
    this.#takeNotices();
  }

  #takeNotices(): void {
    if (this.#notices.length === 0) return;
    const notices = this.#notices;
    this.#notices = [];
    const effects = takeNotices(notices, this.#mirror, this.#options.engine);
    this.#underlayDue ||= effects.underlay;
    this.#rulesDue ||= effects.rules;
    for (const index of effects.moved) {
      this.#moved.add(index);
      this.#nexthopsDue ||= this.#mirror.interfaces.has(index);
    }
    this.#unclear ||= effects.unclear;
    this.#nexthopsDue ||= effects.nexthops;
    this.#blind ||= effects.unclear || effects.overrun;
    this.#overrun ||= effects.overrun;
    if (effects.overrun) this.#options.onOverrun();
    for (const index of effects.disturbed) {
      if (!this.#mirror.interfaces.has(index)) continue;
      this.#disturbed.add(index);
      this.#underlayDue = true;
      this.#calmAt = this.#options.clock.monotonic() + CALM_MS;
    }
    this.#takeUndone(effects.undone);
    this.#drifted({ route: effects.takenAlong, rule: 0, nexthop: 0 });
  }

  /** Of what is contested the begin and the end are told, not every round. */
  #takeUndone(undone: readonly Undone[]): void {
    const { contests, clock, onDrift } = this.#options;
    const now = clock.monotonic();
    for (const { object, rival, drift } of undone) {
      const outcome = contests.undone(object, rival, now, this.#isStray(object));
      if (outcome === 'begun') this.#driftLog.begun(object);
      if (!drift) continue;
      if (outcome === 'contested') onDrift(object.kind, 1);
      else this.#drifted({ ...NO_DRIFT, [object.kind]: 1 }, object);
    }
  }

  #isStray(object: KernelObject): boolean {
    if (object.kind !== 'route') return false;
    const { table, prefix, metric } = object;
    const wanted = this.#options.engine.tables.get(table)?.wanted(prefix) ?? [];
    return !wanted.some((route) => route.metric === metric);
  }

  #drifted(drift: Drift, example?: KernelObject): void {
    const { onDrift } = this.#options;
    for (const kind of DRIFT_KINDS) if (drift[kind] > 0) onDrift(kind, drift[kind]);
    this.#driftLog.drifted(drift, example);
  }

  /** Has the log tell that an object is contested no more. */
  contestEnded(contest: Contest): void {
    this.#driftLog.ended(contest);
  }

  async #readUnderlay(): Promise<void> {
    const { kernel, clock, engine } = this.#options;
    this.#underlayDue = false;
    const started = clock.monotonic();
    const underlay = new Underlay({
      links: await kernel.links(),
      addresses: await kernel.addresses(),
      routes: await kernel.underlay(),
    });
    const finished = clock.monotonic();
    this.#underlayEarliest = finished + (finished - started) * REST_FACTOR;
    // No pass comes in between: a route whose way is gone stands until its prefix has been decided again.
    for (const _ of engine.followUnderlay(underlay, await kernel.families())) await setImmediate();
  }

  /** False where there was nothing to read. */
  async #readDisturbed(): Promise<boolean> {
    // Not before the underlay: what leads out of a dead interface would be written again.
    if ((this.#disturbed.size === 0 && !this.#nexthopsDue) || this.#underlayDue) return false;
    const { kernel, engine } = this.#options;
    const interfaces = this.#disturbed;
    this.#disturbed = new Set();
    this.#nexthopsDue = false;
    await readDisturbed(interfaces, kernel, this.#mirror, engine);
    return true;
  }

  async #audit(): Promise<void> {
    const { kernel, engine, clock } = this.#options;
    this.#auditDue = false;
    this.#disturbed = new Set();
    this.#calmAt = Number.POSITIVE_INFINITY;
    this.#nexthopsDue = false;
    const noticed = this.#overrun || this.#unclear;
    const started = clock.monotonic();
    this.#overrun = false;
    this.#unclear = false;
    const first = this.#auditedAt === undefined;
    this.#auditedTables = engine.tables;
    const before = this.#mirror;
    this.#mirror = await readMirror(kernel, this.#auditedTables.keys());
    if (!first && this.#blind) this.#drifted(driftBetween(before, this.#mirror));
    this.#blind = false;
    const finished = clock.monotonic();
    this.#auditedAt = finished;
    if (noticed) this.#auditEarliest = finished + (finished - started) * REST_FACTOR;
    this.#rulesDue = true;
    for (const table of engine.tables.values()) {
      table.touch();
      if (first) adopt(table, this.#mirror, engine.maySweep);
    }
    if (first) engine.adopted();
  }
}

const DRIFT_KINDS = ['route', 'rule', 'nexthop'] as const;
const NO_DRIFT: Drift = { route: 0, rule: 0, nexthop: 0 };

const NO_NOTICES = {
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly KernelNotice[]> {},
};
