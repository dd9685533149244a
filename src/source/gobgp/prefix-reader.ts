/**
 * Reads changed prefixes again, by ListPath, for a gobgpd with
 * use-multiple-paths. Its events tell that a set has changed, but not reliably
 * what it is: up to 4.6 they carry the whole set, from 4.7 the difference, and
 * nothing in them says which. Prefixes that change meanwhile are read in the
 * next round, so churn costs calls by the batch.
 */
import type { Clock } from '../../clock.js';
import { FAMILIES, type Family } from '../../net/family.js';
import type { Prefix } from '../../net/prefix.js';
import { GobgpError } from './gobgp-error.js';
import type { KnownPath } from './known-path.js';

export interface PrefixReaderOptions {
  /** Lists the known paths, best first, of at least the given prefixes (4.0 to 4.4 add the longer ones). */
  readonly list: (
    family: Family,
    prefixes: readonly Prefix[],
    each: (prefix: Prefix, known: readonly KnownPath[]) => void,
  ) => Promise<void>;
  /** What a prefix has now; nothing where gobgpd does not know it any more. */
  readonly found: (prefix: Prefix, known: readonly KnownPath[]) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Prefixes a call asks for. */
const BATCH = 500;
/** Until a call that failed is made again: a gobgpd that stops BGP refuses them, and soon ends the stream. */
const RETRY_MS = 1000;

export class PrefixReader {
  #changed: Record<Family, Map<string, Prefix>> = { ipv4: new Map(), ipv6: new Map() };
  #running = false;
  #reading = 0;

  constructor(private readonly options: PrefixReaderOptions) {}

  /** Notes a changed prefix. True when nobody reads yet: the caller then owes a call of {@link settle}. */
  changed(prefix: Prefix): boolean {
    this.#changed[prefix.family].set(prefix.key, prefix);
    return !this.#running;
  }

  /** Prefixes still to be read. */
  get size(): number {
    return this.#changed.ipv4.size + this.#changed.ipv6.size + this.#reading;
  }

  /** Reads until nothing is left, failed calls again. Rejects with the signal's reason. */
  async settle(): Promise<void> {
    this.#running = true;
    try {
      while (FAMILIES.some((family) => this.#changed[family].size > 0)) {
        for (const family of FAMILIES) await this.#round(family);
      }
    } finally {
      this.#running = false;
    }
  }

  async #round(family: Family): Promise<void> {
    const batch = this.#take(family);
    if (batch.size === 0) return;
    const { list, found: report, clock, signal } = this.options;
    this.#reading = batch.size;
    const found = new Map<string, readonly KnownPath[]>();
    try {
      await list(family, [...batch.values()], ({ key }, known) => {
        if (batch.has(key)) found.set(key, known);
      });
    } catch (error) {
      if (!(error instanceof GobgpError)) throw error;
      this.#reading = 0;
      for (const prefix of batch.values()) this.changed(prefix);
      await clock.delay(RETRY_MS, signal);
      return;
    } finally {
      this.#reading = 0;
    }
    for (const [key, prefix] of batch) report(prefix, found.get(key) ?? []);
  }

  #take(family: Family): Map<string, Prefix> {
    const all = this.#changed[family];
    if (all.size <= BATCH) {
      this.#changed[family] = new Map();
      return all;
    }
    const batch = new Map<string, Prefix>();
    for (const [key, prefix] of all) {
      batch.set(key, prefix);
      all.delete(key);
      if (batch.size === BATCH) break;
    }
    return batch;
  }
}
