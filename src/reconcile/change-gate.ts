/**
 * What stands around changes to the kernel: asked before a pass that may write,
 * and told what was written. The daemon's hooks are one.
 */
import type { Operation } from '../kernel/kernel.js';

/** What a pass is about to look at, as far as it is known before it. */
export interface Ahead {
  /** Ids of the tables of which something changed. */
  readonly tables: ReadonlySet<number>;
  /** Prefixes to be looked at, at most; `undefined`: whole tables. */
  readonly prefixes: number | undefined;
}

/** What became of operations. */
export interface Written {
  readonly done: readonly Operation[];
  /** Operations the kernel refused. */
  readonly refused: number;
  /** Routes that went along with a nexthop group of `done`. */
  readonly takenAlong: number;
}

export interface ChangeGate {
  /** False: nobody cares, and nothing else is called. It may change at any time. */
  readonly isWatched: boolean;
  /**
   * Asked before each pass that may write. `undefined`: it may. Else the pass
   * is left for later, and the gate is asked again, with all that is ahead by
   * then, once the promise resolves or before. Never rejects.
   */
  open(ahead: Ahead): Promise<void> | undefined;
  /** Told after each lot, also of what could not wait for the gate. */
  wrote(written: Written): void;
  /** Told at the end of each pass: nothing is written until the next. */
  passed(): void;
}
