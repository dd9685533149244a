/**
 * Which of the permitted paths of a prefix become the legs of its route, per
 * table.
 *
 * Where a source offers its daemon's best set, every permitted path is as good
 * as the others, and selection only removes doubles and keeps the number of
 * legs within `multipath`. Where it offers every path ({@link Path.session} is
 * known then), this is RFC 4271 9.1.2: the steps that FRR and GoBGP share, in
 * their order. Each step takes the losers away from all that are left, so the
 * outcome depends on the set of paths, never on their order: MED too, which is
 * no order among paths of several neighbours (FRR's `deterministic-med`).
 *
 * Paths that no step up to the metric told apart are of equal cost. The rest
 * break the tie: they name the best path, and which equal ones come first where
 * there are more than `multipath`.
 */
import type { BestPathConfig } from '../config/config.js';
import { Address } from '../net/address.js';
import {
  type AsSegment,
  type Attributes,
  asPathLength,
  LLGR_STALE,
  type NextHop,
  type Path,
} from '../rib/path.js';

export interface SelectionOptions {
  /** Most legs, 1 or more. */
  readonly multipath: number;
  readonly bestPath: BestPathConfig;
  /** What the way to a next hop costs; `undefined` where there is none. Asked where paths compete. */
  readonly metricTo: (nextHop: NextHop) => number | undefined;
}

/** In the order they are taken. */
export const SELECTION_STEPS = [
  /** RFC 4271 9.1.2.1: a next hop without a way to it loses first. */
  'next-hop',
  /** RFC 9494 4.3: LLGR_STALE is the least preferred. */
  'llgr-stale',
  'local-pref',
  'as-path-length',
  'origin',
  'med',
  'session-type',
  'igp-metric',
  /** RFC 5004, between external paths, where `preferOldest` asks for it. */
  'oldest',
  /** RFC 4456 9: ORIGINATOR_ID in its place. */
  'router-id',
  'cluster-length',
  'peer-address',
  /** RFC 7911: paths of one peer. */
  'path-id',
] as const;

export type SelectionStep = (typeof SELECTION_STEPS)[number];

/** What became of one path. */
export type PathOutcome =
  | { readonly kind: 'best' }
  /** A leg beside the best path. */
  | { readonly kind: 'equal' }
  /** `equalCost`: only a tie-break stands between it and the best path, and `multipathRelax` is off. */
  | { readonly kind: 'lost'; readonly step: SelectionStep; readonly equalCost: boolean }
  /** As good as a leg, by the next hop of a leg. */
  | { readonly kind: 'same-next-hop' }
  /** As good as a leg, with `multipath` legs before it. */
  | { readonly kind: 'beyond-multipath' };

/**
 * The paths that are legs: one for each next hop, `multipath` at most. Depends
 * on the set of paths only. The best path is the first; a daemon's best set
 * comes by next hop (numerically, IPv4 first, then by interface).
 */
export function selectPaths(
  permitted: readonly Path[],
  options: SelectionOptions,
): readonly Path[] {
  if (permitted.length < 2) return permitted;
  return walk(permitted, options, undefined);
}

/** What became of each of them, in the order given; the legs are those of {@link selectPaths}. */
export function explainSelection(
  permitted: readonly Path[],
  options: SelectionOptions,
): readonly { readonly path: Path; readonly outcome: PathOutcome }[] {
  const outcomes = new Map<Path, PathOutcome>();
  walk(permitted, options, outcomes);
  return permitted.map((path) => ({ path, outcome: outcomes.get(path) ?? { kind: 'best' } }));
}

type Outcomes = Map<Path, PathOutcome> | undefined;

