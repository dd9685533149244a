/** BGP messages as bytes, sender's side (RFC 4271, 4760, 1997, 8092, 8950, 4724). */
import type { Family } from '../../src/net/family.js';

/** Path attributes of one announcement, in text forms; the speaker's own AS is not part of `asPath`. */
export interface FeedAttributes {
  /** IPv4 or IPv6; an IPv6 next hop for IPv4 prefixes goes as RFC 8950 says. */
  readonly nextHop: string;
  /** Second IPv6 next hop of RFC 2545. */
  readonly linkLocal?: string;
  readonly origin?: 'igp' | 'egp' | 'incomplete';
  /** Behind the speaker's AS; an inner list is an AS_SET. */
  readonly asPath?: readonly (number | readonly number[])[];
  /** `65000:100`. */
  readonly communities?: readonly string[];
  /** `65000:1:2`. */
  readonly largeCommunities?: readonly string[];
  readonly med?: number;
  /** Sent to internal peers only. Default 100 there. */
  readonly localPref?: number;
  /** Of a route reflector, sent to internal peers only (RFC 4456 8): addresses in text. */
  readonly originatorId?: string;
  readonly clusterList?: readonly string[];
  /** Link bandwidth extended community, bytes a second. */
  readonly linkBandwidth?: { readonly as: number; readonly bytesPerSecond: number };
}

export interface OpenOptions {
  readonly as: number;
  /** Seconds. */
  readonly holdTime: number;
  readonly routerId: string;
  readonly families: readonly Family[];
  /** RFC 7911: offer to send several paths of a prefix. Default false. */
  readonly addPath?: boolean;
  readonly gracefulRestart:
    | { readonly restartTime: number; readonly restarting: boolean }
    | undefined;
}

export const MESSAGE = { open: 1, update: 2, notification: 3, keepalive: 4 } as const;

const HEADER = 19;
const MAX_MESSAGE = 4096;
const AFI: Readonly<Record<Family, number>> = { ipv4: 1, ipv6: 2 };
const UNICAST = 1;
/** RFC 7911 4, Send/Receive. */
const RECEIVE = 1;
const SEND = 2;
const AS_TRANS = 23456;

/** Frames one message. */
export function message(type: number, body: Buffer): Buffer {
  const bytes = Buffer.alloc(HEADER + body.length, 0xff);
  bytes.writeUInt16BE(bytes.length, 16);
  bytes.writeUInt8(type, 18);
  body.copy(bytes, HEADER);
  return bytes;
}

export function open(options: OpenOptions): Buffer {
  const capabilities = [
    ...options.families.map((family) => capability(1, [0, AFI[family], 0, UNICAST])),
    capability(65, u32(options.as)),
    // RFC 8950: IPv4 prefixes with IPv6 next hops.
    capability(5, [0, AFI.ipv4, 0, UNICAST, 0, AFI.ipv6]),
  ];
  if (options.addPath === true) {
    const entries = options.families.flatMap((family) => [0, AFI[family], UNICAST, SEND]);
    capabilities.push(capability(69, entries));
  }
  if (options.gracefulRestart !== undefined) {
    const { restartTime, restarting } = options.gracefulRestart;
    const flags = restarting ? 0x8000 : 0;
    capabilities.push(
      capability(64, [
        ...u16(flags | restartTime),
        ...options.families.flatMap((family) => [0, AFI[family], UNICAST, 0x80]),
      ]),
    );
  }
  const parameters = capabilities.flatMap((bytes) => [2, bytes.length, ...bytes]);
  const shortAs = options.as > 0xffff ? AS_TRANS : options.as;
  return message(
    MESSAGE.open,
    Buffer.from([
      4,
      ...u16(shortAs),
      ...u16(options.holdTime),
      ...addressBytes(options.routerId),
      parameters.length,
      ...parameters,
    ]),
  );
}

/** The unicast families an OPEN's body offers (RFC 4760 section 8); IPv4 alone where it says nothing. */
export function offeredFamilies(body: Buffer): Family[] {
  const found: Family[] = [];
  for (const { code, value } of offeredCapabilities(body)) {
    if (code !== 1 || value.readUInt8(3) !== UNICAST) continue;
    const family = familyOf(value.readUInt16BE(0));
    if (family !== undefined) found.push(family);
  }
  return found.length === 0 ? ['ipv4'] : found;
}

