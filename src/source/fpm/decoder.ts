/**
 * The netlink messages of FPM frames, as far as they are about routes of BGP.
 *
 * FRR 8.4 tells a change as RTM_DELROUTE and RTM_NEWROUTE in one frame, 9.1 and
 * later as one RTM_NEWROUTE with NLM_F_REPLACE: read in order, both mean that
 * the last word is the route. Of other protocols zebra tells too; of those
 * nothing is taken, but that one which takes the place of BGP's ends it: 9.1 and
 * later do not take back what they replace.
 */
import type { Prefix } from '../../net/prefix.js';
import {
  type RouteLeg,
  type RouteMessage,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTN_UNICAST,
  readRoute,
} from '../../netlink/route-message.js';
import { NLMSG_HEADER, walkMessages } from '../../netlink/walk.js';

const RTM_NEWNEXTHOP = 104;
const RTM_DELNEXTHOP = 105;

/** RTPROT_BGP: what zebra writes for routes of bgpd. */
export const PROTOCOL_BGP = 186;

/** 169.254.0.1: what zebra puts in the place of an IPv6 next hop of an IPv4 route. */
const FLATTENED = (169 << 24) | (254 << 16) | 1;

export type RouteChange =
  | {
      readonly type: 'new';
      readonly table: number;
      readonly prefix: Prefix;
      /** At least one; each has a gateway. */
      readonly legs: readonly Gateway[];
    }
  | { readonly type: 'gone'; readonly table: number; readonly prefix: Prefix }
  /** zebra's choice is a route of another protocol: BGP's, if there was one, is none any more. */
  | { readonly type: 'others'; readonly table: number; readonly prefix: Prefix }
  /** There is a route, but it cannot be taken: as good as none. */
  | {
      readonly type: 'refused';
      readonly table: number;
      readonly prefix: Prefix;
      readonly reason: RouteRefusal;
    };

/** A leg that has a gateway. */
export type Gateway = RouteLeg & { readonly gateway: NonNullable<RouteLeg['gateway']> };

export type RouteRefusal =
  | 'flattened-next-hop'
  | 'no-gateway'
  | 'not-unicast'
  | 'encapsulated'
  /** Told by who looks interfaces up, not by the decoder. */
  | 'unknown-interface';

export interface ChangeSink {
  change(change: RouteChange): void;
  /** zebra speaks of nexthop objects: what stands on them cannot be followed. */
  nexthopGroups(): void;
  /** A message that does not decode; `offset` and `message` are its place in the frame's payload. */
  undecodable(fault: Undecodable): void;
}

export interface Undecodable {
  /** Of the message, in the payload. */
  readonly offset: number;
  readonly reason: string;
  /** Hexadecimal, the first 64 bytes of it. */
  readonly bytes: string;
}

/** Walks the payload of one frame. Never throws for what it holds: a bad message costs that message. */
export function decodeFrame(payload: Buffer, sink: ChangeSink): void {
  /** Behind the last whole message. */
  let reached = 0;
  const skipped = walkMessages(payload, (type, _flags, _seq, body, end) => {
    reached = (end + 3) & ~3;
    if (type === RTM_NEWNEXTHOP || type === RTM_DELNEXTHOP) sink.nexthopGroups();
    if (type !== RTM_NEWROUTE && type !== RTM_DELROUTE) return;
    try {
      decodeRoute(payload, type, body, end, sink);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      sink.undecodable(faultAt(payload, body - NLMSG_HEADER, error.message));
    }
  });
  if (skipped > 0) sink.undecodable(faultAt(payload, reached, 'a broken netlink header'));
}

function decodeRoute(
  payload: Buffer,
  type: number,
  body: number,
  end: number,
  sink: ChangeSink,
): void {
  // The protocol first: zebra tells of all there are, and most hosts have others.
  if (end - body < 12) throw new RangeError(`rtmsg of ${end - body} bytes`);
  const isBgp = payload.readUInt8(body + 5) === PROTOCOL_BGP;
  if (!isBgp && type === RTM_DELROUTE) return;
  const route = readRoute(payload, body, end);
  if (route === undefined) return;
  const { table, prefix } = route;
  if (!isBgp) {
    sink.change({ type: 'others', table, prefix });
    return;
  }
  if (type === RTM_DELROUTE) {
    sink.change({ type: 'gone', table, prefix });
    return;
  }
  if (route.nexthopId !== undefined) {
    sink.nexthopGroups();
    return;
  }
  const reason = refusalOf(route);
  if (reason !== undefined) sink.change({ type: 'refused', table, prefix, reason });
  else sink.change({ type: 'new', table, prefix, legs: route.legs.filter(hasGateway) });
}

function refusalOf({ type, legs, encapsulated }: RouteMessage): RouteRefusal | undefined {
  if (type !== RTN_UNICAST) return 'not-unicast';
  if (encapsulated) return 'encapsulated';
  if (legs.some(({ gateway }) => gateway?.family === 'ipv4' && gateway.w0 === FLATTENED)) {
    return 'flattened-next-hop';
  }
  return legs.length === 0 || !legs.every(hasGateway) ? 'no-gateway' : undefined;
}

export function hasGateway(leg: RouteLeg): leg is Gateway {
  return leg.gateway !== undefined;
}

function faultAt(payload: Buffer, offset: number, reason: string): Undecodable {
  return { offset, reason, bytes: payload.toString('hex', offset, offset + 64) };
}
