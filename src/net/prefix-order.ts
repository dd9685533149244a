/** Prefixes in an order that a reader can follow. */
import { Address } from './address.js';
import { Prefix } from './prefix.js';

/** Of a prefix length, with room: what the number of an IPv4 prefix is shifted by. */
const LENGTHS = 64;

/** IPv4 before IPv6, by address, and of one address the shortest first. Holds eight bytes an IPv4 prefix. */
export function* inOrder(prefixes: Iterable<Prefix>): Generator<Prefix> {
  const ipv4: number[] = [];
  const ipv6: Prefix[] = [];
  for (const prefix of prefixes) {
    const { address, length } = prefix;
    if (address.family === 'ipv6') ipv6.push(prefix);
    else ipv4.push((address.w0 >>> 0) * LENGTHS + length);
  }
  for (const number of Float64Array.from(ipv4).sort()) {
    const address = new Address('ipv4', Math.floor(number / LENGTHS) | 0);
    yield Prefix.ofWords(address, number % LENGTHS);
  }
  yield* ipv6.sort((a, b) => a.address.compare(b.address) || a.length - b.length);
}
