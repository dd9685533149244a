/** Addresses as GoBGP writes them into its messages: text, read from the bytes without a string in between. */
import { Address } from '../../net/address.js';
import { DecodeError, type WireReader } from './wire.js';

const DOT = 0x2e;
const COLON = 0x3a;

/** Reads a length-delimited field as an address without a zone. Throws {@link DecodeError}. */
export function readAddress(wire: WireReader): Address {
  const start = wire.pos;
  const end = wire.contentEnd();
  const from = wire.pos;
  const address =
    readDottedQuad(wire.bytes, from, end) ??
    readIpv6(wire.bytes, from, end) ??
    Address.parse(wire.bytes.toString('latin1', from, end));
  if (address === undefined) throw new DecodeError(start, 'not an IP address');
  wire.pos = end;
  return address;
}

function readDottedQuad(bytes: Buffer, start: number, end: number): Address | undefined {
  let word = 0;
  let octet = -1;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const code = bytes[i] as number;
    if (code === DOT) {
      if (octet < 0) return undefined;
      word = (word << 8) | octet;
      octet = -1;
      dots++;
    } else {
      const digit = code - 0x30;
      if (digit < 0 || digit > 9) return undefined;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? new Address('ipv4', (word << 8) | octet) : undefined;
}

/** `undefined` also for the rare form that ends in a dotted quad. */
function readIpv6(bytes: Buffer, start: number, end: number): Address | undefined {
  const head: number[] = [];
  const tail: number[] = [];
  let groups = head;
  let i = start;
  if (bytes[i] === COLON && bytes[i + 1] === COLON) {
    groups = tail;
    i += 2;
  }
  while (i < end) {
    const from = i;
    let group = 0;
    for (let nibble = hexDigit(bytes[i]); nibble >= 0 && i < end; nibble = hexDigit(bytes[i])) {
      group = (group << 4) | nibble;
      i++;
    }
    if (i === from || i - from > 4) return undefined;
    groups.push(group);
    if (i === end) break;
    if (bytes[i++] !== COLON || i === end) return undefined;
    if (bytes[i] === COLON) {
      if (groups === tail) return undefined;
      groups = tail;
      i++;
    }
  }
  const count = head.length + tail.length;
  if (groups === head ? count !== 8 : count > 7) return undefined;
  const at = (index: number) => head[index] ?? tail[index - (8 - tail.length)] ?? 0;
  const word = (index: number) => (at(2 * index) << 16) | at(2 * index + 1);
  return new Address('ipv6', word(0), word(1), word(2), word(3));
}

function hexDigit(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
