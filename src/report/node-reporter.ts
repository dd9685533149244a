/**
 * Tells the cluster of its node, beside the daemon: never waits for anybody, never fails anything.
 * The status is written when it has changed, as `write-pace.ts` has it; and about every five minutes
 * without a change, so that a silent node is known by its `reportedAt`. A cluster has thousands of nodes, to
 * which much happens at the same moment: no two rest equally long. Events are an errand of their own, so
 * that neither waits for the other.
 */
import type { AlertReport, StatusReport } from '../admin/report.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log-port.js';
import { Alarm } from '../reconcile/alarm.js';
import { type ClusterApi, ClusterWriter, codeOf } from './cluster-writer.js';
import { lastConditions } from './conditions.js';
import { happenings } from './event.js';
import { EventQueue } from './event-queue.js';
import { type NodeRoutesStatus, nodeRoutesStatus } from './node-routes.js';
import { timeText } from './time-text.js';
import { WritePace } from './write-pace.js';

export interface NodeReporterOptions {
  readonly api: ClusterApi;
  /** Name of this node in the cluster. */
  readonly node: string;
  readonly status: () => StatusReport;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** After something has changed, or been written, by half more or less: what comes along is told with it. */
const REST_MS = 1_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 300_000;
/** For the last word of a daemon that ends. */
const FAREWELL_MS = 2_000;
/** HTTP's of what no repetition makes better: the request itself is wrong. */
const WRONG: readonly (number | undefined)[] = [400, 413, 422];

type Errand = 'status' | 'events';

export class NodeReporter {
  readonly #options: NodeReporterOptions;
  readonly #writer: ClusterWriter;
  readonly #alarm: Alarm;
  readonly #eventAlarm: Alarm;
  readonly #events: EventQueue;
  #alerts: readonly AlertReport[] = [];
  readonly #pace: WritePace;
  /** Why each does not succeed; told once, until it does again. */
  readonly #failing = new Map<Errand, string>();

  constructor(options: NodeReporterOptions) {
    const { api, node, clock, random } = options;
    this.#options = options;
    this.#pace = new WritePace(random);
    this.#writer = new ClusterWriter(api, node, clock.now());
    this.#alarm = new Alarm(clock);
    this.#eventAlarm = new Alarm(clock);
    this.#events = new EventQueue(clock);
  }

  /** Something may have changed. Cheap. */
  wake(): void {
    this.#alarm.ring();
  }

  /**
   * Until `signal` aborts; then says so to the cluster, within two seconds, and whether the daemon ends,
   * as `daemon` then tells. Never rejects.
   */
  async run(signal: AbortSignal, daemon: AbortSignal): Promise<void> {
    await Promise.all([this.#keepStatus(signal), this.#keepEvents(signal)]);
    await this.#farewell(daemon.aborted);
  }

  async #keepStatus(signal: AbortSignal): Promise<void> {
    let retry = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const status = this.#look();
      const ms = this.#pace.untilDue(status, this.#options.clock.monotonic());
      if (ms > 0) {
        await this.#alarm.wait(ms, signal);
        await this.#rest(signal);
      } else if (await this.#succeeds('status', () => this.#write(status, signal), signal)) {
        retry = FIRST_RETRY_MS;
        await this.#rest(signal);
      } else retry = await this.#backOff(retry, signal);
    }
  }

  async #keepEvents(signal: AbortSignal): Promise<void> {
    let retry = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const event = this.#events.first();
      if (event === undefined) {
        await this.#eventAlarm.wait(this.#events.untilDue(), signal);
      } else if (await this.#succeeds('events', () => this.#writer.event(event, signal), signal)) {
        // Another may have taken the place of the oldest meanwhile.
        if (this.#events.first() === event) this.#events.shift();
        retry = FIRST_RETRY_MS;
        this.#tellDropped();
      } else retry = await this.#backOff(retry, signal);
    }
  }

  /** Takes in what has happened since the last look. */
  #look(): NodeRoutesStatus {
    const status = this.#options.status();
    const news = happenings(this.#alerts, status.alerts);
    for (const happening of news) this.#events.add(happening);
    if (news.length > 0) this.#eventAlarm.ring();
    this.#alerts = status.alerts;
    return nodeRoutesStatus(status, this.#pace.status?.conditions ?? []);
  }

  async #write(status: NodeRoutesStatus, signal: AbortSignal): Promise<void> {
    await this.#writer.status(status, signal);
    this.#pace.wrote(status, this.#options.clock.monotonic());
  }

  #tellDropped(): void {
    const dropped = this.#events.takeDropped();
    if (dropped > 0) this.#options.log.warn({ dropped }, 'events for the cluster were too many');
  }

  async #succeeds(
    errand: Errand,
    write: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { node, log } = this.#options;
    try {
      await write();
    } catch (error) {
      if (signal.aborted) return false;
      const reason = reasonOf(error);
      if (![...this.#failing.values()].includes(reason))
        log.warn({ node }, `the cluster is not told of this node: ${reason}`);
      // Those behind it may be right.
      if (errand === 'events' && WRONG.includes(codeOf(error))) return true;
      this.#failing.set(errand, reason);
      return false;
    }
    if (this.#failing.delete(errand) && this.#failing.size === 0)
      log.info({ node }, 'the cluster is told of this node again');
    return true;
  }

  /** A status of which nothing is true any more but what it leaves. */
  async #farewell(stopped: boolean): Promise<void> {
    const last = this.#pace.status;
    if (last === undefined || this.#failing.has('status')) return;
    const { clock } = this.#options;
    const now = clock.now();
    const conditions = lastConditions(last.conditions, now, stopped);
    const status = { ...last, reportedAt: timeText(now), conditions };
    const end = new AbortController();
    void this.#pause(FAREWELL_MS, end.signal).then(() => end.abort());
    await this.#succeeds('status', () => this.#writer.status(status, end.signal), end.signal);
    end.abort();
  }

  async #rest(signal: AbortSignal): Promise<void> {
    await this.#pause(REST_MS * (0.5 + this.#options.random()), signal);
  }

  /** Resolves with how long the next one is, by half less at most. */
  async #backOff(ms: number, signal: AbortSignal): Promise<number> {
    await this.#pause(ms * (0.5 + this.#options.random() / 2), signal);
    return Math.min(ms * 2, LAST_RETRY_MS);
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.clock.delay(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** What a person can act on; of the server's words the first line. */
function reasonOf(error: unknown): string {
  switch (codeOf(error)) {
    case 404:
      return 'the definition of NodeRoutes is not installed, or there is no such Node';
    case 403:
      return 'it may not write NodeRoutes or Events (RBAC)';
    default:
      return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}
