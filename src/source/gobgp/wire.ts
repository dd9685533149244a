/**
 * A cursor over protobuf's wire format (https://protobuf.dev/programming-guides/encoding),
 * for the messages that come by the hundred thousand. It allocates nothing, and
 * never reads outside the message it stands in.
 */

/** A message that is not what it should be; the offset counts from the start of the gRPC message. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';

  constructor(
    readonly offset: number,
    what: string,
  ) {
    super(`${what} at byte ${offset}`);
  }
}

/** Field types on the wire; groups (3 and 4) are not used by proto3. */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

export class WireReader {
  bytes: Buffer = Buffer.alloc(0);
  pos = 0;
  /** End of the message being read. */
  end = 0;

  load(bytes: Buffer): this {
    this.bytes = bytes;
    this.pos = 0;
    this.end = bytes.length;
    return this;
  }

  get more(): boolean {
    return this.pos < this.end;
  }

  /** The low 32 bits of a varint, unsigned: all that any field we read can hold. */
  varint(): number {
    const { bytes, end } = this;
    const start = this.pos;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.pos >= end) throw new DecodeError(start, 'varint cut short');
      const byte = bytes[this.pos++] as number;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new DecodeError(start, 'varint longer than 10 bytes');
  }

  /** A tag: `field << 3 | type`. */
  tag(): number {
    const start = this.pos;
    const tag = this.varint();
    if (tag >>> 3 === 0) throw new DecodeError(start, 'field number 0');
    return tag;
  }

  /** Reads a length and returns where its content, which starts at `pos`, ends. */
  contentEnd(): number {
    const start = this.pos;
    const end = this.varint() + this.pos;
    if (end > this.end) throw new DecodeError(start, 'length beyond the end of the message');
    return end;
  }

  /** Descends into a length-delimited field: it is the message being read until {@link leave}. Returns the outer end. */
  enter(): number {
    const outer = this.end;
    this.end = this.contentEnd();
    return outer;
  }

  /** Goes on behind the message that {@link enter} descended into, read to its end or not. */
  leave(outer: number): void {
    this.pos = this.end;
    this.end = outer;
  }

  float(): number {
    const start = this.pos;
    if (start + 4 > this.end) throw new DecodeError(start, 'float cut short');
    this.pos += 4;
    return this.bytes.readFloatLE(start);
  }

  /** A string of ASCII; what is not comes out as Latin-1. */
  text(): string {
    const end = this.contentEnd();
    const text = this.bytes.toString('latin1', this.pos, end);
    this.pos = end;
    return text;
  }

  /** Passes over the value of a field that is not read. */
  skip(tag: number): void {
    const start = this.pos;
    switch (tag & 7) {
      case VARINT:
        this.varint();
        return;
      case FIXED64:
        this.pos += 8;
        break;
      case LENGTH:
        this.pos = this.contentEnd();
        return;
      case FIXED32:
        this.pos += 4;
        break;
      default:
        throw new DecodeError(start, `wire type ${tag & 7}`);
    }
    if (this.pos > this.end) throw new DecodeError(start, 'field cut short');
  }
}

/** The tag of a field, as {@link WireReader.tag} returns it. */
export function tagOf(field: number, type: number): number {
  return (field << 3) | type;
}
