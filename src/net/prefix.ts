import { Address } from './address.js';
import { type Family, familyBits } from './family.js';

/** Why a text is not a prefix. `host-bits` carries the prefix that was probably meant. */
export type PrefixFault = { fault: 'syntax' } | { fault: 'host-bits'; meant: Prefix };

/** An IP prefix. Host bits are always zero. Kept in numbers in a {@link PrefixMap}, which makes no key of it. */
export class Prefix {
  /** Where {@link SharedSlots} had it last, if at all: looked at before anything is searched. */
  #slotHint = -1;

  private constructor(
    readonly address: Address,
    readonly length: number,
  ) {}

  /** Cuts host bits off. `length` must be 0 to 32, or to 128; RangeError otherwise. */
  static of(address: Address, length: number): Prefix {
    if (!(Number.isInteger(length) && length >= 0 && length <= familyBits(address.family))) {
      throw new RangeError(`prefix length ${length} is outside 0 to ${familyBits(address.family)}`);
    }
    return new Prefix(masked(address, length), length);
  }

  /** For words that were a prefix before: nothing is checked. */
  static ofWords(address: Address, length: number): Prefix {
    return new Prefix(address, length);
  }

  /**
   * Reads the `ceil(length / 8)` octets at `offset` that BGP has of a prefix (RFC 4271 4.3),
   * and cuts host bits off. RangeError where `length` is not the family's, or octets are missing.
   */
  static fromBytes(family: Family, length: number, bytes: Buffer, offset: number): Prefix {
    const end = offset + ((length + 7) >>> 3);
    if (length < 0 || length > familyBits(family) || end > bytes.length) {
      throw new RangeError(`no ${family} prefix of length ${length} at ${offset}`);
    }
    const w0 = leadingWord(bytes, offset, end) & wordMask(length);
    if (family === 'ipv4') return new Prefix(new Address('ipv4', w0), length);
    return new Prefix(
      new Address(
        'ipv6',
        w0,
        leadingWord(bytes, offset + 4, end) & wordMask(length - 32),
        leadingWord(bytes, offset + 8, end) & wordMask(length - 64),
        leadingWord(bytes, offset + 12, end) & wordMask(length - 96),
      ),
      length,
    );
  }

  /** Parses `ADDRESS/LENGTH`, with no host bits set. */
  static parse(text: string): Prefix | PrefixFault {
    const slash = text.indexOf('/');
    const address = slash < 0 ? undefined : Address.parse(text.slice(0, slash));
    const digits = text.slice(slash + 1);
    if (address === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(digits)) return { fault: 'syntax' };
    const length = Number(digits);
    if (length > familyBits(address.family)) return { fault: 'syntax' };
    const prefix = Prefix.of(address, length);
    return prefix.address.equals(address) ? prefix : { fault: 'host-bits', meant: prefix };
  }

  /** The /32 or /128 of one address. */
  static host(address: Address): Prefix {
    return new Prefix(address, familyBits(address.family));
  }

  get slotHint(): number {
    return this.#slotHint;
  }

  set slotHint(slot: number) {
    this.#slotHint = slot;
  }

  get family(): Family {
    return this.address.family;
  }

  /**
   * A short opaque string, equal for equal prefixes and different across families and
   * lengths. Made anew each time: for where a few prefixes at a time are kept by it.
   */
  get key(): string {
    const { w0, w1, w2, w3 } = this.address;
    if (this.family === 'ipv4') return String.fromCharCode(w0 >>> 16, w0 & 0xffff, this.length);
    return String.fromCharCode(
      w0 >>> 16,
      w0 & 0xffff,
      w1 >>> 16,
      w1 & 0xffff,
      w2 >>> 16,
      w2 & 0xffff,
      w3 >>> 16,
      w3 & 0xffff,
      this.length,
    );
  }

  /** The prefix of a {@link key}. */
  static ofKey(key: string): Prefix {
    const word = (at: number) => (key.charCodeAt(at) << 16) | key.charCodeAt(at + 1);
    if (key.length === 3) return new Prefix(new Address('ipv4', word(0)), key.charCodeAt(2));
    const address = new Address('ipv6', word(0), word(2), word(4), word(6));
    return new Prefix(address, key.charCodeAt(8));
  }

  equals(other: Prefix): boolean {
    return this.length === other.length && this.address.equals(other.address);
  }

  get isDefault(): boolean {
    return this.length === 0;
  }

  /** True when `other` is this prefix or lies inside it. */
  contains(other: Prefix | Address): boolean {
    const address = other instanceof Prefix ? other.address : other;
    const length = other instanceof Prefix ? other.length : familyBits(other.family);
    const own = this.address;
    return (
      address.family === own.family &&
      length >= this.length &&
      ((address.w0 ^ own.w0) & wordMask(this.length)) === 0 &&
      ((address.w1 ^ own.w1) & wordMask(this.length - 32)) === 0 &&
      ((address.w2 ^ own.w2) & wordMask(this.length - 64)) === 0 &&
      ((address.w3 ^ own.w3) & wordMask(this.length - 96)) === 0
    );
  }

  /** The covering prefix of the given (shorter or equal) length. */
  truncate(length: number): Prefix {
    return length === this.length ? this : Prefix.of(this.address, length);
  }

  /**
   * A map key of {@link truncate}: equal for equal covering prefixes of one family and
   * length. For IPv4 a small integer, so that a look-up by it allocates nothing.
   */
  leadingBits(length: number): number | string {
    if (this.family === 'ipv6') return this.truncate(length).key;
    return this.address.w0 & wordMask(length);
  }

  get text(): string {
    return `${this.address.text}/${this.length}`;
  }

  toString(): string {
    return this.text;
  }
}

/** The family of a {@link Prefix.key}. */
export function familyOfKey(key: string): Family {
  return key.length === 3 ? 'ipv4' : 'ipv6';
}

function masked(address: Address, length: number): Address {
  if (length === familyBits(address.family)) return address;
  return new Address(
    address.family,
    address.w0 & wordMask(length),
    address.w1 & wordMask(length - 32),
    address.w2 & wordMask(length - 64),
    address.w3 & wordMask(length - 96),
  );
}

/** Four octets in network order, those from `end` on as zeros. */
function leadingWord(bytes: Buffer, offset: number, end: number): number {
  if (offset >= end) return 0;
  let word = (bytes[offset] as number) << 24;
  if (offset + 1 < end) word |= (bytes[offset + 1] as number) << 16;
  if (offset + 2 < end) word |= (bytes[offset + 2] as number) << 8;
  if (offset + 3 < end) word |= bytes[offset + 3] as number;
  return word;
}

function wordMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}
