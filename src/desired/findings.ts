/** What discovery has found last, as each table of the configuration takes it. */
import type { Config, TableConfig } from '../config/config.js';
import type { Discovered } from '../discover/discovered.js';
import { ClusterRanges } from './cluster-ranges.js';
import { awaits, FOUND_NOTHING, type Found } from './found.js';

export class Findings {
  #discovered: Discovered | undefined;
  #ranges: ClusterRanges;

  constructor(config: Config) {
    this.#ranges = rangesOf(config, undefined);
  }

  /** `undefined` while nothing has been found. */
  get discovered(): Discovered | undefined {
    return this.#discovered;
  }

  /** What is not among the ranges is known not to be one. */
  get rangesSettled(): boolean {
    return this.#ranges.settled;
  }

  /** Another configuration, or more was found for it. */
  take(config: Config, discovered: Discovered | undefined): void {
    this.#discovered = discovered;
    this.#ranges = rangesOf(config, discovered, this.#ranges);
  }

  /** For a table of that configuration. */
  of(table: TableConfig): Found {
    const part = this.#discovered?.tables.get(table.id);
    const settled = part?.settled ?? !awaits(table);
    const known = part ?? FOUND_NOTHING.part;
    return {
      part: settled === known.settled ? known : { ...known, settled },
      ranges: this.#ranges,
    };
  }
}

/** `before` where nothing of it has changed, so that who holds it sees that. */
function rangesOf(
  { discovery }: Config,
  discovered: Discovered | undefined,
  before?: ClusterRanges,
): ClusterRanges {
  const protects = (discovery.kubernetes?.protect.length ?? 0) > 0;
  if (!protects) return ClusterRanges.none;
  const [kept, settled] = [discovered?.kept ?? [], discovered?.keptSettled ?? false];
  if (before?.isMadeOf(kept, settled) === true) return before;
  const ranges = new ClusterRanges(kept, settled);
  return before?.equals(ranges) === true ? before : ranges;
}
