/** What the fuzzer holds against bytes that nobody meant to send. */
import type { Random } from '../chaos/random.js';

export interface Target {
  /** As `--target` names it. */
  readonly name: string;
  /** The next message, made out of real ones. */
  draw(random: Random): Buffer;
  /**
   * Decodes, and throws on anything that a decoder may not do: an error of another
   * class than its own, or a value that breaks its promises. Answers what became of it.
   */
  run(bytes: Buffer, random: Random): string;
}

/** A decoder that did what it may not. */
export function promise(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken promise: ${what}`);
}
