/** BGP messages put together octet by octet: right ones and wrong ones. */

import { nextHopText } from '../../../../../src/rib/path.js';
import type {
  DecodeContext,
  UpdateMessage,
} from '../../../../../src/source/bgp/message/message.js';

export type Octets = readonly number[];

/** An external peer of four-octet AS numbers with both families. */
export const EXTERNAL: DecodeContext = {
  fourOctetAs: true,
  addPath: new Set(),
  families: new Set(['ipv4', 'ipv6']),
  extendedNextHop: false,
  maxLength: 4096,
  internal: false,
  interface: 'eth1',
};

export const INTERNAL: DecodeContext = { ...EXTERNAL, internal: true };

export function u16(value: number): number[] {
  return [(value >>> 8) & 255, value & 255];
}

export function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value)];
}

/** A whole message; `length` in the place of the true one, to lie about it. */
export function message(type: number, body: Octets, length = 19 + body.length): Buffer {
  return Buffer.from([...new Array<number>(16).fill(255), ...u16(length), type, ...body]);
}

export interface UpdateParts {
  readonly withdrawn?: Octets;
  readonly attributes?: readonly Octets[];
  readonly nlri?: Octets;
  /** In the place of the true lengths. */
  readonly withdrawnLength?: number;
  readonly attributesLength?: number;
}

export function update(parts: UpdateParts): Buffer {
  const { withdrawn = [], nlri = [] } = parts;
  const attributes = (parts.attributes ?? []).flat();
  return message(2, [
    ...u16(parts.withdrawnLength ?? withdrawn.length),
    ...withdrawn,
    ...u16(parts.attributesLength ?? attributes.length),
    ...attributes,
    ...nlri,
  ]);
}

/** An attribute; with the extended length only where `flags` says so. */
export function attribute(flags: number, type: number, value: Octets): Octets {
  const length = (flags & 0x10) === 0 ? [value.length] : u16(value.length);
  return [flags, type, ...length, ...value];
}

/** Well-formed attributes of an external route by 10.9.0.2. */
export const ORIGIN = attribute(0x40, 1, [0]);
export const AS_PATH = attribute(0x40, 2, [2, 1, ...u32(65001)]);
export const NEXT_HOP = attribute(0x40, 3, [10, 9, 0, 2]);
export const MANDATORY = [ORIGIN, AS_PATH, NEXT_HOP];

/** 10.1.0.0/16, 10.2.0.0/16 and 2001:db8::/32 as NLRI. */
export const P1: Octets = [16, 10, 1];
export const P2: Octets = [16, 10, 2];
export const P6: Octets = [32, 0x20, 0x01, 0x0d, 0xb8];
/** 2001:db8::1, fe80::1 */
export const GLOBAL: Octets = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
export const LINK_LOCAL: Octets = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/** MP_REACH_NLRI of unicast prefixes. */
export function mpReach(afi: number, nextHop: Octets, nlri: Octets, safi = 1): Octets {
  return attribute(0x80, 14, [...u16(afi), safi, nextHop.length, ...nextHop, 0, ...nlri]);
}

export function mpUnreach(afi: number, nlri: Octets, safi = 1): Octets {
  return attribute(0x80, 15, [...u16(afi), safi, ...nlri]);
}

/** What an UPDATE says, in lines: `- 10.1.0.0/16`, `+ 10.1.0.0/16 via 10.9.0.2`, `= ipv4`, `! treat-as-withdraw ORIGIN: …`. */
export function lines(update: UpdateMessage): string[] {
  const name = (one: { prefix: { text: string }; pathId: number }) =>
    one.pathId === 0 ? one.prefix.text : `${one.prefix.text}#${one.pathId}`;
  return [
    ...update.withdrawn.map((one) => `- ${name(one)}`),
    ...update.announced.flatMap(({ nlri, nextHop }) =>
      nlri.map((one) => `+ ${name(one)} via ${nextHopText(nextHop)}`),
    ),
    ...(update.endOfRib === undefined ? [] : [`= ${update.endOfRib}`]),
    ...update.faults.map(({ consequence, reason }) => `! ${consequence} ${reason}`),
  ];
}
