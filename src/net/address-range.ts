/** Ranges of addresses, `a-b` with both ends in it, as the fewest prefixes that cover just them. */
import { Address } from './address.js';
import { type Family, familyBits } from './family.js';
import { Prefix } from './prefix.js';

/** Why two addresses are no range. */
export type RangeFault = { readonly fault: 'families' } | { readonly fault: 'order' };

/**
 * The fewest prefixes whose addresses are those from `first` to `last`, both included, in
 * ascending order: at most 62 for IPv4 and 254 for IPv6. A fault where the two are of different
 * families, or `last` comes before `first`.
 */
export function rangePrefixes(first: Address, last: Address): readonly Prefix[] | RangeFault {
  if (first.family !== last.family) return { fault: 'families' };
  const { family } = first;
  const bits = familyBits(family);
  const end = numberOf(last);
  let start = numberOf(first);
  if (start > end) return { fault: 'order' };
  const prefixes: Prefix[] = [];
  while (start <= end) {
    // As large as both the start's own alignment and what is left allow.
    let host = 0;
    while (host < bits && (start & ((2n << BigInt(host)) - 1n)) === 0n) {
      if (start + (2n << BigInt(host)) - 1n > end) break;
      host++;
    }
    prefixes.push(Prefix.of(addressOf(family, start), bits - host));
    start += 1n << BigInt(host);
  }
  return prefixes;
}

/** `a-b`, white space around either left aside; `undefined` where that is no range. */
export function parseRange(text: string): readonly Prefix[] | undefined {
  const [first = '', last = '', ...rest] = text.split('-').map((word) => word.trim());
  const [from, to] = [Address.parse(first), Address.parse(last)];
  if (from === undefined || to === undefined || rest.length > 0) return undefined;
  const prefixes = rangePrefixes(from, to);
  return 'fault' in prefixes ? undefined : prefixes;
}

function numberOf({ family, w0, w1, w2, w3 }: Address): bigint {
  const words = family === 'ipv4' ? [w0] : [w0, w1, w2, w3];
  return words.reduce((number, word) => (number << 32n) | BigInt(word >>> 0), 0n);
}

function addressOf(family: Family, number: bigint): Address {
  const word = (at: number): number => Number(BigInt.asIntN(32, number >> BigInt(32 * at)));
  if (family === 'ipv4') return new Address('ipv4', word(0));
  return new Address('ipv6', word(3), word(2), word(1), word(0));
}
