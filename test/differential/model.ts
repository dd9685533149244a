/** What was announced, as rib2fib's own paths, made from the announcement and not from any message. */
import type { BestPathConfig } from '../../src/config/config.js';
import { Address } from '../../src/net/address.js';
import { type SelectionOptions, selectPaths } from '../../src/policy/select.js';
import type { AsSegment, Path } from '../../src/rib/path.js';
import { type Announcement, metricOf, NODE_AS, PEERS } from './table.js';

/** `receivedAt`: of each peer, by number. */
export function pathOf(
  { peer, attributes }: Announcement,
  receivedAt: readonly number[] = [],
): Path {
  const { address: text = '', as = 0, routerId = '' } = PEERS[peer] ?? {};
  const { nextHop, origin = 'igp', asPath = [], communities = [], med } = attributes;
  const internal = as === NODE_AS;
  return {
    ...{ peer: text, peerAs: as, pathId: 0 },
    nextHop: { address: address(nextHop), interface: undefined },
    session: { type: internal ? 'internal' : 'external', routerId: number(routerId) },
    receivedAt: receivedAt[peer],
    attributes: {
      ...{ origin, med, largeCommunities: [], linkBandwidth: undefined },
      asPath: segments(internal ? asPath : [as, ...asPath]),
      communities: communities.map((word) => {
        const [high = 0, low = 0] = word.split(':').map(Number);
        return high * 0x10000 + low;
      }),
      localPref: internal ? (attributes.localPref ?? 100) : undefined,
      originatorId: attributes.originatorId ? number(attributes.originatorId) : undefined,
      clusterLength: attributes.clusterList?.length ?? 0,
    },
  };
}

function segments(path: readonly (number | readonly number[])[]): AsSegment[] {
  const found: { type: AsSegment['type']; asns: number[] }[] = [];
  for (const hop of path) {
    const last = found.at(-1);
    if (typeof hop !== 'number') found.push({ type: 'set', asns: [...hop] });
    else if (last?.type === 'sequence') last.asns.push(hop);
    else found.push({ type: 'sequence', asns: [hop] });
  }
  return found;
}

function address(text: string): Address {
  const parsed = Address.parse(text);
  if (parsed === undefined) throw new Error(`${text} is no address`);
  return parsed;
}

function number(text: string): number {
  return address(text).w0 >>> 0;
}

/** The path with an AS in the place of a set in front, which counts as one too: whom a daemon holds for the neighbour. */
export function withNeighbour(
  path: Path,
  neighbour: (set: readonly number[]) => number | undefined,
): Path {
  const [front, ...rest] = path.attributes.asPath;
  const as = front?.type === 'set' ? neighbour(front.asns) : undefined;
  if (as === undefined) return path;
  const asPath = [{ type: 'sequence', asns: [as] } as const, ...rest];
  return { ...path, attributes: { ...path.attributes, asPath } };
}

export interface Choices extends Partial<BestPathConfig> {
  /** Whether metrics and ways to next hops count. GoBGP by itself knows none. Default true. */
  readonly metrics?: boolean;
  readonly multipath?: number;
}

export function optionsOf({ metrics = true, multipath = 16, ...given }: Choices): SelectionOptions {
  const none = { multipathRelax: false, alwaysCompareMed: false, preferOldest: false };
  return {
    multipath,
    bestPath: { ...none, ...given },
    metricTo: (nextHop) => (metrics ? metricOf(nextHop.address.text) : 0),
  };
}

/** Whether `a` is preferred to `b` where there is nothing else: the comparison by pairs that daemons make. */
export function beats(a: Path, b: Path, options: SelectionOptions): boolean {
  return selectPaths([a, b], { ...options, multipath: 1 })[0] === a;
}

/**
 * The best paths that a daemon may come to which keeps its paths in order by
 * comparing pairs: by binary search, as GoBGP 4 does, or by a stable sort by
 * insertion, as GoBGP 3 does. More than one where MED makes the order of
 * arrival count.
 */
export function bestByArrival(paths: readonly Path[], options: SelectionOptions): Set<string> {
  const bests = new Set<string>();
  for (const order of permutations(paths)) {
    for (const insert of [bySearch, byNeighbours]) {
      const sorted: Path[] = [];
      for (const path of order) insert(sorted, path, options);
      bests.add(sorted[0]?.peer ?? '');
    }
  }
  return bests;
}

function bySearch(sorted: Path[], path: Path, options: SelectionOptions): void {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (beats(path, sorted[middle] as Path, options)) to = middle;
    else from = middle + 1;
  }
  sorted.splice(from, 0, path);
}

function byNeighbours(sorted: Path[], path: Path, options: SelectionOptions): void {
  sorted.push(path);
  for (let i = 1; i < sorted.length; i++) {
    for (let at = i; at > 0; at--) {
      const [before, after] = [sorted[at - 1] as Path, sorted[at] as Path];
      if (!beats(after, before, options)) break;
      sorted[at - 1] = after;
      sorted[at] = before;
    }
  }
}

function* permutations<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) return yield [];
  for (const [i, first] of items.entries()) {
    for (const rest of permutations(items.toSpliced(i, 1))) yield [first, ...rest];
  }
}
