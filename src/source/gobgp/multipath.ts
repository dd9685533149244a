/**
 * Which of a prefix's known paths gobgpd forwards over. ListPath gives them
 * best first, but marks reliably only the best one: v3 and 4.0 to 4.5 mark the
 * other members of an equal-cost set wrongly or not at all. So with
 * use-multiple-paths the set is found here, by the comparison all versions
 * share (Path.Compare): local, internal, local preference, AS path length,
 * origin, MED.
 */
import { asPathLength, type Path } from '../../rib/path.js';
import type { KnownPath } from './known-path.js';

const DEFAULT_LOCAL_PREF = 100;
const ORIGIN_RANK = { igp: 0, egp: 1, incomplete: 2 } as const;

const NONE: readonly Path[] = [];

/** The set of a prefix without use-multiple-paths: its best path's. */
export function bestSet(known: readonly KnownPath[]): readonly Path[] {
  const best = known[0];
  return best === undefined || best.unreachable ? NONE : best.set;
}

/**
 * The set with use-multiple-paths: all paths as good as the best. `internal`
 * tells whether a peer is of the daemon's own AS.
 */
export function equalCostSet(
  known: readonly KnownPath[],
  internal: (path: Path) => boolean,
): readonly Path[] {
  const best = bestSet(known)[0];
  if (best === undefined) return NONE;
  if (known.length === 1) return bestSet(known);
  const rank = rankOf(best, internal);
  return known.flatMap(({ set, unreachable }) =>
    unreachable ? [] : set.filter((path) => rankOf(path, internal) === rank),
  );
}

/** Equal for paths that Path.Compare holds for equal. */
function rankOf(path: Path, internal: (path: Path) => boolean): string {
  const { localPref = DEFAULT_LOCAL_PREF, origin, med = 0 } = path.attributes;
  const hops = asPathLength(path.attributes);
  return `${internal(path)} ${localPref} ${hops} ${ORIGIN_RANK[origin]} ${med}`;
}
