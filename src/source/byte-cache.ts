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

  /** A copy that lives as long as the store. */
  copy(store: KeyStore): Buffer {
    const copy = store.take(this.#length);
    this.#bytes.copy(copy, 0, 0, this.#length);
    return copy;
  }

  #grow(length: number): void {
    const larger = Buffer.allocUnsafe(length * 2);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

const OFFSET_BASIS = 0x811c9dc5 | 0;
const PRIME = 0x01000193;
/** Between runs: no field of a protobuf message begins with this byte; BGP's attributes say their length. */
const GAP = 0;

/**
 * Values kept in each of two generations: when the young one is full it becomes
 * the old one, and what is used again is taken over.
 */
const GENERATION = 65_536;
/** … or its keys fill this, in bytes: keys that push each other out leave their room behind. */
const GENERATION_BYTES = 32 * 2 ** 20;

/**
 * Room for the keys of a generation and nothing else: out of Buffer's own pool
 * each of some hundred bytes would keep 8 KiB alive, with whatever was made beside it.
 */
class KeyStore {
  static readonly #CHUNK = 64 * 1024;
  #chunk = Buffer.alloc(0);
  #used = 0;
  /** Taken from it so far, given up or not. */
  taken = 0;

  take(length: number): Buffer {
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(length, KeyStore.#CHUNK));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    this.taken += length;
    return this.#chunk.subarray(start, this.#used);
  }
}

interface Kept<Value> {
  readonly bytes: Buffer;
  readonly value: Value;
}

export class ByteCache<Value> {
  #young = new Map<number, Kept<Value>>();
  #old = new Map<number, Kept<Value>>();
  #keys = new KeyStore();

  /** The value made from these bytes, or `make` and keep it. */
  get(key: ByteKey, make: () => Value): Value {
    const young = this.#young.get(key.hash);
    if (young !== undefined && key.equals(young.bytes)) return young.value;
    if (this.#young.size >= GENERATION || this.#keys.taken >= GENERATION_BYTES) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#keys = new KeyStore();
    }
    const old = this.#old.get(key.hash);
    const value = old !== undefined && key.equals(old.bytes) ? old.value : make();
    this.#young.set(key.hash, { bytes: key.copy(this.#keys), value });
    return value;
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#keys = new KeyStore();
  }
}
