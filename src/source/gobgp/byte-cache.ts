/**
 * Remembers what was made from bytes, by the bytes. Looking a value up costs a
 * pass over its bytes and no garbage: no string is made of them.
 *
 * It is a cache: two keys of one hash push each other out, so a peer that makes
 * hashes collide costs itself the decoding that others are spared, and no more.
 */

/** Bytes gathered from several places of a message, hashed as they come (FNV-1a, 32 bits). */
export class ByteKey {
  #bytes = Buffer.allocUnsafe(1024);
  #length = 0;
  #hash = OFFSET_BASIS;

  clear(): void {
    this.#length = 0;
    this.#hash = OFFSET_BASIS;
  }

  /** Adds a run of bytes; runs stay apart from each other. */
  add(source: Buffer, from: number, to: number): void {
    const length = this.#length + to - from + 1;
    if (length > this.#bytes.length) this.#grow(length);
    const bytes = this.#bytes;
    let at = this.#length;
    let hash = this.#hash;
    for (let i = from; i < to; i++) {
      const byte = source[i] as number;
      bytes[at++] = byte;
      hash = Math.imul(hash ^ byte, PRIME);
    }
    bytes[at++] = GAP;
    this.#hash = Math.imul(hash ^ GAP, PRIME);
    this.#length = at;
  }

  get hash(): number {
    return this.#hash;
  }

  /** Some hundred bytes: a loop is done before Buffer.compare has looked at its arguments. */
  equals(other: Buffer): boolean {
    const length = this.#length;
    if (other.length !== length) return false;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) if (bytes[i] !== other[i]) return false;
    return true;
  }

  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafe(length * 2);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const OFFSET_BASIS = 0x811c9dc5 | 0;
const PRIME = 0x01000193;
/** Between runs: no field of a protobuf message begins with this byte. */
const GAP = 0;

/**
 * Values kept in each of two generations: when the young one is full it becomes
 * the old one, and what is used again is taken over.
 */
const GENERATION = 65_536;

interface Kept<Value> {
  readonly bytes: Buffer;
  readonly value: Value;
}

export class ByteCache<Value> {
  #young = new Map<number, Kept<Value>>();
  #old = new Map<number, Kept<Value>>();

  /** The value made from these bytes, or `make` and keep it. */
  get(key: ByteKey, make: () => Value): Value {
    const young = this.#young.get(key.hash);
    if (young !== undefined && key.equals(young.bytes)) return young.value;
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    const old = this.#old.get(key.hash);
    const kept =
      old !== undefined && key.equals(old.bytes) ? old : { bytes: key.copy(), value: make() };
    this.#young.set(key.hash, kept);
    return kept.value;
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
