/** struct rtmsg and its attributes (linux/rtnetlink.h), IPv4 and IPv6. Pure. */
import type { Leg, Route, RouteTarget } from '../desired/route.js';
import type { UnderlayRoute } from '../desired/topology.js';
import type { Family } from '../net/family.js';
import {
  AF_INET,
  AF_INET6,
  type RouteMessage,
  RTA_DST,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_NH_ID,
  RTA_OIF,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_VIA,
  RTN_LOCAL,
  RTN_UNICAST,
  RTNH_F_ONLINK,
  readRoute,
} from '../netlink/route-message.js';
import { type KernelRoute, OWN_PROTOCOL } from './kernel.js';
import type { MessageWriter } from './message-writer.js';

export const RTM_GETROUTE = 26;

/** RT_TABLE_COMPAT: rtm_table when the id needs RTA_TABLE. */
const TABLE_COMPAT = 252;

const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
/** On deletion: any scope. */
const SCOPE_NOWHERE = 255;

const RTN_UNSPEC = 0;
const RTN_UNREACHABLE = 7;
const RTN_THROW = 9;
const KINDS = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
];

/** A route as RTM_NEWROUTE takes it; flags are the caller's. */
export function encodeRoute(writer: MessageWriter, route: Route): void {
  const { target } = route;
  switch (target.type) {
    case 'legs': {
      const [first] = target.legs;
      if (target.legs.length === 1 && first !== undefined) {
        const scope = first.gateway === undefined ? SCOPE_LINK : SCOPE_UNIVERSE;
        encodeHeader(writer, route, RTN_UNICAST, scope, first.onlink ? RTNH_F_ONLINK : 0);
        encodeGateway(writer, first, route.prefix.family);
        writer.u32(RTA_OIF, first.oif);
        return;
      }
      const scope = target.legs.some((leg) => leg.gateway !== undefined)
        ? SCOPE_UNIVERSE
        : SCOPE_LINK;
      encodeHeader(writer, route, RTN_UNICAST, scope, 0);
      encodeMultipath(writer, target.legs, route.prefix.family);
      return;
    }
    case 'nexthop':
      encodeHeader(writer, route, RTN_UNICAST, SCOPE_UNIVERSE, 0);
      writer.u32(RTA_NH_ID, target.id);
      return;
    case 'throw':
      encodeHeader(writer, route, RTN_THROW, SCOPE_UNIVERSE, 0);
      return;
    case 'unreachable':
      encodeHeader(writer, route, RTN_UNREACHABLE, SCOPE_UNIVERSE, 0);
      return;
    case 'other':
      throw new TypeError(`a route of kind ${target.kind} is never ours to write`);
  }
}

/**
 * What RTM_DELROUTE needs to hit our route and no other: table, prefix, metric
 * and protocol (ours, unless told otherwise). No next hop and no type: an IPv6 multipath route goes whole,
 * and so does one that somebody changed under our mark.
 */
export function encodeRouteKey(writer: MessageWriter, route: Route, protocol = OWN_PROTOCOL): void {
  encodeHeader(writer, route, RTN_UNSPEC, SCOPE_NOWHERE, 0, protocol);
}

/** What of the routes to read; all where nothing is said. */
export interface RouteFilter {
  readonly table?: number;
  readonly protocol?: number;
  /** A route of several legs passes with one of them. */
  readonly oif?: number;
}

/** RTM_GETROUTE under NETLINK_GET_STRICT_CHK: the kernel filters by what is given. */
export function encodeRouteDump(writer: MessageWriter, family: Family, filter: RouteFilter): void {
  writer.octets(family === 'ipv4' ? AF_INET : AF_INET6, 0, 0, 0);
  writer.octets(0, filter.protocol ?? 0, 0, 0);
  writer.word(0);
  if (filter.oif !== undefined) writer.u32(RTA_OIF, filter.oif);
  if (filter.table !== undefined) writer.u32(RTA_TABLE, filter.table);
}

