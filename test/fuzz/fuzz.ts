/** Runs a target over mutated messages, and keeps account. */
import { Random } from '../chaos/random.js';
import type { Target } from './target.js';

export interface FuzzReport {
  /** How often each thing became of a message, most frequent first. */
  readonly outcomes: readonly (readonly [outcome: string, count: number])[];
  readonly seconds: number;
  /** Of one message, the fastest of three runs: the machine has other things to do meanwhile. */
  readonly slowestMs: number;
  /** Octets of live heap after each tenth of the messages; without `--expose-gc` they say nothing. */
  readonly heap: readonly number[];
}

/** A message that brought down the decoder, ready to be put into a test. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';

  constructor(target: string, number: number, bytes: Buffer, cause: unknown) {
    super(`${target}: message ${number}, ${bytes.length} octets: ${bytes.toString('hex')}`, {
      cause,
    });
  }
}

/** Longer than nearly all: then it is timed again. */
const SUSPICIOUS_MS = 5;

/** The same seed gives the same messages. Throws {@link FuzzFailure} at the first that brings the decoder down. */
export function fuzz(target: Target, seed: number, count: number): FuzzReport {
  const random = new Random(seed);
  const outcomes = new Map<string, number>();
  const started = performance.now();
  let slowestMs = 0;
  const heap: number[] = [];
  for (let number = 1; number <= count; number++) {
    const bytes = target.draw(random);
    const kept = Buffer.from(bytes);
    const from = performance.now();
    let outcome: string;
    try {
      outcome = target.run(bytes, random);
      if (!bytes.equals(kept)) throw new Error('the decoder changed its input');
    } catch (error) {
      throw new FuzzFailure(target.name, number, kept, error);
    }
    let took = performance.now() - from;
    if (took > SUSPICIOUS_MS) took = Math.min(took, again(target, bytes), again(target, bytes));
    slowestMs = Math.max(slowestMs, took);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    if (number === Math.ceil((count * (heap.length + 1)) / 10)) heap.push(liveHeap());
  }
  return {
    outcomes: [...outcomes].sort(([, a], [, b]) => b - a),
    seconds: (performance.now() - started) / 1000,
    slowestMs,
    heap,
  };
}

/** How long a message takes; with chance of its own, so that the messages to come stay the same. */
function again(target: Target, bytes: Buffer): number {
  const from = performance.now();
  target.run(bytes, new Random(0));
  return performance.now() - from;
}

function liveHeap(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
