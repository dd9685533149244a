/**
 * Netlink messages as rows of 32-bit words: every field of the headers and
 * attributes we write lies on a 4-byte boundary (NLMSG_ALIGNTO, RTA_ALIGNTO),
 * so a header of smaller fields is one word of shifts. Netlink is host-endian;
 * this code is for little-endian hosts (x86-64, arm64).
 */
import type { Address } from '../net/address.js';
import { AF_INET, AF_INET6 } from '../netlink/route-message.js';

const HEADER_WORDS = 4;

/** Largest value of the 16-bit rta_len. */
const ATTRIBUTE_LIMIT = 0xffff;

/**
 * Writes messages one after another into one buffer that is allocated once.
 * The caller leaves room for a message before it begins one: a message holds at
 * most one nested attribute, so 64 KiB and a few hundred bytes are enough.
 */
export class MessageWriter {
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  #at = 0;
  #start = 0;
  #previous = 0;

  constructor(capacity: number) {
    const memory = new ArrayBuffer(capacity);
    this.#bytes = Buffer.from(memory);
    this.#words = new Int32Array(memory);
  }

  /** Bytes written since {@link reset}. */
  get length(): number {
    return this.#at * 4;
  }

  reset(): void {
    this.#at = 0;
  }

  /** What was written: a view, valid until the next {@link reset}. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  /** nlmsghdr. The port id stays 0: the kernel fills in the sender's own. */
  begin(type: number, flags: number, seq: number): void {
    const words = this.#words;
    this.#previous = this.#start;
    this.#start = this.#at;
    words[this.#start + 1] = type | (flags << 16);
    words[this.#start + 2] = seq;
    words[this.#start + 3] = 0;
    this.#at = this.#start + HEADER_WORDS;
  }

  end(): void {
    this.#words[this.#start] = (this.#at - this.#start) * 4;
  }

  /** Takes back the message begun last, finished or not. */
  abandon(): void {
    this.#at = this.#start;
    this.#start = this.#previous;
  }

  /** ORs flags into the message written last, and returns its sequence number. */
  markLast(flags: number): number {
    const words = this.#words;
    words[this.#start + 1] = (words[this.#start + 1] ?? 0) | (flags << 16);
    return (words[this.#start + 2] ?? 0) >>> 0;
  }

  word(value: number): void {
    this.#words[this.#at++] = value;
  }

  /** Four u8 fields in the order of the struct. */
  octets(a: number, b: number, c: number, d: number): void {
    this.#words[this.#at++] = a | (b << 8) | (c << 16) | (d << 24);
  }

  u32(type: number, value: number): void {
    const at = this.#at;
    this.#words[at] = 8 | (type << 16);
    this.#words[at + 1] = value;
    this.#at = at + 2;
  }

  u8(type: number, value: number): void {
    const at = this.#at;
    this.#words[at] = 5 | (type << 16);
    this.#words[at + 1] = value;
    this.#at = at + 2;
  }

  address(type: number, address: Address): void {
    const words = this.#words;
    const at = this.#at;
    if (address.family === 'ipv4') {
      words[at] = 8 | (type << 16);
      words[at + 1] = swap(address.w0);
      this.#at = at + 2;
      return;
    }
    words[at] = 20 | (type << 16);
    words[at + 1] = swap(address.w0);
    words[at + 2] = swap(address.w1);
    words[at + 3] = swap(address.w2);
    words[at + 4] = swap(address.w3);
    this.#at = at + 5;
  }

  /** struct rtvia: a 16-bit family with the address right behind it, so every word is two halves. */
  via(type: number, address: Address): void {
    const words =
      address.family === 'ipv4' ? [address.w0] : [address.w0, address.w1, address.w2, address.w3];
    let low = address.family === 'ipv4' ? AF_INET : AF_INET6;
    this.word((6 + words.length * 4) | (type << 16));
    for (const word of words) {
      const swapped = swap(word);
      this.word(low | (swapped << 16));
      low = swapped >>> 16;
    }
    this.word(low);
  }

  /** A C string with its terminating NUL (NLA_STRING). */
  text(type: number, text: string): void {
    const length = 4 + Buffer.byteLength(text) + 1;
    const start = this.#at * 4;
    this.#words[this.#at] = length | (type << 16);
    this.#at += (length + 3) >> 2;
    this.#bytes.fill(0, start + 4, this.length);
    this.#bytes.write(text, start + 4);
  }

  /** Opens an attribute whose payload follows; returns the place {@link close} needs. */
  open(): number {
    return this.#at++;
  }

  /** @throws RangeError when the payload does not fit an attribute. */
  close(place: number, type: number): void {
    this.#words[place] = this.#sizeFrom(place) | (type << 16);
  }

  /** struct rtnexthop begins; its attributes follow. */
  openLeg(oif: number): number {
    const place = this.#at++;
    this.#words[this.#at++] = oif;
    return place;
  }

  closeLeg(place: number, flags: number, hops: number): void {
    this.#words[place] = this.#sizeFrom(place) | (flags << 16) | (hops << 24);
  }

  #sizeFrom(place: number): number {
    const size = (this.#at - place) * 4;
    if (size > ATTRIBUTE_LIMIT) throw new RangeError(`attribute of ${size} bytes`);
    return size;
  }
}

/** Between host order (little-endian) and network order. */
export function swap(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
