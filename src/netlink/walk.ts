/**
 * Walking netlink messages and their attributes (linux/netlink.h), little-endian
 * hosts only: what the kernel's rtnetlink and zebra's FPM have in common.
 * Whatever does not hold together throws RangeError, as Buffer's own reads do:
 * who walks a chunk counts those and goes on with the next.
 */
import { Address } from '../net/address.js';
import type { Family } from '../net/family.js';

/** sizeof(struct nlmsghdr). */
export const NLMSG_HEADER = 16;

/** Attribute types without NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const TYPE_MASK = 0x3fff;

/** `body` and `end` are offsets into the chunk, behind the header and behind the message. */
export type VisitMessage = (
  type: number,
  flags: number,
  seq: number,
  body: number,
  end: number,
) => void;

/**
 * Calls `visit` for every message of a chunk. A RangeError of `visit` skips
 * that message, a broken header the rest. Returns how many were skipped.
 */
export function walkMessages(chunk: Buffer, visit: VisitMessage): number {
  let skipped = 0;
  let at = 0;
  while (at + NLMSG_HEADER <= chunk.length) {
    const length = chunk.readUInt32LE(at);
    const end = at + length;
    if (length < NLMSG_HEADER || end > chunk.length) return skipped + 1;
    try {
      visit(
        chunk.readUInt16LE(at + 4),
        chunk.readUInt16LE(at + 6),
        chunk.readUInt32LE(at + 8),
        at + NLMSG_HEADER,
        end,
      );
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      skipped++;
    }
    at += (length + 3) & ~3;
  }
  return skipped;
}

/** One attribute's payload is `offset` to `offset + length`. */
type VisitAttribute = (type: number, offset: number, length: number) => void;

/** @throws RangeError for an attribute that leaves its message. */
export function walkAttributes(
  bytes: Buffer,
  start: number,
  end: number,
  visit: VisitAttribute,
): void {
  for (let at = start; at + 4 <= end; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > end) throw new RangeError(`attribute of ${length} bytes`);
    visit(bytes.readUInt16LE(at + 2) & TYPE_MASK, at + 4, length - 4);
    at += (length + 3) & ~3;
  }
}

/**
 * The attributes of one message by type, without an allocation a message: one
 * table serves a decoder for ever, and {@link read} forgets the last message.
 * The last attribute of a type wins, as in the kernel's nla_parse.
 */
export class AttributeTable {
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  #bytes: Buffer = Buffer.alloc(0);

  /** `highest`: the highest type that is looked for; others are passed over. */
  constructor(readonly highest: number) {
    this.#offsets = new Int32Array(highest + 1);
    this.#lengths = new Int32Array(highest + 1);
  }

  read(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#offsets.fill(0);
    for (let at = start; at + 4 <= end; ) {
      const length = bytes.readUInt16LE(at);
      if (length < 4 || at + length > end) throw new RangeError(`attribute of ${length} bytes`);
      const type = bytes.readUInt16LE(at + 2) & TYPE_MASK;
      if (type <= this.highest) {
        this.#offsets[type] = at + 4;
        this.#lengths[type] = length - 4;
      }
      at += (length + 3) & ~3;
    }
  }

  has(type: number): boolean {
    return this.#offsets[type] !== 0;
  }

  /** Offset of the payload; 0 when absent. */
  offset(type: number): number {
    return this.#offsets[type] ?? 0;
  }

  length(type: number): number {
    return this.#lengths[type] ?? 0;
  }

  u32(type: number): number | undefined {
    const offset = this.offset(type);
    return offset === 0 ? undefined : this.#bytes.readUInt32LE(this.#sized(type, 4));
  }

  u8(type: number): number | undefined {
    const offset = this.offset(type);
    return offset === 0 ? undefined : this.#bytes.readUInt8(this.#sized(type, 1));
  }

  address(type: number, family: Family): Address | undefined {
    const offset = this.offset(type);
    if (offset === 0) return undefined;
    return Address.fromBytes(family, this.#bytes, this.#sized(type, family === 'ipv4' ? 4 : 16));
  }

  /** Text up to the NUL. */
  text(type: number): string | undefined {
    const offset = this.offset(type);
    return offset === 0 ? undefined : readText(this.#bytes, offset, this.length(type));
  }

  #sized(type: number, size: number): number {
    if (this.length(type) < size) throw new RangeError(`attribute ${type} is too short`);
    return this.offset(type);
  }
}

/** Text up to the NUL, or to the end of the payload. */
export function readText(bytes: Buffer, offset: number, length: number): string {
  const nul = bytes.indexOf(0, offset);
  return bytes.toString('utf8', offset, nul < 0 ? offset + length : Math.min(nul, offset + length));
}
