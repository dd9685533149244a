/** Goes from one path attribute to the next (RFC 4271 4.3), allocating nothing. */

/** RFC 4271 4.3: the flags octet. */
export const FLAG = {
  optional: 0x80,
  transitive: 0x40,
  partial: 0x20,
  extendedLength: 0x10,
} as const;

export class AttributeCursor {
  bytes: Buffer = Buffer.alloc(0);
  flags = 0;
  type = 0;
  /** Of the flags octet; with {@link cutShort}, of what is left over. */
  start = 0;
  /** The value lies from `from` up to `end`. */
  from = 0;
  end = 0;
  /** It came before in this message. */
  repeated = false;
  /** The octets end within an attribute (RFC 7606 4). */
  cutShort = false;
  #last = 0;
  /** One bit for each type that has come. */
  readonly #seen = new Int32Array(8);

  /** Stands before the attributes from `from` up to `end`. */
  load(bytes: Buffer, from: number, end: number): this {
    this.bytes = bytes;
    this.end = from;
    this.#last = end;
    this.cutShort = false;
    this.#seen.fill(0);
    return this;
  }

  /** Steps to the next attribute; false behind the last whole one. */
  next(): boolean {
    const { bytes } = this;
    const start = this.end;
    const last = this.#last;
    this.start = start;
    if (start >= last) return false;
    const flags = bytes[start] as number;
    const from = start + ((flags & FLAG.extendedLength) === 0 ? 3 : 4);
    if (from > last) return this.#cut();
    const length =
      (flags & FLAG.extendedLength) === 0
        ? (bytes[start + 2] as number)
        : ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number);
    const end = from + length;
    if (end > last) return this.#cut();
    const type = bytes[start + 1] as number;
    const word = type >>> 5;
    const bit = 1 << (type & 31);
    const seen = this.#seen[word] as number;
    this.repeated = (seen & bit) !== 0;
    this.#seen[word] = seen | bit;
    this.flags = flags;
    this.type = type;
    this.from = from;
    this.end = end;
    return true;
  }

  /** The octets of the whole attribute: a view. */
  get octets(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }

  #cut(): false {
    this.cutShort = true;
    this.end = this.#last;
    return false;
  }
}
