/**
 * One daemon's choice beside ours, over a whole table: how often they agree, at
 * which steps our paths lost, and every difference, explained or not.
 */
import {
  explainSelection,
  SELECTION_STEPS,
  type SelectionOptions,
  selectPaths,
} from '../../src/policy/select.js';
import type { Path } from '../../src/rib/path.js';

/** What a daemon says of one prefix. `legs`: the next hops it forwards over; absent where it does not say. */
export interface DaemonChoice {
  /** Address of the peer; `undefined` where no path is usable. */
  readonly best: string | undefined;
  readonly legs?: ReadonlySet<string>;
}

export interface Difference {
  readonly prefix: string;
  readonly text: string;
}

export interface Comparison {
  readonly name: string;
  readonly prefixes: number;
  /** Prefixes with more than one leg. */
  readonly multipath: number;
  /** Paths that lost at each step, and prefixes whose runner-up did. */
  readonly lost: ReadonlyMap<string, number>;
  readonly explained: ReadonlyMap<string, number>;
  readonly differences: readonly Difference[];
  /** More to be said, for people. */
  readonly notes: readonly string[];
}

export interface ComparisonOptions {
  readonly name: string;
  readonly options: SelectionOptions;
  /** Why the daemon's choice may be another; `undefined` where nothing explains it. */
  readonly explain?: (paths: readonly Path[], daemon: DaemonChoice) => string | undefined;
  readonly notes?: readonly string[];
}

export function compare(
  table: ReadonlyMap<string, readonly Path[]>,
  daemon: ReadonlyMap<string, DaemonChoice>,
  { name, options, explain = () => undefined, notes = [] }: ComparisonOptions,
): Comparison {
  const lost = new Map<string, number>(SELECTION_STEPS.map((step) => [step, 0]));
  const explained = new Map<string, number>();
  const differences: Difference[] = [];
  let multipath = 0;
  for (const [prefix, paths] of table) {
    for (const { outcome } of explainSelection(paths, options)) {
      if (outcome.kind === 'lost') lost.set(outcome.step, (lost.get(outcome.step) ?? 0) + 1);
    }
    const ours = choiceOf(paths, options);
    if (ours.legs.size > 1) multipath++;
    const theirs = daemon.get(prefix) ?? { best: undefined };
    const text = difference(ours, theirs);
    if (text === undefined) continue;
    const why = explain(paths, theirs);
    if (why === undefined) differences.push({ prefix, text });
    else explained.set(why, (explained.get(why) ?? 0) + 1);
  }
  for (const prefix of daemon.keys()) {
    if (!table.has(prefix)) differences.push({ prefix, text: 'the daemon alone has it' });
  }
  return { name, prefixes: table.size, multipath, lost, explained, differences, notes };
}

/** Ours; none where no next hop has a way to it. */
export function choiceOf(
  paths: readonly Path[],
  options: SelectionOptions,
): { readonly best: string | undefined; readonly legs: ReadonlySet<string> } {
  const legs = selectPaths(paths, options).filter(
    ({ nextHop }) => options.metricTo(nextHop) !== undefined,
  );
  return { best: legs[0]?.peer, legs: new Set(legs.map(({ nextHop }) => nextHop.address.text)) };
}

function difference(ours: ReturnType<typeof choiceOf>, theirs: DaemonChoice): string | undefined {
  if (ours.best !== theirs.best) return `best ${ours.best}, not ${theirs.best}`;
  if (theirs.legs === undefined) return undefined;
  const [mine, its] = [ours.legs, theirs.legs].map((legs) => [...legs].sort().join(' '));
  return mine === its ? undefined : `legs ${mine}, not ${its}`;
}

/** For people: one comparison a paragraph. */
export function comparisonText(comparison: Comparison): string {
  const { name, prefixes, multipath, lost, explained, differences, notes } = comparison;
  const others = [...explained].map(([why, count]) => `  ${count} differ: ${why}`);
  const agreed = prefixes - differences.length - [...explained.values()].reduce((a, b) => a + b, 0);
  return [
    `${name}: ${agreed} of ${prefixes} prefixes alike, ${multipath} of them ours with several legs`,
    `  paths lost at ${[...lost].map(([step, count]) => `${step} ${count}`).join(', ')}`,
    ...others,
    ...notes.map((note) => `  ${note}`),
    ...differences.slice(0, 10).map(({ prefix, text }) => `  UNEXPLAINED ${prefix}: ${text}`),
    ...(differences.length > 10 ? [`  and ${differences.length - 10} more`] : []),
  ].join('\n');
}