function walk(
  permitted: readonly Path[],
  options: SelectionOptions,
  outcomes: Outcomes,
): readonly Path[] {
  if (permitted.some(({ session }) => session === undefined)) {
    return legsOf(permitted.toSorted(compareOffered), options.multipath, outcomes);
  }
  let equal = permitted;
  for (const [step, keep] of ELIMINATIONS) {
    if (equal.length === 1) break;
    const left = keep(equal, options);
    if (outcomes !== undefined && left !== equal) {
      const lost: PathOutcome = { kind: 'lost', step, equalCost: false };
      for (const path of equal) if (!left.includes(path)) outcomes.set(path, lost);
    }
    equal = left;
  }
  if (equal.length === 1 && outcomes === undefined) return equal;
  const { bestPath, multipath } = options;
  const tied = equal.toSorted((a, b) => compareTied(a, b, bestPath));
  const best = tied[0];
  if (best === undefined) return tied;
  const alike = bestPath.multipathRelax ? tied : tied.filter((path) => sharesAs(path, best));
  if (outcomes !== undefined) {
    for (const path of tied) {
      if (alike.includes(path)) continue;
      outcomes.set(path, { kind: 'lost', step: tieBreak(best, path, bestPath), equalCost: true });
    }
  }
  return legsOf(alike, multipath, outcomes);
}

/** `paths` in order of preference. */
function legsOf(paths: readonly Path[], multipath: number, outcomes: Outcomes): readonly Path[] {
  const legs: Path[] = [];
  for (const path of paths) {
    if (legs.some((leg) => compareNextHops(leg.nextHop, path.nextHop) === 0)) {
      outcomes?.set(path, { kind: 'same-next-hop' });
    } else if (legs.length === multipath) {
      if (outcomes === undefined) break;
      outcomes.set(path, { kind: 'beyond-multipath' });
    } else {
      outcomes?.set(path, { kind: legs.length === 0 ? 'best' : 'equal' });
      legs.push(path);
    }
  }
  return legs;
}

/** Gives back what it was given where it tells nothing apart; never leaves nothing. */
type Elimination = (paths: readonly Path[], options: SelectionOptions) => readonly Path[];

const ELIMINATIONS: readonly (readonly [SelectionStep, Elimination])[] = [
  ['next-hop', lowest(({ nextHop }, { metricTo }) => (metricTo(nextHop) === undefined ? 1 : 0))],
  ['llgr-stale', lowest(({ attributes }) => (attributes.communities.includes(LLGR_STALE) ? 1 : 0))],
  ['local-pref', lowest(({ attributes }) => -(attributes.localPref ?? DEFAULT_LOCAL_PREF))],
  ['as-path-length', lowest(({ attributes }) => asPathLength(attributes))],
  ['origin', lowest(({ attributes }) => originRank(attributes.origin))],
  ['med', withLowestMed],
  ['session-type', lowest(({ session }) => (session?.type === 'external' ? 0 : 1))],
  ['igp-metric', lowest(({ nextHop }, { metricTo }) => metricTo(nextHop) ?? 0)],
];

/** Of a path without LOCAL_PREF: what FRR and GoBGP take for it. */
const DEFAULT_LOCAL_PREF = 100;

type Key = (path: Path, options: SelectionOptions) => number;

/** Makes nothing where all are alike, as at most steps. */
function lowest(key: Key): Elimination {
  return (paths, options) => {
    let least = Infinity;
    let most = -Infinity;
    for (const path of paths) {
      const value = key(path, options);
      if (value < least) least = value;
      if (value > most) most = value;
    }
    return least === most ? paths : paths.filter((path) => key(path, options) === least);
  };
}

function originRank(origin: Attributes['origin']): number {
  switch (origin) {
    case 'igp':
      return 0;
    case 'egp':
      return 1;
    case 'incomplete':
      return 2;
  }
}

/** A path without MED has 0, the best. */
const med: Key = ({ attributes }) => attributes.med ?? 0;
const withLowestMedOfAll = lowest(med);

