/** Kubernetes Events on the Node, of what people are alerted to: raised, and over again. Pure. */
import type { AlertReport } from '../admin/report.js';

/** What is to be told. */
export interface Happening {
  readonly type: 'Normal' | 'Warning';
  /** One word, in CamelCase: `SourceLost`, `SourceBack`. */
  readonly reason: string;
  readonly message: string;
}

/** Where the opposite has a name of its own; else `…Over`. */
const OVER: Readonly<Record<string, string>> = {
  SourceLost: 'SourceBack',
  FeedAway: 'FeedBack',
  SourceRefused: 'SourceAccepted',
  ConfigRefused: 'ConfigAccepted',
};

/** Characters; the API server takes 1024. */
const MOST_MESSAGE = 1_000;

/** What has happened between two looks at the alerts that are firing. Words that change are no event. */
export function happenings(
  before: readonly AlertReport[],
  now: readonly AlertReport[],
): readonly Happening[] {
  const [old, current] = [byKey(before), byKey(now)];
  return [
    ...now.filter((alert) => !old.has(keyOf(alert))).map(raised),
    ...before.filter((alert) => !current.has(keyOf(alert))).map(over),
  ];
}

function raised({ name, summary }: AlertReport): Happening {
  return { type: 'Warning', reason: word(name), message: summary.slice(0, MOST_MESSAGE) };
}

function over({ name, summary }: AlertReport): Happening {
  const reason = OVER[word(name)] ?? `${word(name)}Over`;
  return { type: 'Normal', reason, message: `over: ${summary}`.slice(0, MOST_MESSAGE) };
}

function word(name: string): string {
  return name.replace(/^Rib2fib/, '');
}

function byKey(alerts: readonly AlertReport[]): ReadonlySet<string> {
  return new Set(alerts.map(keyOf));
}

/** One alert whatever its severity: an alert that grows worse is told once. */
function keyOf({ name, labels }: AlertReport): string {
  return JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}
