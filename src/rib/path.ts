import type { Address } from '../net/address.js';

/** RFC 4271 5.1.1 ORIGIN. */
export type Origin = 'igp' | 'egp' | 'incomplete';

/** RFC 4271 4.3 b and RFC 5065 segment types. */
export interface AsSegment {
  readonly type: 'set' | 'sequence' | 'confed-sequence' | 'confed-set';
  readonly asns: readonly number[];
}

/**
 * The AS path of a source that does not know it: this very object. No pattern
 * matches it, not even that of an empty path.
 */
export const UNKNOWN_AS_PATH: readonly AsSegment[] = Object.freeze([]);

/**
 * The path attributes that filters and selection read. Immutable and interned
 * by the source: paths of many prefixes share one object.
 */
export interface Attributes {
  readonly origin: Origin;
  readonly asPath: readonly AsSegment[];
  /** RFC 1997, as unsigned 32-bit numbers: `asn << 16 | value`. */
  readonly communities: readonly number[];
  /** RFC 8092, in canonical text `global:data1:data2`. */
  readonly largeCommunities: readonly string[];
  readonly med: number | undefined;
  readonly localPref: number | undefined;
  /** RFC 4456 8: ORIGINATOR_ID, unsigned 32 bits. */
  readonly originatorId: number | undefined;
  /** RFC 4456 8: number of cluster ids in CLUSTER_LIST; 0 where absent. */
  readonly clusterLength: number;
  /** draft-ietf-idr-link-bandwidth, bytes a second; `undefined` where absent. */
  readonly linkBandwidth: number | undefined;
}

/** RFC 9494 5.1: the community of a route kept as the last resort, 65535:6. */
export const LLGR_STALE = 0xffff_0006;

/**
 * A BGP next hop. `interface` is known for link-local ones only, and of a source
 * that resolves next hops itself for those that are on-link there whatever the
 * connected prefixes say.
 */
export interface NextHop {
  readonly address: Address;
  readonly interface: string | undefined;
}

/** What selection asks about the session that a path came by; one object a session. */
export interface PathSession {
  readonly type: 'external' | 'internal' | 'confederation';
  /** The peer's BGP identifier, unsigned 32 bits. */
  readonly routerId: number;
}

/**
 * One way to a prefix, as a peer offered it. Does not name the prefix, so that
 * a source may share one object among all prefixes of an UPDATE; two paths of
 * one prefix are told apart by `peer`, `session` and `pathId`.
 */
export interface Path {
  /** Peer address without zone or port, which several peers may share; `file` for source `file`, `fpm` for source `fpm`. */
  readonly peer: string;
  readonly peerAs: number;
  /** RFC 7911 path identifier; 0 where none. */
  readonly pathId: number;
  readonly nextHop: NextHop;
  readonly attributes: Attributes;
  /** `undefined` where the source offers its daemon's best set: nothing is left to select. */
  readonly session: PathSession | undefined;
  /** When it was first heard as it is, epoch milliseconds; `undefined` where the source does not know. */
  readonly receivedAt: number | undefined;
}

/**
 * The AS that originated the route: the last of the last AS_SEQUENCE, or
 * `undefined` for an empty path and for one that ends in a set.
 */
export function originAs(attributes: Attributes): number | undefined {
  const last = attributes.asPath.at(-1);
  return last?.type === 'sequence' ? last.asns.at(-1) : undefined;
}

/** As selection counts: a set is 1 (RFC 4271 9.1.2.2 a), confederation segments are 0 (RFC 5065 5.3). */
export function asPathLength({ asPath }: Attributes): number {
  let length = 0;
  for (const { type, asns } of asPath) {
    if (type === 'sequence') length += asns.length;
    else if (type === 'set') length++;
  }
  return length;
}

/** `AS_PATH` as daemons print it: `65001 65002 {65010,65011}`. */
export function asPathText({ asPath }: Pick<Attributes, 'asPath'>): string {
  return asPath.map(segmentText).join(' ');
}

function segmentText({ type, asns }: AsSegment): string {
  switch (type) {
    case 'sequence':
      return asns.join(' ');
    case 'set':
      return `{${asns.join(',')}}`;
    case 'confed-sequence':
      return `(${asns.join(' ')})`;
    case 'confed-set':
      return `[${asns.join(',')}]`;
  }
}

/** `10.9.0.2`, or `fe80::1%eth1`: equal for equal next hops. */
export function nextHopText(nextHop: NextHop): string {
  return nextHop.interface === undefined
    ? nextHop.address.text
    : `${nextHop.address.text}%${nextHop.interface}`;
}