function encodeHeader(
  writer: MessageWriter,
  route: Route,
  type: number,
  scope: number,
  flags: number,
  protocol = OWN_PROTOCOL,
): void {
  const { prefix, table, metric } = route;
  writer.octets(prefix.address.family === 'ipv4' ? AF_INET : AF_INET6, prefix.length, 0, 0);
  writer.octets(table > 255 ? TABLE_COMPAT : table, protocol, scope, type);
  writer.word(flags);
  if (table > 255) writer.u32(RTA_TABLE, table);
  writer.address(RTA_DST, prefix.address);
  writer.u32(RTA_PRIORITY, metric);
}

function encodeMultipath(writer: MessageWriter, legs: readonly Leg[], family: Family): void {
  const place = writer.open();
  for (const leg of legs) {
    const start = writer.openLeg(leg.oif);
    encodeGateway(writer, leg, family);
    writer.closeLeg(start, leg.onlink ? RTNH_F_ONLINK : 0, leg.weight - 1);
  }
  writer.close(place, RTA_MULTIPATH);
}

function encodeGateway(writer: MessageWriter, leg: Leg, family: Family): void {
  if (leg.gateway === undefined) return;
  if (leg.gateway.family === family) writer.address(RTA_GATEWAY, leg.gateway);
  else writer.via(RTA_VIA, leg.gateway);
}

/** Offsets in struct rtmsg. */
const RTM_TABLE = 4;
const RTM_PROTOCOL = 5;

/** `undefined` where an attribute has it. */
export function headerTable(bytes: Buffer, body: number): number | undefined {
  const table = bytes.readUInt8(body + RTM_TABLE);
  return table === TABLE_COMPAT || table === 0 ? undefined : table;
}

export function headerProtocol(bytes: Buffer, body: number): number {
  return bytes.readUInt8(body + RTM_PROTOCOL);
}

/**
 * `undefined` for what is left out: cloned, multicast, broadcast and anycast
 * entries, and those with a TOS or source prefix, whose key is another one.
 * @throws RangeError when malformed.
 */
export function decodeRoute(bytes: Buffer, body: number, end: number): KernelRoute | undefined {
  const fields = readRoute(bytes, body, end, 'inline');
  if (fields === undefined) return undefined;
  const { table, prefix, metric, protocol, dead } = fields;
  return { table, prefix, metric, target: targetOf(fields), protocol, dead };
}

/** As {@link decodeRoute}, and without a look at those that are ours. */
export function decodeForeignRoute(
  bytes: Buffer,
  body: number,
  end: number,
): KernelRoute | undefined {
  return headerProtocol(bytes, body) === OWN_PROTOCOL ? undefined : decodeRoute(bytes, body, end);
}

/** The same message for next-hop resolution. `nexthopId` names an object whose legs were not given. */
export function decodeUnderlayRoute(
  bytes: Buffer,
  body: number,
  end: number,
):
  | (UnderlayRoute & { readonly nexthopId: number | undefined; readonly protocol: number })
  | undefined {
  const fields = readRoute(bytes, body, end);
  if (fields === undefined) return undefined;
  const { table, prefix, metric, legs, dead, protocol } = fields;
  const type =
    fields.type === RTN_LOCAL
      ? 'local'
      : fields.type === RTN_UNICAST && !fields.encapsulated
        ? 'unicast'
        : 'other';
  const nexthopId = legs.length === 0 ? fields.nexthopId : undefined;
  return { table, prefix, metric, type, legs, dead, nexthopId, protocol };
}

function targetOf(fields: RouteMessage): RouteTarget {
  if (fields.nexthopId !== undefined) return { type: 'nexthop', id: fields.nexthopId };
  if (fields.encapsulated) return { type: 'other', kind: 'encap' };
  switch (fields.type) {
    case RTN_THROW:
      return THROW;
    case RTN_UNREACHABLE:
      return UNREACHABLE;
    case RTN_UNICAST:
      if (fields.legs.length > 0) return { type: 'legs', legs: fields.legs };
      return { type: 'other', kind: 'no next hop' };
    default:
      return { type: 'other', kind: KINDS[fields.type] ?? `type ${fields.type}` };
  }
}

const THROW: RouteTarget = { type: 'throw' };
const UNREACHABLE: RouteTarget = { type: 'unreachable' };
