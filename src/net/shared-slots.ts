/**
 * The numbers of all prefixes that any whole table holds: what was heard, the
 * RIB, what each table decided and what the kernel has are much the same
 * prefixes, and number them once (docs/decisions/013-prefix-slots.md).
 *
 * Nobody gives a number back. Before there is more room, where some table holds less than it did, and
 * once most are of no use, those that no table holds any more are found, and are free: a table that is
 * itself garbage holds none.
 */
import { type Family, forFamilies } from './family.js';
import type { Prefix } from './prefix.js';
import { PrefixSlots } from './prefix-slots.js';

/**
 * A table, or one family of it; or what waits between two of them, which holds its prefixes while
 * they wait, and need not tell when it does no more: a table has told that of the few that go.
 */
export interface SlotUser {
  /** Slots in use. */
  readonly size: number;
  uses(slot: number): boolean;
  /** No slot is at `end` or above any more: room for them may be given back. */
  trim(end: number): void;
}

const FIRST_SWEEP = 1_024;
/** A sweep looks at every prefix: the next comes when there are so many times those it left. */
const SWEEP_FACTOR = 1.25;
/** A sweep comes as well when there are so many times those that any one table holds … */
const SHRINK_FACTOR = 4;
/** … which is looked at when so large a part of them has been dropped. */
const LOOK_FACTOR = 8;

export class SharedSlots {
  readonly #slots: PrefixSlots;
  #users: WeakRef<SlotUser>[] = [];
  #sweepAt = FIRST_SWEEP;
  /** Since it was looked at last how many are held. */
  #dropped = 0;
  /** A table has dropped some since they were last found, or was new. */
  #mayBeFree = false;
  /** What was looked for last and is not there: one stage asks several tables about one prefix. */
  #missing: Prefix | undefined;

  constructor(family: Family) {
    this.#slots = new PrefixSlots(family);
  }

  get end(): number {
    return this.#slots.end;
  }

  find(prefix: Prefix): number {
    if (prefix === this.#missing) return -1;
    const hint = prefix.slotHint;
    // Room beyond the end is zeros, as a default route is.
    if (hint >= 0 && hint < this.#slots.end && this.#slots.holds(hint, prefix)) return hint;
    const slot = this.#slots.find(prefix);
    prefix.slotHint = slot;
    if (slot < 0) this.#missing = prefix;
    return slot;
  }

  add(prefix: Prefix): number {
    const known = this.find(prefix);
    if (known >= 0) return known;
    if (this.#slots.size >= this.#sweepAt || this.#hasShrunk()) this.#makeRoom();
    this.#missing = undefined;
    const slot = this.#slots.insert(prefix);
    prefix.slotHint = slot;
    return slot;
  }

  prefixAt(slot: number): Prefix {
    const prefix = this.#slots.prefixAt(slot);
    prefix.slotHint = slot;
    return prefix;
  }

  /** A table does not hold one of them any more; another may. */
  drop(): void {
    this.#dropped++;
    this.#mayBeFree = true;
  }

  /** Of those that a table held others may hold some. */
  dropAll(count: number): void {
    this.#dropped += count;
    this.#mayBeFree = true;
  }

  /** From now on until it is garbage. */
  usedBy(user: SlotUser): void {
    this.#users = this.#users.filter((one) => one.deref() !== undefined);
    this.#users.push(new WeakRef(user));
    // It may come in the place of one that is garbage soon.
    this.#mayBeFree = true;
  }

  /** A leaked full table went again, say: most of what is numbered nobody holds. */
  #hasShrunk(): boolean {
    const { size } = this.#slots;
    if (this.#dropped < Math.max(FIRST_SWEEP, size / LOOK_FACTOR)) return false;
    this.#dropped = 0;
    const most = this.#living().reduce((held, user) => Math.max(held, user.size), 0);
    return most * SHRINK_FACTOR < size;
  }

  #living(): readonly SlotUser[] {
    return this.#users.map((user) => user.deref()).filter((user) => user !== undefined);
  }

  #makeRoom(): void {
    const users = this.#living();
    const gone = users.length < this.#users.length;
    if (this.#mayBeFree || gone) this.#sweep(users);
    this.#sweepAt = Math.max(FIRST_SWEEP, Math.ceil(this.#slots.size * SWEEP_FACTOR));
  }

  #sweep(users: readonly SlotUser[]): void {
    this.#users = users.map((user) => new WeakRef(user));
    this.#slots.removeUnless((slot) => {
      for (const user of users) if (user.uses(slot)) return true;
      return false;
    });
    for (const user of users) user.trim(this.#slots.end);
    this.#dropped = 0;
    this.#mayBeFree = false;
  }
}

export const sharedSlots: Readonly<Record<Family, SharedSlots>> = forFamilies(
  (family) => new SharedSlots(family),
);
