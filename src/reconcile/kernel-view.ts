/**
 * Keeps the mirror and the engine's underlay true to the kernel: notices are
 * taken in as they come, the underlay is read again when links, addresses or
 * the main table change, and everything is read anew (an audit) at start, after
 * an overrun, when an interface of ours changed, and from time to time.
 */
import type { Clock } from '../clock.js';
import type { Engine } from '../desired/engine.js';
import { Underlay } from '../desired/underlay.js';
import type { Kernel, KernelNotice } from '../kernel/kernel.js';
import type { Log } from '../log-port.js';
import { adopt, type Drift, driftBetween, readMirror } from './audit.js';
import { Mirror } from './mirror.js';
import { takeNotices } from './notices.js';

export interface KernelViewOptions {
  readonly kernel: Kernel;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDrift: (kind: 'route' | 'rule' | 'nexthop', count: number) => void;
}

/** Between two audits that nothing asked for. */
const AUDIT_INTERVAL_MS = 10 * 60_000;
/** Kept while the loop is busy writing; beyond it, all is read again instead. */
const MOST_NOTICES = 100_000;
/** After reading the underlay, the next reading waits this many times as long as it took. */
const UNDERLAY_REST_FACTOR = 4;

export class KernelView {
  readonly #options: KernelViewOptions;
  #mirror = new Mirror();
  #stream: AsyncIterable<readonly KernelNotice[]> = NO_NOTICES;
  #notices: KernelNotice[] = [];
  #auditDue = true;
  #auditedAt: number | undefined;
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
    return this.#auditDue || this.#notices.length > 0;
  }

  /** When {@link refresh} has something to do, on the monotonic clock. */
  get deadline(): number {
    const audit = this.#auditDue ? 0 : (this.#auditedAt ?? 0) + AUDIT_INTERVAL_MS;
    return this.#underlayDue ? Math.min(audit, this.#underlayEarliest) : audit;
  }

  requestAudit(): void {
    this.#auditDue = true;
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

  /** Collects notices until the signal of {@link subscribe} aborts; {@link refresh} takes them in. */
  async listen(wake: () => void): Promise<void> {
    for await (const notices of this.#stream) {
      if (this.#notices.length > MOST_NOTICES) this.#notices = [{ type: 'overrun' }];
      for (const notice of notices) this.#notices.push(notice);
      wake();
    }
  }

  /** Brings mirror and underlay up to date. */
  async refresh(): Promise<void> {
    const { clock } = this.#options;
    this.#takeNotices();
    const now = clock.monotonic();
    const periodic = now >= (this.#auditedAt ?? 0) + AUDIT_INTERVAL_MS;
    const audit = this.#auditDue || periodic;
    // What an audit finds that nothing asked for, nobody has told.
    this.#blind ||= periodic && !this.#auditDue;
    if (audit || (this.#underlayDue && now >= this.#underlayEarliest)) await this.#readUnderlay();
    if (!audit) return;
    await this.#audit();
    // A reload meanwhile: nothing is written before its tables have been read too.
    while (this.#auditedTables !== this.#options.engine.tables) await this.#audit();
    // What was told while the kernel was read is older than what is written next.
    this.#takeNotices();
  }

  #takeNotices(): void {
    if (this.#notices.length === 0) return;
    const notices = this.#notices;
    this.#notices = [];
    const effects = takeNotices(notices, this.#mirror, this.#options.engine);
    this.#underlayDue ||= effects.underlay;
    this.#rulesDue ||= effects.rules;
    for (const index of effects.moved) this.#moved.add(index);
    this.#auditDue ||= effects.audit || this.#inUse(effects.disturbed);
    this.#blind ||= effects.audit;
    this.#tellDrift(effects.drift);
  }

  #tellDrift({ route, rule, nexthop }: Drift): void {
    if (route + rule + nexthop === 0) return;
    const { log, onDrift } = this.#options;
    log.warn({ route, rule, nexthop }, 'others changed what is ours; repairing');
    onDrift('route', route);
    onDrift('rule', rule);
    onDrift('nexthop', nexthop);
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
    this.#underlayEarliest = finished + (finished - started) * UNDERLAY_REST_FACTOR;
    engine.setUnderlay(underlay, await kernel.families());
  }

  /** A route of ours leads out of one of the interfaces. */
  #inUse(indexes: ReadonlySet<number>): boolean {
    for (const index of indexes) if (this.#mirror.interfaces.has(index)) return true;
    return false;
  }

  async #audit(): Promise<void> {
    const { kernel, engine, clock } = this.#options;
    this.#auditDue = false;
    const first = this.#auditedAt === undefined;
    this.#auditedTables = engine.tables;
    const before = this.#mirror;
    this.#mirror = await readMirror(kernel, this.#auditedTables.keys());
    if (!first && this.#blind) this.#tellDrift(driftBetween(before, this.#mirror));
    this.#blind = false;
    this.#auditedAt = clock.monotonic();
    this.#rulesDue = true;
    for (const table of engine.tables.values()) {
      table.touch();
      if (first) adopt(table, this.#mirror);
    }
  }
}

const NO_NOTICES = {
  async *[Symbol.asyncIterator](): AsyncGenerator<readonly KernelNotice[]> {},
};
