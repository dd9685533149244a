/**
 * Reading netlink messages (linux/netlink.h, linux/rtnetlink.h), little-endian
 * hosts only. Whatever does not hold together throws RangeError, as Buffer's
 * own reads do: who walks a chunk counts those and goes on with the next.
 */
import { Address } from '../net/address.js';
import type { Family } from '../net/family.js';
import { errnoSymbol, errnoText } from './errno.js';

export const NLMSG_HEADER = 16;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
/** NLM_F_ROOT | NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300;
/** Of NEW requests. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** Of NLMSG_ERROR: the request is cut to its header; attributes follow. */
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

const NLMSGERR_ATTR_MSG = 1;

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

/** What NLMSG_ERROR (an ACK has `errno` 0) or the end of a dump says. */
export interface Answer {
  /** 0, or the positive errno. */
  readonly errno: number;
  /** `EEXIST`; empty for 0. */
  readonly symbol: string;
  /** The kernel's extended ACK where it gave one, else the text of the errno. */
  readonly message: string;
}

/** nlmsgerr: the error, the request's header (all of the request unless NLM_F_CAPPED), attributes. */
export function decodeError(bytes: Buffer, flags: number, body: number, end: number): Answer {
  const request = body + 4;
  const requestLength = (flags & NLM_F_CAPPED) !== 0 ? NLMSG_HEADER : bytes.readUInt32LE(request);
  const attributes = (flags & NLM_F_ACK_TLVS) !== 0 ? request + ((requestLength + 3) & ~3) : end;
  return decodeAnswer(bytes, body, attributes, end);
}

/** NLMSG_DONE: the dump's result, attributes. Kernels before 3.x may leave the result out. */
export function decodeDone(bytes: Buffer, flags: number, body: number, end: number): Answer {
  if (end - body < 4) return { errno: 0, symbol: '', message: '' };
  return decodeAnswer(bytes, body, (flags & NLM_F_ACK_TLVS) !== 0 ? body + 4 : end, end);
}

function decodeAnswer(bytes: Buffer, body: number, attributes: number, end: number): Answer {
  const errno = 0 - bytes.readInt32LE(body);
  if (errno === 0) return { errno, symbol: '', message: '' };
  let message = '';
  walkAttributes(bytes, attributes, end, (type, offset, length) => {
    if (type === NLMSGERR_ATTR_MSG) message = readText(bytes, offset, length);
  });
  return { errno, symbol: errnoSymbol(errno), message: message || errnoText(errno) };
}

function readText(bytes: Buffer, offset: number, length: number): string {
  const nul = bytes.indexOf(0, offset);
  return bytes.toString('utf8', offset, nul < 0 ? offset + length : Math.min(nul, offset + length));
}