/** The families of which an OPEN's body says that several paths are received (RFC 7911 4). */
export function addPathReceived(body: Buffer): Family[] {
  return offeredCapabilities(body).flatMap(({ code, value }) => {
    if (code !== 69) return [];
    const found: Family[] = [];
    for (let at = 0; at + 4 <= value.length; at += 4) {
      const family = familyOf(value.readUInt16BE(at));
      const receives = (value.readUInt8(at + 3) & RECEIVE) !== 0;
      if (value.readUInt8(at + 2) === UNICAST && receives && family) found.push(family);
    }
    return found;
  });
}

function offeredCapabilities(body: Buffer): { readonly code: number; readonly value: Buffer }[] {
  const found: { code: number; value: Buffer }[] = [];
  const end = 10 + body.readUInt8(9);
  for (let at = 10; at < end; at += 2 + body.readUInt8(at + 1)) {
    if (body.readUInt8(at) !== 2) continue; // Only capabilities are of interest.
    const last = at + 2 + body.readUInt8(at + 1);
    for (let cap = at + 2; cap < last; cap += 2 + body.readUInt8(cap + 1)) {
      const value = body.subarray(cap + 2, cap + 2 + body.readUInt8(cap + 1));
      found.push({ code: body.readUInt8(cap), value });
    }
  }
  return found;
}

function familyOf(afi: number): Family | undefined {
  if (afi === AFI.ipv4) return 'ipv4';
  return afi === AFI.ipv6 ? 'ipv6' : undefined;
}

export function keepalive(): Buffer {
  return message(MESSAGE.keepalive, Buffer.alloc(0));
}

export function notification(code: number, subcode: number): Buffer {
  return message(MESSAGE.notification, Buffer.from([code, subcode]));
}

/** RFC 4724 section 2. */
export function endOfRib(family: Family): Buffer {
  return family === 'ipv4' ? update([], []) : update([], mpUnreach(family, []));
}

/**
 * As few UPDATEs as fit: `prefixes` are all of one family and share the
 * attributes. With `addPath` a prefix has an identifier, `10.1.0.0/16#2`, or 0.
 */
export function announcement(
  family: Family,
  prefixes: readonly string[],
  attributes: FeedAttributes,
  session: { readonly localAs: number; readonly internal: boolean; readonly addPath?: boolean },
): Buffer[] {
  const multiprotocol = family === 'ipv6' || attributes.nextHop.includes(':');
  const shared = pathAttributes(attributes, session, multiprotocol);
  const room = MAX_MESSAGE - HEADER - 4 - shared.length - (multiprotocol ? 48 : 0);
  return pack(prefixes, room, session.addPath ?? false).map((nlri) =>
    multiprotocol
      ? update([], [...mpReach(family, attributes, nlri), ...shared])
      : update([], shared, nlri),
  );
}

export function withdrawal(family: Family, prefixes: readonly string[], addPath = false): Buffer[] {
  return pack(prefixes, MAX_MESSAGE - HEADER - 4 - 16, addPath).map((nlri) =>
    family === 'ipv4' ? update(nlri, []) : update([], mpUnreach(family, nlri)),
  );
}

export function prefixFamily(prefix: string): Family {
  return prefix.includes(':') ? 'ipv6' : 'ipv4';
}

/** Cuts a byte stream into messages; keeps an incomplete one for the next call. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): { readonly type: number; readonly body: Buffer }[] {
    let bytes: Buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: { type: number; body: Buffer }[] = [];
    while (bytes.length >= HEADER && bytes.length >= bytes.readUInt16BE(16)) {
      const length = bytes.readUInt16BE(16);
      if (length < HEADER) throw new Error(`a BGP message of ${length} bytes`);
      messages.push({ type: bytes.readUInt8(18), body: bytes.subarray(HEADER, length) });
      bytes = bytes.subarray(length);
    }
    this.#rest = bytes;
    return messages;
  }
}

function update(
  withdrawn: readonly number[],
  attributes: readonly number[],
  nlri: readonly number[] = [],
) {
  return message(
    MESSAGE.update,
    Buffer.from([
      ...u16(withdrawn.length),
      ...withdrawn,
      ...u16(attributes.length),
      ...attributes,
      ...nlri,
    ]),
  );
}

/** All but MP_REACH_NLRI; without `multiprotocol` NEXT_HOP too. Internal: without the own AS. */
export function pathAttributes(
  {
    nextHop,
    origin,
    asPath = [],
    communities,
    largeCommunities,
    med,
    localPref,
    originatorId,
    clusterList,
    linkBandwidth,
  }: FeedAttributes,
  { localAs, internal }: { localAs: number; internal: boolean },
  multiprotocol: boolean,
): number[] {
  const path = internal ? asPath : [localAs, ...asPath];
  const bytes = [
    ...attribute(0x40, 1, [{ igp: 0, egp: 1, incomplete: 2 }[origin ?? 'igp']]),
    ...attribute(0x40, 2, asSegments(path)),
  ];
  if (!multiprotocol) bytes.push(...attribute(0x40, 3, addressBytes(nextHop)));
  if (med !== undefined) bytes.push(...attribute(0x80, 4, u32(med)));
  if (internal) bytes.push(...attribute(0x40, 5, u32(localPref ?? 100)));
  if (communities !== undefined) {
    bytes.push(
      ...attribute(
        0xc0,
        8,
        communities.flatMap((text) => text.split(':').flatMap((half) => u16(Number(half)))),
      ),
    );
  }
  if (internal && originatorId !== undefined) {
    bytes.push(...attribute(0x80, 9, addressBytes(originatorId)));
  }
  if (internal && clusterList !== undefined) {
    bytes.push(...attribute(0x80, 10, clusterList.flatMap(addressBytes)));
  }
  if (linkBandwidth !== undefined) {
    const value = Buffer.alloc(8);
    value.writeUInt16BE(0x4004);
    value.writeUInt16BE(linkBandwidth.as, 2);
    value.writeFloatBE(linkBandwidth.bytesPerSecond, 4);
    bytes.push(...attribute(0xc0, 16, [...value]));
  }
  if (largeCommunities !== undefined) {
    bytes.push(
      ...attribute(
        0xc0,
        32,
        largeCommunities.flatMap((text) => text.split(':').flatMap((part) => u32(Number(part)))),
      ),
    );
  }
  return bytes;
}

