import type { Prefix } from '../net/prefix.js';
import { ChangedPrefixes } from './changed-prefixes.js';
import type { NextHopSet } from './next-hop-set.js';
import { PrefixBacklog } from './prefix-backlog.js';

/** What changed in a table since the last drain; `everything` leaves the rest unsaid. */
export interface TableChanges {
  readonly everything: boolean;
  /** What the kernel has of prefixes that the table does not hold may go from now on. */
  readonly sweeps: boolean;
  /** To be looked at first: a fixed route comes to them, or goes from them. */
  readonly fixed: PrefixBacklog;
  /** To be looked at; some may be among those of `fixed`. */
  readonly prefixes: Iterable<Prefix>;
  /** Next-hop sets whose legs changed. */
  readonly sets: ReadonlySet<NextHopSet>;
  readonly rules: boolean;
}

/** Collects what the reconciler has to look at, until it takes it. */
export class ChangeLog {
  #everything = true;
  #sweeps = false;
  #rules = true;
  #lost = false;
  #fixed = new PrefixBacklog();
  #prefixes = new ChangedPrefixes();
  /** Those of the last drain. */
  #drained = new ChangedPrefixes();
  #sets = new Set<NextHopSet>();
  /** Of the changed sets, those whose every route has to be looked at. */
  #scattered = new Set<NextHopSet>();

  /** All of the table, whatever else was noted. */
  all(): void {
    this.#everything = true;
  }

  /** What may be there of prefixes that the table does not hold. */
  sweep(): void {
    this.#sweeps = true;
  }

  prefix(prefix: Prefix): void {
    this.#prefixes.add(prefix);
  }

  /** One that a fixed route comes to, or goes from. */
  fixed(prefix: Prefix): void {
    this.#fixed.add(prefix);
  }

  /** A next hop that routes stand on leads nowhere any more: traffic is lost until it is written. */
  lost(): void {
    this.#lost = true;
  }

  /** `scattered`: its routes have to be written one by one, not its group alone. */
  set(set: NextHopSet, scattered: boolean): void {
    this.#sets.add(set);
    if (scattered) this.#scattered.add(set);
  }

  rules(): void {
    this.#rules = true;
  }

  get any(): boolean {
    const prefixes = this.#fixed.size + this.#prefixes.size;
    const some = this.#everything || this.#sweeps || this.#rules;
    return some || prefixes > 0 || this.#sets.size > 0;
  }

  get everything(): boolean {
    return this.#everything;
  }

  /** {@link lost} was called since the last drain. */
  get anyLost(): boolean {
    return this.#lost;
  }

  /** Prefixes noted, and those of the sets noted: some may count twice. `undefined`: all of the table. */
  get size(): number | undefined {
    if (this.#everything) return undefined;
    let size = this.#fixed.size + this.#prefixes.size;
    for (const { routes } of this.#sets) size += routes.ipv4 + routes.ipv6;
    return size;
  }

  /**
   * Its prefixes are good until the next call.
   * @param routes the table's, to find those of the scattered sets among
   */
  drain(routes: Iterable<{ readonly prefix: Prefix; readonly set: NextHopSet }>): TableChanges {
    if (this.#scattered.size > 0) {
      for (const { prefix, set } of routes)
        if (this.#scattered.has(set)) this.#prefixes.add(prefix);
    }
    const changes = {
      everything: this.#everything,
      sweeps: this.#sweeps,
      fixed: this.#fixed.size === 0 ? NOTHING : this.#fixed,
      prefixes: this.#prefixes,
      sets: this.#sets,
      rules: this.#rules,
    };
    this.#everything = false;
    this.#sweeps = false;
    this.#rules = false;
    this.#lost = false;
    if (this.#fixed.size > 0) this.#fixed = new PrefixBacklog();
    [this.#prefixes, this.#drained] = [this.#drained, this.#prefixes];
    this.#prefixes.clear();
    this.#sets = new Set();
    this.#scattered = new Set();
    return changes;
  }
}

/** Nothing is ever added to it. */
const NOTHING = new PrefixBacklog();
