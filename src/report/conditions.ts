/** The conditions of a NodeRoutes object: what an operator, or `kubectl wait`, asks of a node. Pure. */
import type { DiscoveryReport, StatusReport } from '../admin/report.js';
import { timeText } from './time-text.js';

/** As Kubernetes' own `metav1.Condition`. */
export interface Condition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /** One word, in CamelCase. */
  readonly reason: string;
  readonly message: string;
  /** RFC 3339: since when `status` is so. */
  readonly lastTransitionTime: string;
}

/** Each is True where all is well. */
export type ConditionType =
  | 'Ready'
  | 'SourceSynced'
  | 'ConfigAccepted'
  | 'KernelInStep'
  | 'WithinLimits'
  | 'DiscoverySynced';

/** `undefined`: nobody knows. */
type Verdict = readonly [well: boolean | undefined, reason: string, message: string];

/** Characters; the definition takes 32768. */
const MOST_MESSAGE = 1_000;

/** In the order of {@link ConditionType}; DiscoverySynced where there is discovery. */
export function conditionsOf(
  status: StatusReport,
  before: readonly Condition[],
): readonly Condition[] {
  const verdicts: readonly (readonly [ConditionType, Verdict])[] = [
    ['Ready', readyVerdict(status)],
    ['SourceSynced', sourceVerdict(status)],
    ['ConfigAccepted', configVerdict(status)],
    ['KernelInStep', kernelVerdict(status)],
    ['WithinLimits', limitsVerdict(status)],
    ...(status.discovery === undefined
      ? []
      : [['DiscoverySynced', discoveryVerdict(status.discovery)] as const]),
  ];
  return verdicts.map(([type, verdict]) => condition(type, verdict, status.now, before));
}

/**
 * The same node, of which nothing more is told: what was written stays. `stopped`: its rib2fib has ended; else it
 * goes on, and its configuration has it report no more, or elsewhere.
 */
export function lastConditions(
  before: readonly Condition[],
  now: number,
  stopped: boolean,
): readonly Condition[] {
  const verdict: Verdict = stopped
    ? [false, 'Stopped', 'rib2fib was stopped; what is in the kernel follows nobody now']
    : [
        undefined,
        'NotReported',
        'rib2fib goes on, and its configuration has it report no more here',
      ];
  return before.map((one) =>
    one.type === 'Ready' ? condition('Ready', verdict, now, before) : one,
  );
}

function condition(
  type: ConditionType,
  [well, reason, message]: Verdict,
  now: number,
  before: readonly Condition[],
): Condition {
  const status = well === undefined ? 'Unknown' : well ? 'True' : 'False';
  const last = before.find((one) => one.type === type);
  return {
    ...{ type, status, reason, message: message.slice(0, MOST_MESSAGE) },
    lastTransitionTime: last?.status === status ? last.lastTransitionTime : timeText(now),
  };
}

function readyVerdict({ ready, unready }: StatusReport): Verdict {
  return ready
    ? [true, 'InStep', 'fed, and the kernel has what is desired']
    : [false, 'NotInStep', unready ?? 'not ready'];
}

function sourceVerdict({ source: { feed, name } }: StatusReport): Verdict {
  switch (feed.state) {
    case 'synced':
      return [true, 'Synced', `the feed of ${name} is complete`];
    case 'syncing':
      return [false, 'Syncing', `waiting for ${feed.pending.join(' and ')}`];
    case 'stale':
      return [false, 'Stale', feed.reason];
    case 'expired':
      return [false, 'Expired', feed.reason];
  }
}

function configVerdict({ config: { stale, faults } }: StatusReport): Verdict {
  return stale
    ? [false, 'Refused', faults.join('\n')]
    : [true, 'InForce', 'the configuration is in force'];
}

function kernelVerdict({ kernel, tables }: StatusReport): Verdict {
  const [failing] = kernel.failing;
  if (failing !== undefined) {
    const { what, errno, message } = failing;
    return [
      false,
      'Refused',
      `${kernel.failingTotal} refused; first: ${what}: ${errno}: ${message}`,
    ];
  }
  const [contested] = kernel.contested;
  if (contested !== undefined) {
    const { what, by } = contested;
    return [
      false,
      'Contested',
      `${kernel.contestedTotal} undone by others; first: ${what}, by ${by}`,
    ];
  }
  const [misplaced] = tables.filter(({ rules }) => rules.misplaced > 0);
  if (misplaced !== undefined) {
    const faults = misplaced.rules.faults.join('; ');
    return [false, 'LocalRuleBehind', `rules of ${misplaced.name} are taken out: ${faults}`];
  }
  return [true, 'InStep', 'the kernel refuses nothing, and nobody undoes anything'];
}

function limitsVerdict({ tables }: StatusReport): Verdict {
  const exceeded = tables
    .flatMap(({ limits }) => limits)
    .filter(({ state, latched }) => state === 'exceeded' || latched);
  if (exceeded.length === 0) return [true, 'Within', 'no prefix limit is exceeded'];
  const words = exceeded.map(({ id, max, action }) => `${id} (${max}, ${action})`);
  return [false, 'Exceeded', words.join(', ')];
}

function discoveryVerdict({ resources }: DiscoveryReport): Verdict {
  const missing = resources.filter(({ state }) => !['synced', 'absent'].includes(state));
  if (missing.length === 0) return [true, 'Synced', 'every resource has been read'];
  const words = missing.map(({ resource, state }) => `${resource} is ${state}`);
  return [false, 'NotSynced', words.join(', ')];
}
