/** struct ifinfomsg and struct ifaddrmsg (linux/rtnetlink.h, linux/if_addr.h): read only. Pure. */
import type { InterfaceAddress, Link } from '../desired/topology.js';
import type { Family } from '../net/family.js';
import { AF_INET, AF_INET6 } from '../netlink/route-message.js';
import { AttributeTable } from '../netlink/walk.js';
import type { MessageWriter } from './message-writer.js';

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

const AF_UNSPEC = 0;

const IFLA_IFNAME = 3;
const IFLA_EXT_MASK = 29;
/** Counters are most of a link message, and nobody here reads them. */
const RTEXT_FILTER_SKIP_STATS = 1 << 3;

const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x10000;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_FLAGS = 8;

/** IFA_F_DADFAILED, IFA_F_TENTATIVE. */
const TENTATIVE = 0x08 | 0x40;
const IFA_F_DEPRECATED = 0x20;

const SCOPES = new Map<number, InterfaceAddress['scope']>([
  [0, 'global'],
  [253, 'link'],
  [254, 'host'],
]);

export function encodeLinkDump(writer: MessageWriter): void {
  writer.octets(AF_UNSPEC, 0, 0, 0);
  writer.word(0);
  writer.word(0);
  writer.word(0);
  writer.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

export function encodeAddressDump(writer: MessageWriter, family: Family): void {
  writer.octets(family === 'ipv4' ? AF_INET : AF_INET6, 0, 0, 0);
  writer.word(0);
}

const linkAttributes = new AttributeTable(IFLA_IFNAME);

/** @throws RangeError when malformed. */
export function decodeLink(bytes: Buffer, body: number, end: number): Link {
  const flags = bytes.readUInt32LE(body + 8);
  linkAttributes.read(bytes, body + 16, end);
  return {
    index: bytes.readInt32LE(body + 4),
    name: linkAttributes.text(IFLA_IFNAME) ?? '',
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
  };
}

/** Of struct ifaddrmsg: which interface the address is on. */
export function decodeLinkIndex(bytes: Buffer, body: number): number {
  return bytes.readUInt32LE(body + 4);
}

const addressAttributes = new AttributeTable(IFA_FLAGS);

/**
 * IFA_LOCAL where given: on a point-to-point link IFA_ADDRESS is the peer's.
 * @throws RangeError when malformed.
 */
export function decodeAddress(
  bytes: Buffer,
  body: number,
  end: number,
): InterfaceAddress | undefined {
  const header = bytes.readUInt8(body);
  if (header !== AF_INET && header !== AF_INET6) return undefined;
  const family = header === AF_INET ? 'ipv4' : 'ipv6';
  addressAttributes.read(bytes, body + 8, end);
  const address =
    addressAttributes.address(IFA_LOCAL, family) ?? addressAttributes.address(IFA_ADDRESS, family);
  if (address === undefined) return undefined;
  const flags = addressAttributes.u32(IFA_FLAGS) ?? bytes.readUInt8(body + 2);
  return {
    index: decodeLinkIndex(bytes, body),
    address,
    length: bytes.readUInt8(body + 1),
    scope: SCOPES.get(bytes.readUInt8(body + 3)) ?? 'other',
    tentative: (flags & TENTATIVE) !== 0,
    settled: (flags & (TENTATIVE | IFA_F_DEPRECATED)) === 0,
  };
}
