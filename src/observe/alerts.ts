/**
 * Alerts for people: a log line on raise and resolve, a row in `status`, and,
 * where one is configured, the Alertmanager. Raising never waits and never
 * fails; delivery runs beside the daemon and outlives an Alertmanager that is
 * away. Alertmanager forgets what it is not told again, so firing alerts are
 * repeated well before the `endsAt` each of them carries.
 */
import type { AlertReport } from '../admin/report.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log-port.js';
import { type PostedAlert, postAlerts } from './alert-post.js';

/** CamelCase with the product's prefix, as shipped alert rules are named. */
export type AlertName =
  | 'Rib2fibPrefixLimitExceeded'
  | 'Rib2fibPrefixLimitWarning'
  | 'Rib2fibSourceLost'
  | 'Rib2fibFeedAway'
  | 'Rib2fibSourceRefused'
  | 'Rib2fibConfigRefused'
  | 'Rib2fibLocalRuleBehind'
  | 'Rib2fibKernelRefuses'
  | 'Rib2fibForeignRoutes'
  | 'Rib2fibContested'
  | 'Rib2fibDiscoveryStale'
  | 'Rib2fibDiscoveryRefused';

export interface Alert {
  readonly name: AlertName;
  readonly severity: Severity;
  /** Together with the name these are the alert's identity. */
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  readonly description: string;
}

export interface AlertSenderOptions {
  /** Base URL; `undefined` keeps alerts to the log and `status`. */
  readonly alertmanager: string | undefined;
  /** Added to every alert sent: the node's name as `instance`, for instance. */
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
}

const REPEAT_MS = 60_000;
/** How far ahead `endsAt` of a firing alert lies: three repeats may be lost. */
const LIFETIME_MS = 4 * REPEAT_MS;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;
/** Firing and not yet delivered resolved ones together. */
const CAPACITY = 1_000;

const SEVERITIES = ['warning', 'critical'] as const;
type Severity = (typeof SEVERITIES)[number];

interface Entry {
  readonly key: string;
  readonly alert: Alert;
  readonly startsAt: number;
  /** Set once resolved: the entry goes when this has been delivered, or has expired over there. */
  readonly resolvedAt: number | undefined;
  /** Monotonic; due when this lies {@link REPEAT_MS} back. */
  readonly deliveredAt: number | undefined;
}

export class AlertSender {
  readonly #options: AlertSenderOptions;
  readonly #entries = new Map<string, Entry>();
  #wake: (() => void) | undefined;
  /** Alertmanager is away; told in the log once. */
  #away = false;

  constructor(options: AlertSenderOptions) {
    this.#options = options;
  }

