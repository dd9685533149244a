/**
 * Which of the permitted paths of a prefix become the legs of its route, per
 * table. Sources offer their daemon's best set, so every permitted path is as
 * good as the others, and selection only removes doubles and keeps the number
 * of legs within `multipath`.
 */
import type { NextHop, Path } from '../rib/path.js';

/**
 * One path for each next hop, `multipath` (1 or more) at most. Depends on the
 * set of paths only, not on their order: they are taken by next hop
 * (numerically, IPv4 first, then by interface), peer, and path identifier.
 */
export function selectPaths(permitted: readonly Path[], multipath: number): readonly Path[] {
  if (permitted.length < 2) return permitted;
  const selected: Path[] = [];
  for (const path of permitted.toSorted(comparePaths)) {
    const last = selected.at(-1);
    const double = last !== undefined && compareNextHops(last.nextHop, path.nextHop) === 0;
    if (!double) selected.push(path);
    if (selected.length === multipath) break;
  }
  return selected;
}

function comparePaths(a: Path, b: Path): number {
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
