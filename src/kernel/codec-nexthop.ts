/** struct nhmsg and its attributes (linux/nexthop.h, since Linux 5.3). Pure. */
import type { NexthopObject } from '../desired/route.js';
import { AF_INET, AF_INET6 } from '../netlink/route-message.js';
import { AttributeTable } from '../netlink/walk.js';
import { type KernelNexthop, OWN_PROTOCOL } from './kernel.js';
import type { MessageWriter } from './message-writer.js';

export const RTM_NEWNEXTHOP = 104;
export const RTM_DELNEXTHOP = 105;
export const RTM_GETNEXTHOP = 106;

const AF_UNSPEC = 0;
const RTNH_F_ONLINK = 0x4;

const NHA_ID = 1;
const NHA_GROUP = 2;
const NHA_OIF = 5;
const NHA_GATEWAY = 6;

/** sizeof(struct nexthop_grp): u32 id, u8 weight - 1, u8 its high byte (6.12), u16 reserved. */
const GROUP_ENTRY = 8;

export function encodeNexthop(writer: MessageWriter, nexthop: NexthopObject): void {
  switch (nexthop.type) {
    case 'single': {
      const { leg } = nexthop;
      const family = leg.gateway?.family ?? nexthop.family;
      encodeHeader(writer, family === 'ipv4' ? AF_INET : AF_INET6, leg.onlink ? RTNH_F_ONLINK : 0);
      writer.u32(NHA_ID, nexthop.id);
      writer.u32(NHA_OIF, leg.oif);
      if (leg.gateway !== undefined) writer.address(NHA_GATEWAY, leg.gateway);
      return;
    }
    case 'group': {
      encodeHeader(writer, AF_UNSPEC, 0);
      writer.u32(NHA_ID, nexthop.id);
      const place = writer.open();
      for (const { id, weight } of nexthop.members) {
        writer.word(id);
        writer.word(weight - 1);
      }
      writer.close(place, NHA_GROUP);
      return;
    }
  }
}

/** RTM_DELNEXTHOP knows ids only; a protocol in it is refused. */
export function encodeNexthopKey(writer: MessageWriter, id: number): void {
  writer.octets(AF_UNSPEC, 0, 0, 0);
  writer.word(0);
  writer.u32(NHA_ID, id);
}

export function encodeNexthopDump(writer: MessageWriter): void {
  writer.octets(AF_UNSPEC, 0, 0, 0);
  writer.word(0);
}

function encodeHeader(writer: MessageWriter, family: number, flags: number): void {
  writer.octets(family, 0, OWN_PROTOCOL, 0);
  writer.word(flags);
}

const attributes = new AttributeTable(NHA_GATEWAY);

/** A blackhole or fdb object comes as a `single` without a way out (oif 0). @throws RangeError when malformed. */
export function decodeNexthop(bytes: Buffer, body: number, end: number): KernelNexthop {
  const family = bytes.readUInt8(body) === AF_INET6 ? 'ipv6' : 'ipv4';
  const protocol = bytes.readUInt8(body + 2);
  const onlink = (bytes.readUInt32LE(body + 4) & RTNH_F_ONLINK) !== 0;
  attributes.read(bytes, body + 8, end);
  const id = attributes.u32(NHA_ID);
  if (id === undefined) throw new RangeError('a nexthop object without an id');
  if (attributes.has(NHA_GROUP)) {
    const members = [];
    const last = attributes.offset(NHA_GROUP) + attributes.length(NHA_GROUP);
    for (let at = attributes.offset(NHA_GROUP); at + GROUP_ENTRY <= last; at += GROUP_ENTRY) {
      members.push({ id: bytes.readUInt32LE(at), weight: bytes.readUInt16LE(at + 4) + 1 });
    }
    return { type: 'group', id, members, protocol };
  }
  const gateway = attributes.address(NHA_GATEWAY, family);
  const leg = { gateway, oif: attributes.u32(NHA_OIF) ?? 0, onlink, weight: 1 };
  return { type: 'single', id, family, leg, protocol };
}
