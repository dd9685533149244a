/**
 * The numbers of all prefixes that any whole table holds: what was heard, the
 * RIB, what each table decided and what the kernel has are much the same
 * prefixes, and number them once (docs/decisions/013-prefix-slots.md).
 *
 * Nobody gives a number back. Before there is more room, those that no table
 * holds any more are found, and are free: a table that is itself garbage holds
 * none.
 */
import { type Family, forFamilies } from './family.js';
import type { Prefix } from './prefix.js';
import { PrefixSlots } from './prefix-slots.js';

/** A table, or one family of it. */
export interface SlotUser {
  uses(slot: number): boolean;
}

const FIRST_SWEEP = 1_024;
/** A sweep looks at every prefix: the next comes when there are so many times those it left. */
const SWEEP_FACTOR = 1.25;

export class SharedSlots {
  readonly #slots: PrefixSlots;
  #users: WeakRef<SlotUser>[] = [];
  #sweepAt = FIRST_SWEEP;

  constructor(family: Family) {
    this.#slots = new PrefixSlots(family);
  }

  get end(): number {
    return this.#slots.end;
  }

  find(prefix: Prefix): number {
    return this.#slots.find(prefix);
  }

  add(prefix: Prefix): number {
    if (this.#slots.size >= this.#sweepAt) this.#sweep();
    return this.#slots.add(prefix);
  }

  prefixAt(slot: number): Prefix {
    return this.#slots.prefixAt(slot);
  }

  /** Another may hold it. */
  drop(): void {}

  /** From now on until it is garbage. */
  usedBy(user: SlotUser): void {
    this.#users.push(new WeakRef(user));
  }

  #sweep(): void {
    const users = this.#users.map((user) => user.deref()).filter((user) => user !== undefined);
    this.#users = this.#users.filter((user) => user.deref() !== undefined);
    this.#slots.removeUnless((slot) => users.some((user) => user.uses(slot)));
    this.#sweepAt = Math.max(FIRST_SWEEP, Math.ceil(this.#slots.size * SWEEP_FACTOR));
  }
}

export const sharedSlots: Readonly<Record<Family, SharedSlots>> = forFamilies(
  (family) => new SharedSlots(family),
);
