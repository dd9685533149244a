/**
 * What the kernel has of rib2fib beside one daemon's choice, over a whole table:
 * how often they agree, at which steps paths lost, and every difference,
 * explained or not. The kernel is also held against what the same selection
 * makes of the announcements themselves: neither decoder nor daemon in between.
 */
import {
  explainSelection,
  SELECTION_STEPS,
  type SelectionOptions,
  selectPaths,
} from '../../src/policy/select.js';
import type { Path } from '../../src/rib/path.js';

/** Next hops: of the best path, `undefined` where no path is usable, and of all legs. */
export interface Choice {
  readonly hop: string | undefined;
  readonly legs: ReadonlySet<string>;
}

/** What a daemon says of one prefix. `legs`: the next hops it forwards over; absent where it does not say. */
export interface DaemonChoice {
  readonly hop: string | undefined;
  readonly legs?: ReadonlySet<string>;
  /** Address of the best path's peer. */
  readonly best: string | undefined;
}

export interface Difference {
  readonly prefix: string;
  readonly text: string;
}

export interface Comparison {
  readonly name: string;
  readonly prefixes: number;
  /** Prefixes with more than one leg in the kernel. */
  readonly multipath: number;
  /** Paths that lost at each step. */
  readonly lost: ReadonlyMap<string, number>;
  /** Prefixes whose last rival of the best path lost at each step, or that none did or has. */
  readonly decided: ReadonlyMap<string, number>;
  readonly explained: ReadonlyMap<string, number>;
  readonly differences: readonly Difference[];
}

export interface ComparisonOptions {
  readonly name: string;
  readonly options: SelectionOptions;
  /** Why the daemon's choice may be another; `undefined` where nothing explains it. */
  readonly explain?: (paths: readonly Path[], daemon: DaemonChoice) => string | undefined;
}

/** `table`: the paths announced; `kernel`: what rib2fib came to. */
export function compare(
  table: ReadonlyMap<string, readonly Path[]>,
  kernel: ReadonlyMap<string, Choice>,
  daemon: ReadonlyMap<string, DaemonChoice>,
  { name, options, explain = () => undefined }: ComparisonOptions,
): Comparison {
  const lost = new Map<string, number>(SELECTION_STEPS.map((step) => [step, 0]));
  const decided = new Map<string, number>(SELECTION_STEPS.map((step) => [step, 0]));
  const explained = new Map<string, number>();
  const differences: Difference[] = [];
  let multipath = 0;
  for (const [prefix, paths] of table) {
    for (const { outcome } of explainSelection(paths, options)) {
      if (outcome.kind === 'lost') add(lost, outcome.step);
    }
    add(decided, decidedAt(paths, options));
    const ours = kernel.get(prefix) ?? { hop: undefined, legs: new Set() };
    if (ours.legs.size > 1) multipath++;
    const wrong = difference(ours, choiceOf(paths, options));
    if (wrong !== undefined)
      differences.push({ prefix, text: `kernel: ${wrong}, which was selected` });
    const theirs = daemon.get(prefix) ?? { hop: undefined, best: undefined };
    const text = difference(ours, theirs);
    if (text === undefined) continue;
    const why = explain(paths, theirs);
    if (why === undefined) differences.push({ prefix, text });
    else add(explained, why);
  }
  for (const [of, has] of [
    ['the kernel', kernel],
    ['the daemon', daemon],
  ] as const) {
    for (const prefix of has.keys()) {
      if (!table.has(prefix)) differences.push({ prefix, text: `${of} alone has it` });
    }
  }
  return { name, prefixes: table.size, multipath, lost, decided, explained, differences };
}

/** Ours; none where no next hop has a way to it. */
export function choiceOf(
  paths: readonly Path[],
  options: SelectionOptions,
): Choice & { readonly best: string | undefined } {
  const legs = selectPaths(paths, options).filter(
    ({ nextHop }) => options.metricTo(nextHop) !== undefined,
  );
  const hops = legs.map(({ nextHop }) => nextHop.address.text);
  return { best: legs[0]?.peer, hop: hops[0], legs: new Set(hops) };
}

/** The last step that took a path away, by which the best path had no other beside it. */
function decidedAt(paths: readonly Path[], options: SelectionOptions): string {
  if (paths.length === 1) return 'a single path';
  const outcomes = explainSelection(paths, { ...options, multipath: 1 });
  const ties = outcomes.some(({ outcome }) => outcome.kind === 'beyond-multipath');
  if (ties) return 'legs of one route';
  const steps = outcomes.flatMap(({ outcome }) => (outcome.kind === 'lost' ? [outcome.step] : []));
  return SELECTION_STEPS.findLast((step) => steps.includes(step)) ?? 'one next hop';
}

function add(to: Map<string, number>, what: string): void {
  to.set(what, (to.get(what) ?? 0) + 1);
}

function difference(ours: Choice, theirs: Omit<DaemonChoice, 'best'>): string | undefined {
  if (ours.hop !== theirs.hop) return `best by ${ours.hop}, not ${theirs.hop}`;
  if (theirs.legs === undefined) return undefined;
  const [mine, its] = [ours.legs, theirs.legs].map((legs) => [...legs].sort().join(' '));
  return mine === its ? undefined : `legs ${mine}, not ${its}`;
}

/** For people: one comparison a paragraph. */
export function comparisonText(comparison: Comparison): string {
  const { name, prefixes, multipath, lost, decided, explained, differences } = comparison;
  const others = [...explained].map(([why, count]) => `  ${count} differ: ${why}`);
  const unlike = new Set(differences.map(({ prefix }) => prefix)).size;
  const agreed = prefixes - unlike - [...explained.values()].reduce((a, b) => a + b, 0);
  const list = (of: ReadonlyMap<string, number>) =>
    [...of].map(([what, count]) => `${what} ${count}`).join(', ');
  return [
    `${name}: the kernel has ${agreed} of ${prefixes} prefixes as the daemon, ${multipath} of them with several legs`,
    `  prefixes decided at ${list(decided)}`,
    `  paths lost at ${list(lost)}`,
    ...others,
    ...differences.slice(0, 10).map(({ prefix, text }) => `  UNEXPLAINED ${prefix}: ${text}`),
    ...(differences.length > 10 ? [`  and ${differences.length - 10} more`] : []),
  ].join('\n');
}
