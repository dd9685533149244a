/** A routing table as a file: MRT, TABLE_DUMP_V2 (RFC 6396 4.3), as `gobgp mrt inject` reads it. */
import { addressBytes, pathAttributes, prefixFamily } from './bgp-wire.js';
import type { RouteSet } from './routes.js';

/** Whose table it is. */
export interface MrtPeer {
  readonly as: number;
  /** IPv4, and its BGP identifier too. */
  readonly address: string;
}

/**
 * MP_REACH_NLRI of IPv6 routes: its next hop alone, as RFC 6396 4.3.4 says, and
 * gobgp 4.8 reads; or all of it but the prefix, which gobgp 3.10 needs.
 */
export type MpReach = 'abbreviated' | 'whole';

const TABLE_DUMP_V2 = 13;
const PEER_INDEX_TABLE = 1;
const RIB_UNICAST = { ipv4: 2, ipv6: 4 } as const;
/** RFC 6396 4.3.1: the peer's AS has four octets, its address is IPv4. */
const AS4 = 2;
const MP_REACH = 14;
const OPTIONAL = 0x80;
const AFI_IPV6 = 2;
const UNICAST = 1;

/** One record a prefix, all from one peer; the AS paths are as the peer itself has them, without its own AS. */
export function tableDump(
  sets: readonly RouteSet[],
  { as, address }: MrtPeer,
  form: MpReach,
): Buffer {
  const id = Buffer.from(addressBytes(address));
  const index = Buffer.concat([id, u16(0), u16(1), Buffer.of(AS4), id, id, u32(as)]);
  const records = [record(PEER_INDEX_TABLE, index)];
  let sequence = 0;
  for (const { prefixes, attributes } of sets) {
    const [first] = prefixes;
    if (first === undefined) continue;
    const family = prefixFamily(first);
    const shared = pathAttributes(attributes, { localAs: as, internal: true }, family === 'ipv6');
    for (const prefix of prefixes) {
      const reach = family === 'ipv6' ? mpReach(attributes.nextHop, form) : [];
      const entry = [u16(1), u16(0), u32(0), u16(shared.length + reach.length)];
      const body = [u32(sequence++), nlri(prefix), ...entry, Buffer.from([...shared, ...reach])];
      records.push(record(RIB_UNICAST[family], Buffer.concat(body)));
    }
  }
  return Buffer.concat(records);
}

function mpReach(nextHop: string, form: MpReach): number[] {
  const address = addressBytes(nextHop);
  const bytes = [address.length, ...address];
  const value = form === 'abbreviated' ? bytes : [0, AFI_IPV6, UNICAST, ...bytes, 0];
  return [OPTIONAL, MP_REACH, value.length, ...value];
}

function record(subtype: number, body: Buffer): Buffer {
  return Buffer.concat([u32(0), u16(TABLE_DUMP_V2), u16(subtype), u32(body.length), body]);
}

function nlri(prefix: string): Buffer {
  const [address = '', length = ''] = prefix.split('/');
  const bytes = addressBytes(address).slice(0, (Number(length) + 7) >> 3);
  return Buffer.of(Number(length), ...bytes);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