  /** Raises, or renews in place with new words or another severity. A known alert with equal words is no event. */
  raise(alert: Alert): void {
    const key = keyOf(alert, alert.severity);
    const before = this.#firing(alert);
    if (before !== undefined && sameWords(before.alert, alert)) return;
    if (before !== undefined && before.key !== key) this.#end(before);
    if (!this.#entries.has(key) && !this.#makeRoom()) {
      this.#options.log.error({ alert: alert.name, labels: alert.labels }, 'too many alerts');
      return;
    }
    this.#entries.set(key, {
      key,
      alert,
      startsAt: before?.startsAt ?? this.#options.clock.now(),
      resolvedAt: undefined,
      deliveredAt: undefined,
    });
    if (before?.key !== key) {
      const { name, severity, labels, summary } = alert;
      this.#options.log.warn({ alert: name, severity, ...labels, summary }, 'alert raised');
    }
    this.#wake?.();
  }

  /** No event when no such alert is firing. */
  resolve(alert: Pick<Alert, 'name' | 'labels'>): void {
    const firing = this.#firing(alert);
    if (firing === undefined) return;
    this.#options.log.info({ alert: alert.name, ...alert.labels }, 'alert resolved');
    this.#end(firing);
    this.#wake?.();
  }

  /** What is firing now, oldest first. */
  active(): AlertReport[] {
    return [...this.#entries.values()]
      .filter(({ resolvedAt }) => resolvedAt === undefined)
      .sort((a, b) => a.startsAt - b.startsAt)
      .map(({ alert: { name, severity, labels, summary }, startsAt }) => ({
        name,
        severity,
        labels,
        since: startsAt,
        summary,
      }));
  }

  /** Delivers until `signal` aborts; may be called once. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { alertmanager } = this.#options;
    if (alertmanager === undefined) return;
    let retry = FIRST_RETRY_MS;
    while (!signal.aborted) {
      const due = this.#due();
      if (due.length === 0) {
        await this.#pause(this.#nextRepeat(), signal);
      } else if (await this.#deliver(alertmanager, due, signal)) {
        retry = FIRST_RETRY_MS;
      } else {
        await this.#wait(retry, signal);
        retry = Math.min(retry * 2, LAST_RETRY_MS);
      }
    }
  }

  /** Of one name and labels, one severity fires at a time. */
  #firing(alert: Pick<Alert, 'name' | 'labels'>): Entry | undefined {
    for (const severity of SEVERITIES) {
      const entry = this.#entries.get(keyOf(alert, severity));
      if (entry !== undefined && entry.resolvedAt === undefined) return entry;
    }
    return undefined;
  }

  #end(entry: Entry): void {
    const { alertmanager, clock } = this.#options;
    if (alertmanager === undefined) this.#entries.delete(entry.key);
    else {
      const ended = { ...entry, resolvedAt: clock.now(), deliveredAt: undefined };
      this.#entries.set(entry.key, ended);
    }
  }

  async #deliver(base: string, due: readonly Entry[], signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#options;
    try {
      await postAlerts(
        base,
        due.map((entry) => this.#posted(entry)),
        signal,
      );
    } catch (error) {
      if (!this.#away && !signal.aborted) {
        log.warn({ alertmanager: base, err: error }, 'Alertmanager does not take alerts, retrying');
      }
      this.#away = true;
      return false;
    }
    if (this.#away) log.info({ alertmanager: base }, 'Alertmanager takes alerts again');
    this.#away = false;
    for (const entry of due) {
      if (this.#entries.get(entry.key) !== entry) continue;
      if (entry.resolvedAt !== undefined) this.#entries.delete(entry.key);
      else this.#entries.set(entry.key, { ...entry, deliveredAt: clock.monotonic() });
    }
    return true;
  }

  /** Also forgets what was resolved so long ago that Alertmanager has let it expire. */
  #due(): Entry[] {
    const { clock } = this.#options;
    const due: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.resolvedAt !== undefined && clock.now() > entry.resolvedAt + LIFETIME_MS) {
        this.#entries.delete(entry.key);
      } else if (
        entry.deliveredAt === undefined ||
        clock.monotonic() >= entry.deliveredAt + REPEAT_MS
      ) {
        due.push(entry);
      }
    }
    return due;
  }

  #nextRepeat(): number {
    const { clock } = this.#options;
    let next = REPEAT_MS;
    for (const { deliveredAt } of this.#entries.values()) {
      if (deliveredAt !== undefined) {
        next = Math.min(next, deliveredAt + REPEAT_MS - clock.monotonic());
      }
    }
    return Math.max(next, 0);
  }

  #posted({ alert, startsAt, resolvedAt }: Entry): PostedAlert {
    const { clock, labels } = this.#options;
    return {
      labels: { ...labels, ...alert.labels, alertname: alert.name, severity: alert.severity },
      annotations: { summary: alert.summary, description: alert.description },
      startsAt: new Date(startsAt).toISOString(),
      endsAt: new Date(resolvedAt ?? clock.now() + LIFETIME_MS).toISOString(),
    };
  }

  /** Waits `ms`, or less when an alert is raised or resolved, or `signal` aborts. */
  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const pause = new AbortController();
    const end = () => pause.abort();
    this.#wake = end;
    signal.addEventListener('abort', end, { once: true });
    try {
      await this.#wait(ms, pause.signal);
    } finally {
      signal.removeEventListener('abort', end);
      this.#wake = undefined;
    }
  }

  /** An aborted wait has ended, as the caller's loop sees by itself. */
  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.clock.delay(ms, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Gives up the oldest resolved alert when the bound is reached; false when all are firing. */
  #makeRoom(): boolean {
    if (this.#entries.size < CAPACITY) return true;
    for (const { key, resolvedAt } of this.#entries.values()) {
      if (resolvedAt !== undefined) return this.#entries.delete(key);
    }
    return false;
  }
}

/** Alertmanager tells alerts apart by all their labels, the severity among them. */
function keyOf({ name, labels }: Pick<Alert, 'name' | 'labels'>, severity: Severity): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([name, severity, sorted]);
}

function sameWords(a: Alert, b: Alert): boolean {
  return a.severity === b.severity && a.summary === b.summary && a.description === b.description;
}
