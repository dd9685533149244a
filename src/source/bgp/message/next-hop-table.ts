/** Next hops from their bytes, one object for each that a peer names. */
import { Address } from '../../../net/address.js';
import type { Family } from '../../../net/family.js';
import type { NextHop } from '../../../rib/path.js';

/**
 * With more than these it starts anew: a peer that invents next hops costs no memory, nor do a
 * thousand such peers. Route servers and reflectors name some thousands.
 */
const MOST = 8_192;

export class NextHopTable {
  #ipv4 = new Map<number, NextHop>();
  #ipv6 = new Map<string, NextHop>();

  /** `scope`: the interface of link-local ones. */
  constructor(private readonly scope: string | undefined) {}

  /** The next hop in 4 octets; `undefined` where they are no host's address (RFC 4271 6.3). */
  ipv4(bytes: Buffer, at: number): NextHop | undefined {
    const word = bytes.readInt32BE(at);
    const known = this.#ipv4.get(word);
    if (known !== undefined) return known;
    const nextHop = this.#read('ipv4', bytes, at);
    if (nextHop === undefined) return undefined;
    if (this.#ipv4.size >= MOST) this.#ipv4 = new Map();
    this.#ipv4.set(word, nextHop);
    return nextHop;
  }

  /** The next hop in 16 octets, or in 32 (RFC 2545 3): the global one of two where it is one. */
  ipv6(bytes: Buffer, at: number, end: number): NextHop | undefined {
    const text = bytes.toString('latin1', at, end);
    const known = this.#ipv6.get(text);
    if (known !== undefined) return known;
    const first = this.#read('ipv6', bytes, at);
    const second = end - at > 16 ? this.#read('ipv6', bytes, at + 16) : undefined;
    const global = [first, second].find((one) => one?.address.isLinkLocal === false);
    const nextHop = global ?? first ?? second;
    if (nextHop === undefined) return undefined;
    if (this.#ipv6.size >= MOST) this.#ipv6 = new Map();
    this.#ipv6.set(text, nextHop);
    return nextHop;
  }

  #read(family: Family, bytes: Buffer, at: number): NextHop | undefined {
    const address = Address.fromBytes(family, bytes, at);
    if (!isHost(address)) return undefined;
    return { address, interface: address.isLinkLocal ? this.scope : undefined };
  }
}

/** Not unspecified, loopback or multicast; of IPv4 not reserved either (RFC 1122 3.2.1.3, RFC 4291 2). */
function isHost({ family, w0, w1, w2, w3 }: Address): boolean {
  if (family === 'ipv4') {
    const first = w0 >>> 24;
    return first !== 0 && first !== 127 && first < 224;
  }
  const low = w0 === 0 && w1 === 0 && w2 === 0 && (w3 === 0 || w3 === 1);
  return !low && w0 >>> 24 !== 0xff;
}
