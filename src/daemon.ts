/**
 * The composition root: builds the parts, wires them, runs, stops. The only
 * place that knows them all; what they do is in their own folders.
 */
import { hostname } from 'node:os';
import { Answers } from './admin/answers.js';
import type { Facts } from './admin/facts.js';
import { unreadyReason } from './admin/readiness.js';
import type { AlertReport } from './admin/report.js';
import { serveAdmin } from './admin/server.js';
import { statusAnswer } from './admin/status-answer.js';
import { systemClock } from './clock.js';
import type { Config } from './config/config.js';
import type { LoadedConfig } from './config/loaded.js';
import { ConfigKeeper } from './config-keeper.js';
import { MarkKeeper } from './connmark/mark-keeper.js';
import { systemNft } from './connmark/nft.js';
import { TABLE } from './connmark/ruleset.js';
import { DaemonAlerts } from './daemon-alerts.js';
import { Engine } from './desired/engine.js';
import { clusterOf, createDiscovery } from './discover/create.js';
import { DiscoveryKeeper } from './discovery-keeper.js';
import { fpmNode } from './fpm-node.js';
import { ChangeHooks } from './hooks/change-hooks.js';
import type { Kernel } from './kernel/kernel.js';
import { watchNftables } from './kernel/nftables-notices.js';
import { tcpSockets } from './kernel/tcp-options.js';
import { LimitKeeper } from './limit-keeper.js';
import { AlertSender } from './observe/alerts.js';
import { serveHealth } from './observe/health.js';
import type { Logger } from './observe/log.js';
import { Metrics } from './observe/metrics.js';
import { refusalsHere } from './preflight.js';
import { Alarm } from './reconcile/alarm.js';
import { Reconciler } from './reconcile/loop.js';
import type { NodeReporter } from './report/node-reporter.js';
import { ReportKeeper } from './report-keeper.js';
import { createSource } from './source/create.js';
import { enablePeers } from './source/gobgp/enable-peers.js';
import type { Source } from './source/source.js';
import { SourceKeeper } from './source-keeper.js';
import { type SavedState, statePath } from './state-file.js';

export interface DaemonOptions {
  readonly configPath: string;
  /** Take everything of ours out of the kernel on the way out. */
  readonly flush: boolean;
  readonly version: string;
}

/** Between two looks at what alerts are about. */
const ALERTS_MS = 100;

