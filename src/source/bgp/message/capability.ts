/** Capabilities (RFC 5492) from and to their bytes. */
import type { AfiSafi, Capability } from './message.js';

/** IANA's capability codes, of those that are read. */
const CODE = {
  multiprotocol: 1,
  'route-refresh': 2,
  'extended-next-hop': 5,
  'extended-message': 6,
  role: 9,
  'graceful-restart': 64,
  'four-octet-as': 65,
  'add-path': 69,
  'enhanced-route-refresh': 70,
  'long-lived-graceful-restart': 71,
} as const;

/** The value of one; `value` is copied where it is kept. One with a wrong length or value is `unknown`. */
export function decodeCapability(code: number, value: Buffer): Capability {
  return known(code, value) ?? { type: 'unknown', code, value: Buffer.from(value) };
}

function known(code: number, value: Buffer): Capability | undefined {
  const { length } = value;
  switch (code) {
    case CODE.multiprotocol:
      if (length !== 4) return undefined;
      return { type: 'multiprotocol', afi: value.readUInt16BE(0), safi: value.readUInt8(3) };
    case CODE['route-refresh']:
      return length === 0 ? { type: 'route-refresh' } : undefined;
    case CODE['extended-next-hop']:
      return extendedNextHop(value);
    case CODE['extended-message']:
      return length === 0 ? { type: 'extended-message' } : undefined;
    case CODE.role:
      return length === 1 ? { type: 'role', role: value.readUInt8(0) } : undefined;
    case CODE['graceful-restart']:
      return gracefulRestart(value);
    case CODE['four-octet-as']:
      return length === 4 ? { type: 'four-octet-as', as: value.readUInt32BE(0) } : undefined;
    case CODE['add-path']:
      return addPath(value);
    case CODE['enhanced-route-refresh']:
      return length === 0 ? { type: 'enhanced-route-refresh' } : undefined;
    case CODE['long-lived-graceful-restart']:
      return longLived(value);
    default:
      return undefined;
  }
}

/** RFC 8950 4: AFI and SAFI of two octets each, and the AFI of the next hop. */
function extendedNextHop(value: Buffer): Capability | undefined {
  if (value.length % 6 !== 0) return undefined;
  return {
    type: 'extended-next-hop',
    entries: every(value, 0, 6, (at) => ({
      afi: value.readUInt16BE(at),
      safi: value.readUInt16BE(at + 2),
      nextHopAfi: value.readUInt16BE(at + 4),
    })),
  };
}

/** RFC 4724 3, RFC 8538 2. */
function gracefulRestart(value: Buffer): Capability | undefined {
  if (value.length < 2 || (value.length - 2) % 4 !== 0) return undefined;
  const first = value.readUInt16BE(0);
  return {
    type: 'graceful-restart',
    restarting: (first & 0x8000) !== 0,
    notification: (first & 0x4000) !== 0,
    time: first & 0xfff,
    families: every(value, 2, 4, (at) => ({
      ...familyAt(value, at),
      forwarding: (value.readUInt8(at + 3) & 0x80) !== 0,
    })),
  };
}

/** RFC 7911 4. */
function addPath(value: Buffer): Capability | undefined {
  if (value.length % 4 !== 0) return undefined;
  const entries: (AfiSafi & { readonly mode: 1 | 2 | 3 })[] = [];
  for (let at = 0; at < value.length; at += 4) {
    const mode = value.readUInt8(at + 3);
    if (mode !== 1 && mode !== 2 && mode !== 3) return undefined;
    entries.push({ ...familyAt(value, at), mode });
  }
  return { type: 'add-path', entries };
}

/** RFC 9494 3.1. */
function longLived(value: Buffer): Capability | undefined {
  if (value.length % 7 !== 0) return undefined;
  return {
    type: 'long-lived-graceful-restart',
    families: every(value, 0, 7, (at) => ({
      ...familyAt(value, at),
      forwarding: (value.readUInt8(at + 3) & 0x80) !== 0,
      time: value.readUIntBE(at + 4, 3),
    })),
  };
}

function familyAt(value: Buffer, at: number): AfiSafi {
  return { afi: value.readUInt16BE(at), safi: value.readUInt8(at + 2) };
}

function every<T>(value: Buffer, from: number, size: number, read: (at: number) => T): T[] {
  const found: T[] = [];
  for (let at = from; at < value.length; at += size) found.push(read(at));
  return found;
}

/** Code, length and value. RangeError where a number does not fit, or the value is longer than 255 octets. */
export function encodeCapability(capability: Capability): Buffer {
  const code = capability.type === 'unknown' ? capability.code : CODE[capability.type];
  const value = valueBytes(capability);
  if (value.length > 255) throw new RangeError(`capability ${code} of ${value.length} octets`);
  return Buffer.concat([Buffer.from([code, value.length]), value]);
}

function valueBytes(capability: Capability): Buffer {
  switch (capability.type) {
    case 'multiprotocol':
      return Buffer.concat([u16(capability.afi), u16(capability.safi)]);
    case 'route-refresh':
    case 'extended-message':
    case 'enhanced-route-refresh':
      return Buffer.alloc(0);
    case 'extended-next-hop':
      return Buffer.concat(
        capability.entries.flatMap(({ afi, safi, nextHopAfi }) => [
          u16(afi),
          u16(safi),
          u16(nextHopAfi),
        ]),
      );
    case 'role':
      return Buffer.from([capability.role]);
    case 'graceful-restart': {
      const flags = (capability.restarting ? 0x8000 : 0) | (capability.notification ? 0x4000 : 0);
      return Buffer.concat([
        u16(flags | capability.time),
        ...capability.families.map((family) => familyBytes(family, family.forwarding ? 0x80 : 0)),
      ]);
    }
    case 'four-octet-as': {
      const value = Buffer.alloc(4);
      value.writeUInt32BE(capability.as);
      return value;
    }
    case 'add-path':
      return Buffer.concat(capability.entries.map((entry) => familyBytes(entry, entry.mode)));
    case 'long-lived-graceful-restart':
      return Buffer.concat(
        capability.families.flatMap((family) => {
          const time = Buffer.alloc(3);
          time.writeUIntBE(family.time, 0, 3);
          return [familyBytes(family, family.forwarding ? 0x80 : 0), time];
        }),
      );
    case 'unknown':
      return capability.value;
  }
}

function familyBytes({ afi, safi }: AfiSafi, last: number): Buffer {
  return Buffer.concat([u16(afi), Buffer.from([safi, last])]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
