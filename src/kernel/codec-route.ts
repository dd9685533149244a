/** struct rtmsg and its attributes (linux/rtnetlink.h), IPv4 and IPv6. Pure. */
import type { Leg, Route, RouteTarget } from '../desired/route.js';
import type { UnderlayRoute } from '../desired/topology.js';
import { Address } from '../net/address.js';
import type { Family } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import { type KernelRoute, OWN_PROTOCOL } from './kernel.js';
import { AttributeTable } from './message-reader.js';
import { AF_INET, AF_INET6, type MessageWriter } from './message-writer.js';

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;

/** RT_TABLE_COMPAT: rtm_table when the id needs RTA_TABLE. */
const TABLE_COMPAT = 252;

const SCOPE_UNIVERSE = 0;
const SCOPE_LINK = 253;
/** On deletion: any scope. */
const SCOPE_NOWHERE = 255;

const RTN_UNSPEC = 0;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RTN_BROADCAST = 3;
const RTN_ANYCAST = 4;
const RTN_MULTICAST = 5;
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

const RTM_F_CLONED = 0x200;
const RTNH_F_DEAD = 0x1;
const RTNH_F_ONLINK = 0x4;
const RTNH_F_LINKDOWN = 0x10;
const UNUSABLE = RTNH_F_DEAD | RTNH_F_LINKDOWN;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTA_ENCAP = 22;
const RTA_NH_ID = 30;

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

const attributes = new AttributeTable(RTA_NH_ID);
const legAttributes = new AttributeTable(RTA_ENCAP);

/** Offset of rtm_protocol in struct rtmsg. */
const RTM_PROTOCOL = 5;

/** One RTM_NEWROUTE or RTM_DELROUTE, before anybody asks what it is for. */
interface RouteFields {
  readonly table: number;
  readonly prefix: Prefix;
  readonly metric: number;
  readonly protocol: number;
  readonly type: number;
  /** With a nexthop object these are its legs, unless net.ipv4.nexthop_compat_mode is 0. */
  readonly legs: readonly Leg[];
  readonly nexthopId: number | undefined;
  readonly encapsulated: boolean;
  readonly dead: boolean;
}

/**
 * `undefined` for what is left out: cloned, multicast, broadcast and anycast
 * entries, and those with a TOS or source prefix, whose key is another one.
 * @throws RangeError when malformed.
 */
export function decodeRoute(bytes: Buffer, body: number, end: number): KernelRoute | undefined {
  const fields = decodeFields(bytes, body, end);
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
  return bytes.readUInt8(body + RTM_PROTOCOL) === OWN_PROTOCOL
    ? undefined
    : decodeRoute(bytes, body, end);
}

/** The same message for next-hop resolution. `nexthopId` names an object whose legs were not given. */
export function decodeUnderlayRoute(
  bytes: Buffer,
  body: number,
  end: number,
): (UnderlayRoute & { readonly nexthopId: number | undefined }) | undefined {
  const fields = decodeFields(bytes, body, end);
  if (fields === undefined) return undefined;
  const { table, prefix, metric, legs, dead } = fields;
  const type =
    fields.type === RTN_LOCAL
      ? 'local'
      : fields.type === RTN_UNICAST && !fields.encapsulated
        ? 'unicast'
        : 'other';
  const nexthopId = legs.length === 0 ? fields.nexthopId : undefined;
  return { table, prefix, metric, type, legs, dead, nexthopId };
}

function decodeFields(bytes: Buffer, body: number, end: number): RouteFields | undefined {
  const rtmFamily = bytes.readUInt8(body);
  if (rtmFamily !== AF_INET && rtmFamily !== AF_INET6) return undefined;
  const sourceLength = bytes.readUInt8(body + 2);
  const tos = bytes.readUInt8(body + 3);
  const type = bytes.readUInt8(body + 7);
  const flags = bytes.readUInt32LE(body + 8);
  if (sourceLength !== 0 || tos !== 0 || (flags & RTM_F_CLONED) !== 0) return undefined;
  if (type === RTN_BROADCAST || type === RTN_ANYCAST || type === RTN_MULTICAST) return undefined;

  const family = rtmFamily === AF_INET ? 'ipv4' : 'ipv6';
  attributes.read(bytes, body + 12, end);
  const destination = attributes.address(RTA_DST, family) ?? UNSPECIFIED[family];
  // Before 5.x the kernel calls ff00::/8 in table local unicast.
  if (family === 'ipv6' && destination.w0 >>> 24 === 0xff) return undefined;

  const legs: Leg[] = [];
  const nexthopId = attributes.u32(RTA_NH_ID);
  let dead = false;
  let encapsulated = attributes.has(RTA_ENCAP);
  if (attributes.has(RTA_MULTIPATH)) {
    dead = true;
    let at = attributes.offset(RTA_MULTIPATH);
    const last = at + attributes.length(RTA_MULTIPATH);
    while (at + 8 <= last) {
      const length = bytes.readUInt16LE(at);
      if (length < 8 || at + length > last) throw new RangeError(`rtnexthop of ${length} bytes`);
      const legFlags = bytes.readUInt8(at + 2);
      legAttributes.read(bytes, at + 8, at + length);
      encapsulated ||= legAttributes.has(RTA_ENCAP);
      dead &&= (legFlags & UNUSABLE) !== 0;
      legs.push({
        gateway: decodeGateway(bytes, legAttributes, family),
        oif: bytes.readInt32LE(at + 4),
        onlink: (legFlags & RTNH_F_ONLINK) !== 0,
        weight: bytes.readUInt8(at + 3) + 1,
      });
      at += (length + 3) & ~3;
    }
  } else {
    const oif = attributes.u32(RTA_OIF);
    if (oif !== undefined) {
      const gateway = decodeGateway(bytes, attributes, family);
      legs.push({ gateway, oif, onlink: (flags & RTNH_F_ONLINK) !== 0, weight: 1 });
      dead = (flags & UNUSABLE) !== 0;
    }
  }
  return {
    table: attributes.u32(RTA_TABLE) ?? bytes.readUInt8(body + 4),
    prefix: Prefix.of(destination, bytes.readUInt8(body + 1)),
    metric: attributes.u32(RTA_PRIORITY) ?? 0,
    protocol: bytes.readUInt8(body + 5),
    type,
    legs,
    nexthopId,
    encapsulated,
    dead,
  };
}

const UNSPECIFIED: Readonly<Record<Family, Address>> = {
  ipv4: new Address('ipv4', 0),
  ipv6: new Address('ipv6', 0),
};

function decodeGateway(bytes: Buffer, from: AttributeTable, family: Family): Address | undefined {
  if (!from.has(RTA_VIA)) return from.address(RTA_GATEWAY, family);
  const offset = from.offset(RTA_VIA);
  const via = bytes.readUInt16LE(offset) === AF_INET ? 'ipv4' : 'ipv6';
  if (from.length(RTA_VIA) < (via === 'ipv4' ? 6 : 18)) throw new RangeError('rtvia is too short');
  return Address.fromBytes(via, bytes, offset + 2);
}

function targetOf(fields: RouteFields): RouteTarget {
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
