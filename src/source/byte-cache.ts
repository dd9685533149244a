/**
 * Remembers what was made from bytes, by the bytes. Looking a value up costs a
 * pass over its bytes and no garbage: no string is made of them, and what is
 * kept of them are numbers in arrays and a copy in a block that many share.
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

  get length(): number {
    return this.#length;
  }

  /** Some hundred bytes: a loop is done before Buffer.compare has looked at its arguments. */
  equals(other: Uint8Array, start: number): boolean {
    const length = this.#length;
    const bytes = this.#bytes;
    for (let i = 0; i < length; i++) if (bytes[i] !== other[start + i]) return false;
    return true;
  }

  copyTo(target: Uint8Array, start: number): void {
    this.#bytes.copy(target, start, 0, this.#length);
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
 * the old one, and what is used again is taken over. A full Internet table has
 * some hundred thousand distinct sets of attributes: where they do not fit into
 * one generation, most are made again and again, and prefixes do not share them.
 */
const GENERATION = 131_072;
/** … or its keys fill this, in bytes: keys that push each other out leave their room behind. */
const GENERATION_BYTES = 32 * 2 ** 20;
/** Keys lie in blocks of 2^16 bytes; one that does not fit into a block is not kept. */
const BLOCK_BITS = 16;
const BLOCK = 1 << BLOCK_BITS;
/** Of a generation at its beginning; a power of two. */
const SLOTS = 256;
/** Slots that are looked at for one key, at most: a peer may make hashes crowd. */
const PROBES = 32;

class Generation<Value> {
  /** Open addressing: the hash and, counted from 1, the entry. */
  #slots = new Int32Array(2 * SLOTS);
  /** By entry: where its key is (block, and place in it), how long that is, and what was made of it. */
  #places = new Int32Array(SLOTS);
  #lengths = new Int32Array(SLOTS);
  readonly #values: Value[] = [];
  readonly #blocks: Uint8Array[] = [];
  #end = 0;

  get full(): boolean {
    return this.#values.length >= GENERATION || this.#end >= GENERATION_BYTES;
  }

  /** The entry of this very key; -1 where there is none. */
  find(key: ByteKey): number {
    const entry = (this.#slots[this.#slotOf(key.hash) + 1] as number) - 1;
    if (entry < 0 || this.#lengths[entry] !== key.length) return -1;
    const place = this.#places[entry] as number;
    const block = this.#blocks[place >>> BLOCK_BITS] as Uint8Array;
    return key.equals(block, place & (BLOCK - 1)) ? entry : -1;
  }

  valueOf(entry: number): Value {
    return this.#values[entry] as Value;
  }

  /** In the place of the one with the same hash, if there is one. A key that is too long is left out. */
  set(key: ByteKey, value: Value): void {
    if (key.length > BLOCK) return;
    const place = this.#store(key);
    const slot = this.#slotOf(key.hash);
    let entry = (this.#slots[slot + 1] as number) - 1;
    if (entry < 0) {
      entry = this.#values.length;
      this.#places = roomFor(this.#places, entry);
      this.#lengths = roomFor(this.#lengths, entry);
      this.#slots[slot + 1] = entry + 1;
    }
    this.#slots[slot] = key.hash;
    this.#places[entry] = place;
    this.#lengths[entry] = key.length;
    this.#values[entry] = value;
    if (this.#values.length * 4 > this.#slots.length) this.#rehash();
  }

  /** Where the hash is, or may come; near its place all may be taken, then in the place of another. */
  #slotOf(hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 2;
    let slot = (hash << 1) & mask;
    for (let probe = 1; probe < PROBES; probe++) {
      if (slots[slot + 1] === 0 || slots[slot] === hash) break;
      slot = (slot + 2) & mask;
    }
    return slot;
  }

  #store(key: ByteKey): number {
    if ((this.#end & (BLOCK - 1)) + key.length > BLOCK) this.#end = this.#blocks.length * BLOCK;
    const place = this.#end;
    if (place >>> BLOCK_BITS === this.#blocks.length) this.#blocks.push(new Uint8Array(BLOCK));
    key.copyTo(this.#blocks[place >>> BLOCK_BITS] as Uint8Array, place & (BLOCK - 1));
    this.#end += key.length;
    return place;
  }

  #rehash(): void {
    const before = this.#slots;
    this.#slots = new Int32Array(before.length * 2);
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] === 0) continue;
      const slot = this.#slotOf(before[at] as number);
      this.#slots[slot] = before[at] as number;
      this.#slots[slot + 1] = before[at + 1] as number;
    }
  }
}

export class ByteCache<Value> {
  #young = new Generation<Value>();
  #old = new Generation<Value>();

  /** The value made from these bytes, or `make` and keep it. */
  get(key: ByteKey, make: () => Value): Value {
    const young = this.#young.find(key);
    if (young >= 0) return this.#young.valueOf(young);
    if (this.#young.full) {
      this.#old = this.#young;
      this.#young = new Generation();
    }
    const old = this.#old.find(key);
    const value = old >= 0 ? this.#old.valueOf(old) : make();
    this.#young.set(key, value);
    return value;
  }

  clear(): void {
    this.#young = new Generation();
    this.#old = new Generation();
  }
}

function roomFor(array: Int32Array<ArrayBuffer>, entry: number): Int32Array<ArrayBuffer> {
  if (entry < array.length) return array;
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
