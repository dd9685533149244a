/**
 * Carries out what limits ask for beyond refusing routes: ends a session under
 * `teardown` and brings it back, and keeps what is latched on disk. Never
 * blocks the loop: all I/O is in {@link LimitKeeper.run}, and what a daemon
 * that stops has to do or say in {@link LimitKeeper.end}.
 */
import type { Clock } from './clock.js';
import type { GobgpApiConfig } from './config/config.js';
import type { Engine } from './desired/engine.js';
import { LimitAlerts } from './limit-alerts.js';
import type { Log } from './log-port.js';
import type { AlertSender } from './observe/alerts.js';
import { type ReleaseOptions, releasePeers, tellDisabled } from './peer-release.js';
import type { LimitTracker } from './policy/limit.js';
import { Alarm } from './reconcile/alarm.js';
import type { SessionControl } from './source/source.js';
import { type DisabledPeer, type SavedState, saveState } from './state-file.js';
import { staysDisabled, teardownWords } from './teardown.js';

export interface LimitKeeperOptions {
  readonly engine: Engine;
  readonly alerts: Pick<AlertSender, 'raise' | 'resolve'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the source in use now; a reload may bring another. */
  readonly sessions: () => SessionControl | undefined;
  /** At a gobgpd that is the source no more. */
  readonly enablePeers: ReleaseOptions['enablePeers'];
  readonly statePath: string;
  readonly saved: SavedState;
  /** Called after the engine changed because of what was done here. */
  readonly onChange: () => void;
}

/** Between two attempts at what failed: a session call, or the state file. */
const RETRY_MS = 5_000;

export class LimitKeeper {
  readonly #options: LimitKeeperOptions;
  readonly #alarm: Alarm;
  readonly #alerts: LimitAlerts;
  /** By limit: a peer that several have ended comes back when the last of them lets it. */
  readonly #disabled = new Map<string, DisabledPeer>();
  /** Sessions to be ended, once that is on disk; by limit. */
  readonly #toDisable = new Map<string, DisabledPeer>();
  /** Where those were disabled that are at no gobgpd. Sessions of our own end with their source, and so does this. */
  #disabledAt: SessionControl | undefined;
  /** What is on disk. */
  #saved: SavedState;
  /** Peers whose last session call failed: told once. */
  readonly #failing = new Set<string>();

  constructor(options: LimitKeeperOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
    this.#alerts = new LimitAlerts(options.alerts);
    // Disabled again, which is idempotent: the crash may have come before the first time.
    for (const peer of options.saved.disabledPeers) this.#toDisable.set(peer.limit, peer);
    this.#saved = options.saved;
  }

  /** When the peer of a limit comes back; `undefined` while it is not disabled by us. */
  restoreAt(limit: string): number | null | undefined {
    return this.#disabled.get(limit)?.restoreAt;
  }

  /** Looks at all limits; to be called after every change of the engine. Cheap. */
  review(): void {
    this.#alerts.review(this.#limits());
    for (const [, limit] of this.#limits()) if (limit.takeTeardown()) this.#plan(limit);
    this.#followSource();
    const elsewhere = this.#peers().some((peer) => this.#isElsewhere(peer));
    if (elsewhere || !this.#isSaved(this.#state())) this.#alarm.ring();
  }

  /** Ends what `teardown` holds for these limits at once: their peers come back. */
  release(ids: ReadonlySet<string>): void {
    for (const peers of [this.#disabled, this.#toDisable]) {
      for (const [id, peer] of peers) if (ids.has(id)) peers.set(id, { ...peer, restoreAt: 0 });
    }
    this.#alarm.ring();
  }

  /** Until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#leave(signal);
      const saved = await this.#save();
      const disabled = await this.#disable(signal);
      const restored = await this.#restore(signal);
      const done = saved && disabled && restored;
      await this.#alarm.wait(done ? this.#untilNext() : RETRY_MS, signal);
    }
  }

  /**
   * To be called once, after {@link run}. Peers that are disabled stay so, for
   * the next start to look after, and the log tells it; unless rib2fib `leaves`
   * the node: then they are enabled, where gobgpd answers soon. Never rejects.
   */
  async end(leaves: boolean): Promise<void> {
    const held = this.#peers().filter((peer) => this.#isOnDisk(peer));
    if (leaves) this.#forget(await releasePeers(held, this.#options));
    else tellDisabled(held, this.#options.log);
    await this.#save();
  }

  *#limits(): Generator<[string, LimitTracker]> {
    for (const table of this.#options.engine.tables.values()) {
      for (const limit of table.limits) yield [table.config.name, limit];
    }
  }

  #plan(limit: LimitTracker): void {
    const { id, peer, restartAfter } = limit.config;
    const gobgp = this.#gobgp();
    if (peer === undefined || !this.#hasSessions()) {
      throw new TypeError(`limit ${id}: teardown without a session`);
    }
    const restoreAt = Number.isFinite(restartAfter)
      ? this.#options.clock.now() + restartAfter
      : null;
    this.#toDisable.set(id, { peer, limit: id, restoreAt, gobgp });
  }

  /** The gobgpd that is the source now; none where its sessions are our own. */
  #gobgp(): GobgpApiConfig | undefined {
    const { source } = this.#options.engine.config;
    if (source.kind !== 'gobgp') return undefined;
    const { address, tls } = source.gobgp;
    return { address, tls };
  }

  #hasSessions(): boolean {
    const { kind } = this.#options.engine.config.source;
    return kind === 'gobgp' || kind === 'bgp';
  }