/** Runs of numbers become AS_SEQUENCEs, inner lists AS_SETs. */
function asSegments(path: readonly (number | readonly number[])[]): number[] {
  const segments: { type: number; asns: number[] }[] = [];
  for (const hop of path) {
    const last = segments.at(-1);
    if (typeof hop !== 'number') segments.push({ type: 1, asns: [...hop] });
    else if (last?.type === 2) last.asns.push(hop);
    else segments.push({ type: 2, asns: [hop] });
  }
  return segments.flatMap(({ type, asns }) => [type, asns.length, ...asns.flatMap(u32)]);
}

function mpReach(family: Family, attributes: FeedAttributes, nlri: readonly number[]): number[] {
  const nextHop = addressBytes(attributes.nextHop);
  if (attributes.linkLocal !== undefined) nextHop.push(...addressBytes(attributes.linkLocal));
  return attribute(0x80, 14, [0, AFI[family], UNICAST, nextHop.length, ...nextHop, 0, ...nlri]);
}

function mpUnreach(family: Family, nlri: readonly number[]): number[] {
  return attribute(0x80, 15, [0, AFI[family], UNICAST, ...nlri]);
}

function attribute(flags: number, type: number, value: readonly number[]): number[] {
  return value.length > 255
    ? [flags | 0x10, type, ...u16(value.length), ...value]
    : [flags, type, value.length, ...value];
}

/** Prefixes as NLRI, in runs of at most `room` bytes. */
function pack(prefixes: readonly string[], room: number, addPath: boolean): number[][] {
  const runs: number[][] = [];
  let run: number[] = [];
  for (const text of prefixes) {
    const [prefix = '', pathId = '0'] = text.split('#');
    const slash = prefix.indexOf('/');
    const length = Number(prefix.slice(slash + 1));
    const size = (length + 7) >> 3;
    if (run.length + (addPath ? 5 : 1) + size > room) {
      runs.push(run);
      run = [];
    }
    const address = addressBytes(prefix.slice(0, slash));
    if (addPath) run.push(...u32(Number(pathId)));
    run.push(length);
    for (let i = 0; i < size; i++) run.push(address[i] ?? 0);
  }
  if (run.length > 0) runs.push(run);
  return runs;
}

function capability(code: number, value: readonly number[]): number[] {
  return [code, value.length, ...value];
}

function u16(value: number): number[] {
  return [(value >>> 8) & 255, value & 255];
}

function u32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** 4 or 16 bytes of an address in text. Not src/net's parser: what tests feed is made independently. */
export function addressBytes(text: string): number[] {
  if (!text.includes(':')) return text.split('.').map(Number);
  const [head = '', tail] = text.split('::');
  const words = (half: string) =>
    half
      .split(':')
      .filter((word) => word !== '')
      .map((word) => Number.parseInt(word, 16));
  const front = words(head);
  const back = tail === undefined ? [] : words(tail);
  const gap = new Array<number>(8 - front.length - back.length).fill(0);
  return [...front, ...gap, ...back].flatMap(u16);
}
