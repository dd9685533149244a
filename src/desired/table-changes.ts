import type { NextHopSet } from './next-hop-set.js';

/** What changed in a table since the last drain; `everything` leaves the rest unsaid. */
export interface TableChanges {
  readonly everything: boolean;
  /** Keys of the prefixes to be looked at. */
  readonly prefixes: ReadonlySet<string>;
  /** Next-hop sets whose legs changed. */
  readonly sets: ReadonlySet<NextHopSet>;
  readonly rules: boolean;
}

/** Collects what the reconciler has to look at, until it takes it. */
export class ChangeLog {
  #everything = true;
  #rules = true;
  #prefixes = new Set<string>();
  #sets = new Set<NextHopSet>();
  /** Of the changed sets, those whose every route has to be looked at. */
  #scattered = new Set<NextHopSet>();

  /** All of the table, whatever else was noted. */
  all(): void {
    this.#everything = true;
  }

  prefix(key: string): void {
    this.#prefixes.add(key);
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
    return this.#everything || this.#rules || this.#prefixes.size > 0 || this.#sets.size > 0;
  }

  get everything(): boolean {
    return this.#everything;
  }

  /** @param routes the table's, to find those of the scattered sets among */
  drain(routes: Iterable<{ readonly key: string; readonly set: NextHopSet }>): TableChanges {
    if (this.#scattered.size > 0) {
      for (const { key, set } of routes) if (this.#scattered.has(set)) this.#prefixes.add(key);
    }
    const changes = {
      everything: this.#everything,
      prefixes: this.#prefixes,
      sets: this.#sets,
      rules: this.#rules,
    };
    this.#everything = false;
    this.#rules = false;
    this.#prefixes = new Set();
    this.#sets = new Set();
    this.#scattered = new Set();
    return changes;
  }
}
