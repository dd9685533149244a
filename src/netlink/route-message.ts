/**
 * struct rtmsg and its attributes (linux/rtnetlink.h), IPv4 and IPv6, as the
 * kernel and zebra write it; what a message is for, its reader knows. Pure.
 */
import { Address } from '../net/address.js';
import type { Family } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import { AttributeTable } from './walk.js';

export const AF_INET = 2;
export const AF_INET6 = 10;

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;

export const TABLE_MAIN = 254;
export const TABLE_LOCAL = 255;

export const RTN_UNICAST = 1;
export const RTN_LOCAL = 2;
const RTN_BROADCAST = 3;
const RTN_ANYCAST = 4;
const RTN_MULTICAST = 5;

const RTM_F_CLONED = 0x200;
const RTNH_F_DEAD = 0x1;
export const RTNH_F_ONLINK = 0x4;
const RTNH_F_LINKDOWN = 0x10;
const UNUSABLE = RTNH_F_DEAD | RTNH_F_LINKDOWN;

export const RTA_DST = 1;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_MULTIPATH = 9;
export const RTA_TABLE = 15;
export const RTA_VIA = 18;
const RTA_ENCAP = 22;
export const RTA_NH_ID = 30;

const attributes = new AttributeTable(RTA_NH_ID);
const legAttributes = new AttributeTable(RTA_ENCAP);

/** One way out, as RTA_GATEWAY, RTA_VIA and RTA_OIF of a route or of an rtnexthop say. */
export interface RouteLeg {
  readonly gateway: Address | undefined;
  /** Interface index. */
  readonly oif: number;
  /** RTNH_F_ONLINK. */
  readonly onlink: boolean;
  /** rtnh_hops + 1: 1 to 256. */
  readonly weight: number;
}

/** One RTM_NEWROUTE or RTM_DELROUTE, before anybody asks what it is for. */
export interface RouteMessage {
  readonly table: number;
  readonly prefix: Prefix;
  /** RTA_PRIORITY; 0 where absent. */
  readonly metric: number;
  readonly protocol: number;
  /** RTN_…; 0 in a deletion that names none. */
  readonly type: number;
  /** With a nexthop object these are its legs, unless net.ipv4.nexthop_compat_mode is 0. */
  readonly legs: readonly RouteLeg[];
  readonly nexthopId: number | undefined;
  readonly encapsulated: boolean;
  /** RTNH_F_DEAD or RTNH_F_LINKDOWN on every leg. */
  readonly dead: boolean;
}

/**
 * The message whose rtmsg begins at `body`. `undefined` for what is left out:
 * cloned, multicast, broadcast and anycast entries, and those with a TOS or
 * source prefix, whose key is another one. `legsOf`: with `inline` those of a
 * nexthop object are not read, as for a million routes on one, and `dead` is false.
 * @throws RangeError when malformed.
 */
export function readRoute(
  bytes: Buffer,
  body: number,
  end: number,
  legsOf: 'all' | 'inline' = 'all',
): RouteMessage | undefined {
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

  const nexthopId = attributes.u32(RTA_NH_ID);
  let dead = false;
  let encapsulated = attributes.has(RTA_ENCAP);
  const legs: RouteLeg[] = [];
  const withLegs = legsOf === 'all' || nexthopId === undefined;
  if (withLegs && attributes.has(RTA_MULTIPATH)) {
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
        gateway: readGateway(bytes, legAttributes, family),
        oif: bytes.readInt32LE(at + 4),
        onlink: (legFlags & RTNH_F_ONLINK) !== 0,
        weight: bytes.readUInt8(at + 3) + 1,
      });
      at += (length + 3) & ~3;
    }
  } else if (withLegs) {
    const oif = attributes.u32(RTA_OIF);
    if (oif !== undefined) {
      const gateway = readGateway(bytes, attributes, family);
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

function readGateway(bytes: Buffer, from: AttributeTable, family: Family): Address | undefined {
  if (!from.has(RTA_VIA)) return from.address(RTA_GATEWAY, family);
  const offset = from.offset(RTA_VIA);
  const via = bytes.readUInt16LE(offset) === AF_INET ? 'ipv4' : 'ipv6';
  if (from.length(RTA_VIA) < (via === 'ipv4' ? 6 : 18)) throw new RangeError('rtvia is too short');
  return Address.fromBytes(via, bytes, offset + 2);
}