  /** A reload has made new sessions of our own, which know of nothing that was disabled. */
  #followSource(): void {
    if (this.#options.sessions() === this.#disabledAt) return;
    for (const [id, peer] of this.#disabled) {
      if (peer.gobgp !== undefined || this.#isElsewhere(peer)) continue;
      this.#disabled.delete(id);
      this.#toDisable.set(id, peer);
      this.#alarm.ring();
    }
  }

  /** Disabled by us, or about to be. */
  #peers(): readonly DisabledPeer[] {
    return [...new Map([...this.#disabled, ...this.#toDisable]).values()];
  }

  /** At a source that is the source no more: since a reload, or a change while no daemon ran. */
  #isElsewhere({ gobgp }: DisabledPeer): boolean {
    return !this.#hasSessions() || gobgp?.address !== this.#gobgp()?.address;
  }

  /** The gobgpd that was left is no more looked after, whether or not its peers could be enabled. */
  async #leave(signal: AbortSignal): Promise<void> {
    const left = this.#peers().filter((peer) => this.#isElsewhere(peer));
    if (left.length === 0) return;
    const held = left.filter((peer) => this.#isOnDisk(peer));
    await releasePeers(held, this.#options, signal);
    if (signal.aborted) return;
    this.#forget(left);
    // They decide anew, by what the source in use now offers.
    this.#options.engine.clearLimits(new Set(left.map(({ limit }) => limit)));
    this.#options.onChange();
  }

  /** Their limits may end a session again. */
  #forget(peers: readonly DisabledPeer[]): void {
    for (const { limit } of peers) {
      this.#disabled.delete(limit);
      this.#toDisable.delete(limit);
      this.#limitOf(limit)?.restored();
    }
  }

  #state(): SavedState {
    const latched: string[] = [];
    for (const [, limit] of this.#limits())
      if (limit.snapshot().latched) latched.push(limit.config.id);
    return { latched, disabledPeers: this.#peers() };
  }

  /** Before a session is ended, so that a crash in between leaves no peer disabled for ever. */
  async #save(): Promise<boolean> {
    const { statePath, log } = this.#options;
    const state = this.#state();
    if (this.#isSaved(state)) return true;
    try {
      await saveState(statePath, state);
    } catch (error) {
      log.error(
        { err: error, file: statePath },
        'cannot keep the state of limits; no session is ended until it can',
      );
      return false;
    }
    this.#saved = state;
    return true;
  }

  #isSaved(state: SavedState): boolean {
    return JSON.stringify(state) === JSON.stringify(this.#saved);
  }

  /** False when some are left for later. */
  async #disable(signal: AbortSignal): Promise<boolean> {
    const { log, sessions } = this.#options;
    let all = true;
    for (const [id, planned] of [...this.#toDisable]) {
      const { peer, restoreAt } = planned;
      if (this.#isElsewhere(planned) || !this.#isOnDisk(planned)) {
        all = false;
        continue;
      }
      if (!this.#mayRestore(planned)) {
        const control = sessions();
        const end = control?.disable(peer, teardownWords(planned), 'maximum-prefixes');
        if (!(await this.#succeeds(peer, 'end the session of', end, signal))) {
          all = false;
          continue;
        }
        log.warn(
          { peer, limit: id, restoreAt: isoTime(restoreAt) },
          'session ended by its prefix limit',
        );
        this.#disabledAt = control;
      }
      this.#disabled.set(id, this.#toDisable.get(id) ?? planned);
      this.#toDisable.delete(id);
    }
    return all;
  }

  /** False when some are left for later. */
  async #restore(signal: AbortSignal): Promise<boolean> {
    const { log, sessions, onChange } = this.#options;
    let all = true;
    for (const [id, disabled] of [...this.#disabled]) {
      if (this.#isElsewhere(disabled) || !this.#mayRestore(disabled)) continue;
      const { peer } = disabled;
      if (!this.#isHeldBesides(disabled)) {
        if (!(await this.#succeeds(peer, 'allow', sessions()?.enable(peer), signal))) {
          all = false;
          continue;
        }
        log.info({ peer, limit: id }, 'session allowed again');
      }
      this.#disabled.delete(id);
      this.#limitOf(id)?.restored();
      onChange();
      this.#alarm.ring(); // To save it.
    }
    return all;
  }

  /** Its time has come, or the limit is gone from the configuration, or ends no sessions any more. */
  #mayRestore(disabled: DisabledPeer): boolean {
    const limit = this.#limitOf(disabled.limit)?.config;
    return !staysDisabled(disabled, limit, this.#options.clock.now());
  }

  #isOnDisk({ peer, limit, gobgp }: DisabledPeer): boolean {
    return this.#saved.disabledPeers.some(
      (one) => one.limit === limit && one.peer === peer && one.gobgp?.address === gobgp?.address,
    );
  }

  #isHeldBesides({ peer, limit }: DisabledPeer): boolean {
    const all = [...this.#disabled.values(), ...this.#toDisable.values()];
    return all.some((other) => other.peer === peer && other.limit !== limit);
  }

  #limitOf(id: string): LimitTracker | undefined {
    for (const [, limit] of this.#limits()) if (limit.config.id === id) return limit;
    return undefined;
  }

  /** No call: the source in use has no sessions, and the peer is kept in mind for one that has. */
  async #succeeds(
    peer: string,
    what: string,
    call: Promise<void> | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      if (call === undefined) throw new Error('the source in use has no sessions');
      await call;
    } catch (error) {
      if (signal.aborted) return false;
      if (!this.#failing.has(peer))
        this.#options.log.error({ err: error, peer }, `cannot ${what} the peer; retrying`);
      this.#failing.add(peer);
      return false;
    }
    this.#failing.delete(peer);
    return true;
  }

  #untilNext(): number {
    const now = this.#options.clock.now();
    const times = [...this.#disabled.values()].map(({ restoreAt }) => restoreAt ?? Infinity);
    return Math.max(0, Math.min(...times) - now);
  }
}

function isoTime(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}