/** RFC 4271 9.1.2.2 c: a path loses to a lower MED of the same neighbouring AS. */
function withLowestMed(paths: readonly Path[], options: SelectionOptions): readonly Path[] {
  if (options.bestPath.alwaysCompareMed) return withLowestMedOfAll(paths, options);
  const least = new Map<number, number>();
  for (const path of paths) {
    const neighbour = neighbourAs(path.attributes);
    if (neighbour === undefined) continue;
    least.set(neighbour, Math.min(least.get(neighbour) ?? Infinity, med(path, options)));
  }
  const left = paths.filter((path) => {
    const neighbour = neighbourAs(path.attributes);
    return neighbour === undefined || med(path, options) === least.get(neighbour);
  });
  return left.length === paths.length ? paths : left;
}

/**
 * The AS a path came in from: the first, confederation segments aside. 0 for a
 * path that has not left this AS, which competes with its like; `undefined`
 * where the path begins with a set, and nobody knows.
 */
function neighbourAs({ asPath }: Attributes): number | undefined {
  const first = asPath.find(({ type }) => type === 'sequence' || type === 'set');
  if (first === undefined) return 0;
  return first.type === 'sequence' ? first.asns[0] : undefined;
}

/** What makes paths of equal cost legs of one route without `multipathRelax`, as in FRR. */
function sharesAs(path: Path, best: Path): boolean {
  return best.session?.type === 'internal'
    ? sameAsPath(path.attributes.asPath, best.attributes.asPath)
    : path.peerAs === best.peerAs;
}

function sameAsPath(a: readonly AsSegment[], b: readonly AsSegment[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ type, asns }, i) => {
      const other = b[i];
      return (
        type === other?.type &&
        asns.length === other.asns.length &&
        asns.every((asn, n) => asn === other.asns[n])
      );
    })
  );
}

type TieBreak = (a: Path, b: Path, bestPath: BestPathConfig) => number;

const TIE_BREAKS: readonly (readonly [SelectionStep, TieBreak])[] = [
  ['oldest', (a, b, { preferOldest }) => (preferOldest ? externalAge(a, b) : 0)],
  ['router-id', (a, b) => routerId(a) - routerId(b)],
  ['cluster-length', (a, b) => a.attributes.clusterLength - b.attributes.clusterLength],
  ['peer-address', (a, b) => compareAddresses(a.peer, b.peer)],
  ['path-id', (a, b) => a.pathId - b.pathId || compareNextHops(a.nextHop, b.nextHop)],
];

/** Negative where `a` is preferred. */
function compareTied(a: Path, b: Path, bestPath: BestPathConfig): number {
  for (const [, compare] of TIE_BREAKS) {
    const order = compare(a, b, bestPath);
    if (order !== 0) return order;
  }
  return 0;
}

function tieBreak(best: Path, path: Path, bestPath: BestPathConfig): SelectionStep {
  const decided = TIE_BREAKS.find(([, compare]) => compare(best, path, bestPath) !== 0);
  return decided?.[0] ?? 'path-id';
}

/** A path of unknown age passes for the youngest. */
function externalAge(a: Path, b: Path): number {
  if (a.session?.type !== 'external' || a.receivedAt === b.receivedAt) return 0;
  return (a.receivedAt ?? Infinity) - (b.receivedAt ?? Infinity);
}

function routerId({ attributes, session }: Path): number {
  return attributes.originatorId ?? session?.routerId ?? 0;
}

/** By number, IPv4 first. What is no address (a source without peers) goes by its text. */
function compareAddresses(a: string, b: string): number {
  if (a === b) return 0;
  const [left, right] = [Address.parse(a), Address.parse(b)];
  const order = left === undefined || right === undefined ? 0 : left.compare(right);
  return order || compareText(a, b);
}

function compareOffered(a: Path, b: Path): number {
  return (
    compareNextHops(a.nextHop, b.nextHop) || compareText(a.peer, b.peer) || a.pathId - b.pathId
  );
}

function compareNextHops(a: NextHop, b: NextHop): number {
  return a.address.compare(b.address) || compareText(a.interface ?? '', b.interface ?? '');
}

/** By code unit: a locale must not decide which leg is kept. */
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
