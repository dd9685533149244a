/** The prefixes of an UPDATE from their bytes (RFC 4271 4.3, RFC 4760 5, RFC 7911 3). */
import { type Family, familyBits } from '../../../net/family.js';
import { Prefix } from '../../../net/prefix.js';
import type { Nlri } from './message.js';

/**
 * Adds the prefixes from `from` up to `end` to a list; a path identifier stands before each
 * with `addPath`. Answers 0, or the offset of the first that is not syntactically
 * correct (RFC 7606 5.3): what comes from there on cannot be read.
 */
export function readNlri(
  bytes: Buffer,
  from: number,
  end: number,
  family: Family,
  addPath: boolean,
  into: Nlri[],
): number {
  const most = familyBits(family);
  let at = from;
  while (at < end) {
    const start = at;
    let pathId = 0;
    if (addPath) {
      if (at + 4 >= end) return start;
      pathId = bytes.readUInt32BE(at);
      at += 4;
    }
    const length = bytes[at] as number;
    const address = at + 1;
    at = address + ((length + 7) >>> 3);
    if (length > most || at > end) return start;
    into.push({ prefix: Prefix.fromBytes(family, length, bytes, address), pathId });
  }
  return 0;
}

/**
 * No unicast route leads there: multicast, loopback, this network (RFC 1122 3.2.1.3, RFC 4291 2),
 * IPv6 link-local. Such a prefix is ignored (RFC 4271 6.3); a shorter one that only contains it is not.
 */
export function isNotUnicast({ address, length }: Prefix): boolean {
  const { family, w0, w1, w2, w3 } = address;
  if (family === 'ipv4') {
    const first = w0 >>> 24;
    return w0 >>> 28 === 0xe || (length >= 8 && (first === 0 || first === 127));
  }
  const low = length >= 127 && w0 === 0 && w1 === 0 && w2 === 0 && w3 >>> 1 === 0;
  return low || w0 >>> 24 === 0xff || w0 >>> 22 === 0x3fa;
}
