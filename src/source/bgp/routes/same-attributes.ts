import type { AsSegment, Attributes } from '../../../rib/path.js';

/** Equal in all that filters and selection read; most are one object. */
export function sameAttributes(a: Attributes, b: Attributes): boolean {
  return (
    a === b ||
    (a.origin === b.origin &&
      a.med === b.med &&
      a.localPref === b.localPref &&
      a.originatorId === b.originatorId &&
      a.clusterLength === b.clusterLength &&
      a.linkBandwidth === b.linkBandwidth &&
      sameItems(a.communities, b.communities) &&
      sameItems(a.largeCommunities, b.largeCommunities) &&
      sameItems(a.asPath, b.asPath, sameSegment))
  );
}

function sameSegment(a: AsSegment, b: AsSegment): boolean {
  return a.type === b.type && sameItems(a.asns, b.asns);
}

function sameItems<T>(
  a: readonly T[],
  b: readonly T[],
  same: (one: T, other: T) => boolean = Object.is,
): boolean {
  return a.length === b.length && a.every((item, i) => same(item, b[i] as T));
}
