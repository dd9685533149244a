/**
 * Tells the cluster of its node, beside the daemon: never waits for anybody, never fails anything.
 * The status is written when it has changed: at once where a condition did, else at most every ten
 * seconds, and every five minutes without a change, so that a silent node is known by its
 * `reportedAt`. Events wait in order while the API server is away, fifty of them.
 */
import type { AlertReport, StatusReport } from '../admin/report.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log-port.js';
import { Alarm } from '../reconcile/alarm.js';
import { type ClusterApi, ClusterWriter, codeOf, type DatedHappening } from './cluster-writer.js';
import { type Condition, stoppedConditions } from './conditions.js';
import { happenings } from './event.js';
import { type NodeRoutesStatus, nodeRoutesStatus, sameReport } from './node-routes.js';
import { timeText } from './time-text.js';

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

/** After something has changed: what comes along is told with it. */
const REST_MS = 1_000;
/** Between two writes of counts. */
const COUNTS_MS = 10_000;
const REPEAT_MS = 300_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 300_000;
/** For the last word of a daemon that ends. */
const FAREWELL_MS = 2_000;
/** Events that wait; the oldest goes first. */
const MOST_EVENTS = 50;

export class NodeReporter {
  readonly #options: NodeReporterOptions;
  readonly #writer: ClusterWriter;
  readonly #alarm: Alarm;
  #events: DatedHappening[] = [];
  #serial = 0;
  #dropped = 0;
  #alerts: readonly AlertReport[] = [];
  #written: { readonly status: NodeRoutesStatus; readonly at: number } | undefined;
  /** Told once, until it goes well again. */
  #failing: string | undefined;

  constructor(options: NodeReporterOptions) {
    const { api, node, clock } = options;
    this.#options = options;
    this.#writer = new ClusterWriter(api, node, clock.now());
    this.#alarm = new Alarm(clock);
  }

  /** Something may have changed. Cheap. */
  wake(): void {
    this.#alarm.ring();
  }

  /** Until `signal` aborts; then says so to the cluster, within two seconds. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let retry = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const status = this.#look();
      if (!this.#isDue(status)) {
        await this.#rest(this.#untilDue(status), signal);
      } else if (await this.#tell(status, signal)) {
        retry = FIRST_RETRY_MS;
        await this.#pause(REST_MS, signal);
      } else {
        await this.#pause(retry * (0.5 + this.#options.random() / 2), signal);
        retry = Math.min(retry * 2, LAST_RETRY_MS);
      }
    }
    await this.#farewell();
  }

  /** Takes in what has happened since the last look. */
  #look(): NodeRoutesStatus {
    const { status: look, clock } = this.#options;
    const status = look();
    const at = clock.now();
    for (const happening of happenings(this.#alerts, status.alerts)) {
      this.#events.push({ happening, at, serial: this.#serial++ });
    }
    this.#alerts = status.alerts;
    const over = this.#events.length - MOST_EVENTS;
    if (over > 0) {
      this.#events = this.#events.slice(over);
      this.#dropped += over;
    }
    return nodeRoutesStatus(status, this.#conditions());
  }

  #conditions(): readonly Condition[] {
    return this.#written?.status.conditions ?? [];
  }

  #isDue(status: NodeRoutesStatus): boolean {
    return this.#events.length > 0 || this.#untilDue(status) <= 0;
  }

  /** Milliseconds until this status is to be written, if nothing changes any more. */
  #untilDue(status: NodeRoutesStatus): number {
    const last = this.#written;
    if (last === undefined) return 0;
    const since = this.#options.clock.monotonic() - last.at;
    if (sameReport(status, last.status)) return REPEAT_MS - since;
    return sameConditions(status, last.status) ? COUNTS_MS - since : 0;
  }

  /** False when something is left for later. */
  async #tell(status: NodeRoutesStatus, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    const told = await this.#succeeds(async () => {
      if (this.#untilDue(status) <= 0) {
        await this.#writer.status(status, signal);
        this.#written = { status, at: clock.monotonic() };
      }
      for (let first = this.#events[0]; first !== undefined; first = this.#events[0]) {
        await this.#writer.event(first, signal);
        this.#events.shift();
      }
    }, signal);
    if (told && this.#dropped > 0) {
      this.#options.log.warn({ dropped: this.#dropped }, 'events for the cluster were too many');
      this.#dropped = 0;
    }
    return told;
  }

  async #succeeds(write: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const { node, log } = this.#options;
    try {
      await write();
    } catch (error) {
      if (signal.aborted) return false;
      const reason = reasonOf(error);
      if (this.#failing !== reason)
        log.warn({ node, err: error }, `the cluster is not told of this node: ${reason}`);
      this.#failing = reason;
      return false;
    }
    if (this.#failing !== undefined) log.info({ node }, 'the cluster is told of this node again');
    this.#failing = undefined;
    return true;
  }

  /** A status of which nothing is true any more but what it leaves. */
  async #farewell(): Promise<void> {
    const last = this.#written?.status;
    if (last === undefined || this.#failing !== undefined) return;
    const { clock } = this.#options;
    const now = clock.now();
    const conditions = stoppedConditions(last.conditions, now);
    const status = { ...last, reportedAt: timeText(now), conditions };
    const end = new AbortController();
    void this.#pause(FAREWELL_MS, end.signal).then(() => end.abort());
    await this.#succeeds(() => this.#writer.status(status, end.signal), end.signal);
    end.abort();
  }

  /** Until it is due, or woken; a wake is followed by a rest. */
  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    await this.#alarm.wait(ms, signal);
    await this.#pause(REST_MS, signal);
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

function sameConditions(one: NodeRoutesStatus, other: NodeRoutesStatus): boolean {
  return JSON.stringify(one.conditions) === JSON.stringify(other.conditions);
}
