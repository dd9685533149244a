import ipaddr from 'ipaddr.js';
import { type Family, familyBits } from './family.js';

/**
 * An IPv4 or IPv6 address as up to four signed 32-bit words in network order.
 * Signed, because V8 keeps a signed 32-bit number in the object itself and an
 * unsigned one above 2^31 on the heap. IPv4 uses `w0` only; the others are 0.
 */
export class Address {
  constructor(
    readonly family: Family,
    readonly w0: number,
    readonly w1 = 0,
    readonly w2 = 0,
    readonly w3 = 0,
  ) {}

  /** Reads 4 or 16 bytes at `offset`, network order. */
  static fromBytes(family: Family, bytes: Buffer, offset = 0): Address {
    if (family === 'ipv4') return new Address('ipv4', bytes.readInt32BE(offset));
    return new Address(
      'ipv6',
      bytes.readInt32BE(offset),
      bytes.readInt32BE(offset + 4),
      bytes.readInt32BE(offset + 8),
      bytes.readInt32BE(offset + 12),
    );
  }

  /**
   * Parses canonical or abbreviated text without a zone or port. `undefined`
   * when it is not an address; an IPv4-mapped IPv6 address stays IPv6.
   */
  static parse(text: string): Address | undefined {
    const quad = parseDottedQuad(text);
    if (quad !== undefined) return new Address('ipv4', quad);
    if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
    // ipaddr.js reads an embedded IPv4 part as inet_aton does, octal and hexadecimal included.
    const tail = text.slice(text.lastIndexOf(':') + 1);
    if (tail.includes('.') && parseDottedQuad(tail) === undefined) return undefined;
    return Address.fromBytes('ipv6', Buffer.from(ipaddr.IPv6.parse(text).toByteArray()));
  }

  /** Writes 4 or 16 bytes at `offset`, network order; returns the offset behind them. */
  writeTo(bytes: Buffer, offset: number): number {
    bytes.writeInt32BE(this.w0, offset);
    if (this.family === 'ipv4') return offset + 4;
    bytes.writeInt32BE(this.w1, offset + 4);
    bytes.writeInt32BE(this.w2, offset + 8);
    bytes.writeInt32BE(this.w3, offset + 12);
    return offset + 16;
  }

  equals(other: Address): boolean {
    return (
      this.family === other.family &&
      this.w0 === other.w0 &&
      this.w1 === other.w1 &&
      this.w2 === other.w2 &&
      this.w3 === other.w3
    );
  }

  /** Negative, zero or positive: IPv4 before IPv6, then by number, as `Array.sort` takes it. */
  compare(other: Address): number {
    if (this.family !== other.family) return this.family === 'ipv4' ? -1 : 1;
    return (
      (this.w0 >>> 0) - (other.w0 >>> 0) ||
      (this.w1 >>> 0) - (other.w1 >>> 0) ||
      (this.w2 >>> 0) - (other.w2 >>> 0) ||
      (this.w3 >>> 0) - (other.w3 >>> 0)
    );
  }

  /** fe80::/10 (RFC 4291 2.5.6); IPv4 link-local is not treated apart. */
  get isLinkLocal(): boolean {
    return this.family === 'ipv6' && this.w0 >>> 22 === 0x3fa;
  }

  get isUnspecified(): boolean {
    return this.w0 === 0 && this.w1 === 0 && this.w2 === 0 && this.w3 === 0;
  }

  /** Canonical text: dotted quad, or RFC 5952. */
  get text(): string {
    if (this.family === 'ipv4') {
      const w = this.w0;
      return `${w >>> 24}.${(w >>> 16) & 255}.${(w >>> 8) & 255}.${w & 255}`;
    }
    const bytes = Buffer.allocUnsafe(familyBits('ipv6') / 8);
    this.writeTo(bytes, 0);
    return new ipaddr.IPv6([...bytes]).toRFC5952String();
  }

  toString(): string {
    return this.text;
  }
}

/** Strict dotted quad (four decimal octets, no leading zeros) as a signed word. */
function parseDottedQuad(text: string): number | undefined {
  let word = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (octet < 0 || dots === 3) return undefined;
      word = (word << 8) | octet;
      octet = -1;
      dots++;
    } else {
      const digit = code - 48;
      if (digit < 0 || digit > 9 || octet === 0) return undefined;
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? (word << 8) | octet : undefined;
}
