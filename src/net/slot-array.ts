const CHUNK_BITS = 12;
const CHUNK_MASK = 2 ** CHUNK_BITS - 1;

/**
 * Values by slot, in chunks that stay where they are: an array that grows by
 * copying itself leaves a copy of a table behind for the garbage collector.
 */
export class SlotArray<Value> {
  #chunks: (Value | undefined)[][] = [];

  get(slot: number): Value | undefined {
    return this.#chunks[slot >>> CHUNK_BITS]?.[slot & CHUNK_MASK];
  }

  set(slot: number, value: Value | undefined): void {
    const at = slot >>> CHUNK_BITS;
    while (this.#chunks.length <= at) this.#chunks.push(new Array(CHUNK_MASK + 1));
    (this.#chunks[at] as (Value | undefined)[])[slot & CHUNK_MASK] = value;
  }

  /** Nothing is at `end` or above. */
  trim(end: number): void {
    const chunks = Math.ceil(end / (CHUNK_MASK + 1));
    if (chunks < this.#chunks.length) this.#chunks.length = chunks;
  }

  clear(): void {
    this.#chunks = [];
  }
}