/** Runs once, over a kernel that the caller opens and closes. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #kernel: Kernel;
  readonly #log: Logger;
  readonly #clock = systemClock;
  readonly #alertsDue = new Alarm(this.#clock);
  readonly #engine: Engine;
  readonly #hooks: ChangeHooks;
  readonly #reconciler: Reconciler;
  readonly #metrics: Metrics;
  readonly #alerts: AlertSender;
  readonly #daemonAlerts: DaemonAlerts;
  readonly #marks: MarkKeeper;
  readonly #limits: LimitKeeper;
  readonly #facts: Facts;
  readonly #source: SourceKeeper;
  readonly #config: ConfigKeeper;
  readonly #discovery: DiscoveryKeeper;
  readonly #report: ReportKeeper;
  #ready = false;

  constructor(
    options: DaemonOptions,
    loaded: LoadedConfig,
    kernel: Kernel,
    log: Logger,
    saved: SavedState,
  ) {
    const { config } = loaded;
    const clock = this.#clock;
    this.#options = options;
    this.#kernel = kernel;
    this.#log = log;
    const latched = new Set(saved.latched);
    this.#engine = new Engine({ config, now: clock.monotonic(), latched });
    this.#metrics = new Metrics({ collect: () => statusAnswer(this.#facts) });
    const [engine, metrics] = [this.#engine, this.#metrics];
    const { alertmanager } = config.alerts;
    const labels = { instance: hostname() };
    this.#alerts = new AlertSender({ alertmanager, labels, clock, log });
    this.#hooks = new ChangeHooks({
      hooks: () => engine.config.hooks,
      tableName: (id) => engine.tables.get(id)?.config.name ?? `table${id}`,
      ...{ environment: process.env, clock, log, metrics },
    });
    this.#reconciler = new Reconciler({
      ...{ kernel, engine, clock, log, metrics, gate: this.#hooks },
      onPass: () => this.#review(),
    });
    this.#marks = new MarkKeeper({
      ...{ engine, metrics, nft: systemNft, clock, log },
      watch: (changed, signal) => watchNftables(TABLE.name, changed, signal),
    });
    this.#limits = new LimitKeeper({
      ...{ engine, alerts: this.#alerts, clock, log },
      sessions: () => this.#source.current.sessions,
      enablePeers: (gobgp, peers, onDone, signal) =>
        enablePeers(gobgp, peers, onDone, { clock, signal }),
      statePath: statePath(config.admin.socket),
      saved,
      onChange: () => this.#changed(),
    });
    this.#source = new SourceKeeper({
      ...{ engine, clock },
      create: (next) => this.#createSource(next),
      mayBegin: (signal) => this.#discovery.firstWord(signal),
      onChange: () => this.#changed(),
      onLook: () => this.#look(),
    });
    this.#discovery = new DiscoveryKeeper({
      ...{ engine, clock, log },
      create: (next) => createDiscovery(next, { clock, random: Math.random, log }),
      onChange: () => this.#changed(),
    });
    this.#report = new ReportKeeper({
      ...{ config, clock },
      create: (next) => this.#createReporter(next),
    });
    this.#config = new ConfigKeeper({
      ...{ path: options.configPath, loaded, clock, log },
      faultsHere: (next) => refusalsHere(next, kernel, this.#engine.config, systemNft),
      apply: (next, changes) => this.#apply(next, changes),
      onReload: () => this.#look(),
    });
    this.#facts = {
      version: options.version,
      startedAt: clock.now(),
      clock,
      engine: this.#engine,
      reconciler: this.#reconciler,
      limits: this.#limits,
      marks: () => this.#marks.state,
      alerts: { active: () => this.#activeAlerts() },
      hooks: () => this.#hooks.reports(),
      ready: () => this.#ready,
      source: () => this.#source.current,
      config: () => this.#config.state,
      discovery: () => this.#discovery.current,
    };
    this.#daemonAlerts = new DaemonAlerts(this.#facts, this.#alerts);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { metrics, admin } = this.#engine.config;
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const service = new Answers(this.#facts, {
      kernel: this.#kernel,
      nft: systemNft,
      reload: () => this.#config.reload(),
      clearLimits: (ids) => this.#clearLimits(ids),
    });
    const log = this.#log;
    const onHangup = (): void => void this.#config.reload();
    process.on('SIGHUP', onHangup);
    const servers: { close(): Promise<void> }[] = [];
    try {
      servers.push(await serveAdmin({ socket: admin.socket, service, log }));
      if (metrics.listen !== undefined) {
        const unready = (): string | undefined => unreadyReason(this.#facts);
        const { listen } = metrics;
        servers.push(await serveHealth({ listen, log, metrics: this.#metrics, unready }));
      }
      this.#config.watch();
      await this.#takeOver(both);
      log.info({ version: this.#options.version, config: this.#options.configPath }, 'started');
      const parts = [
        this.#reconciler.run(both),
        this.#discovery.run(both),
        this.#report.run(both),
        this.#source.run(both),
        this.#marks.run(both),
        this.#limits.run(both),
        this.#alerts.run(both),
        this.#watchAlerts(both),
      ];
      // The first part that fails ends the others.
      for (const part of parts) part.catch(() => stop.abort());
      await Promise.all(parts);
      const { flush } = this.#options;
      if (flush) {
        await this.#reconciler.flush();
        await this.#marks.tryFlush();
      }
      await Promise.all([this.#limits.end(flush), this.#hooks.end()]);
      log.info({ flushed: flush }, 'stopped');
    } finally {
      stop.abort();
      process.off('SIGHUP', onHangup);
      this.#config.stop();
      await this.#hooks.end();
      await Promise.all(servers.map((server) => server.close()));
    }
  }

  /**
   * The source is heard while the kernel is read, unless what the kernel has is to be known first:
   * under a limit it has the first claim to a place.
   */
  async #takeOver(signal: AbortSignal): Promise<void> {
    const limits = this.#engine.config.tables.flatMap((table) => table.limits);
    if (limits.length > 0) await this.#reconciler.prepare(signal);
    else await this.#reconciler.begin(signal);
  }

  #createSource(config: Config): Source {
    const [clock, log, node] = [this.#clock, this.#log, fpmNode(this.#kernel)];
    const hold = (): number => this.#engine.config.hold;
    const given = { clock, random: Math.random, log, hold, sockets: tcpSockets, node };
    return createSource(config, given);
  }

  async #createReporter(config: Config): Promise<NodeReporter> {
    const [cluster, report] = await Promise.all([
      clusterOf(config),
      import('./report/node-reporter.js'),
    ]);
    if (cluster === undefined) throw new TypeError('a report without a cluster');
    return new report.NodeReporter({
      ...cluster,
      status: () => statusAnswer(this.#facts),
      ...{ clock: this.#clock, random: Math.random, log: this.#log },
    });
  }

  /** The engine changed: the loop has work, and limits may want something. */
  #changed(): void {
    this.#limits.review();
    this.#reconciler.wake();
  }

  #review(): void {
    this.#marks.review();
    const { complete } = this.#engine.feed;
    this.#ready = complete && (this.#ready || this.#reconciler.settled);
    this.#limits.review();
    this.#alertsDue.ring();
  }

  /** Whom nobody tells of changes looks for them. */
  #look(): void {
    this.#daemonAlerts.review();
    this.#report.wake();
  }

  /** As they are at this moment, whenever they were looked at last. */
  #activeAlerts(): readonly AlertReport[] {
    this.#daemonAlerts.review();
    return this.#alerts.active();
  }

  /** Soon after every pass, but not with every one: thousands may come in a second. */
  async #watchAlerts(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#look();
      await this.#alertsDue.wait(Number.POSITIVE_INFINITY, signal);
      await this.#clock.delay(ALERTS_MS, signal).catch(() => undefined);
    }
  }

  #apply(config: Config, changes: readonly string[]): void {
    this.#engine.reconfigure(config, this.#discovery.snapshot(config));
    this.#marks.reconfigured();
    this.#discovery.reconfigure(config);
    this.#report.reconfigure(config);
    this.#log.setLevel(config.log.level);
    if (changes.some((change) => change.startsWith('source'))) {
      this.#source.replace(config);
    }
    this.#reconciler.audit();
    this.#changed();
  }

  #clearLimits(ids: ReadonlySet<string>): void {
    this.#limits.release(ids);
    this.#engine.clearLimits(ids);
    this.#changed();
  }
}
