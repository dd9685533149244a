/** The one source of chance: the same seed draws the same, whatever the clock does. */
import type { TestContext } from 'node:test';

export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = mulberry32(seed);
  }

  /** An integer from 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.#next() * end);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error('nothing to pick from');
    return list[this.below(list.length)] as T;
  }

  /** One of the entries, in proportion to their weights. */
  weighted<T>(entries: readonly (readonly [weight: number, entry: T])[]): T {
    let left = this.#next() * entries.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, entry] of entries) {
      left -= weight;
      if (left < 0) return entry;
    }
    return this.pick(entries)[1];
  }
}

/** From 0 up to 1: Tommy Ettinger's 32-bit generator, small, and good enough to make tests and routes with. */
export function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** By the seed of `npm test -- --seed`, or a new one where the file runs alone; the test tells which. */
export function seededRandom(t: TestContext): Random {
  const seed = Number(process.env['RIB2FIB_TEST_SEED'] ?? Date.now() % 2 ** 31);
  t.diagnostic(`RIB2FIB_TEST_SEED=${seed}`);
  return new Random(seed);
}
