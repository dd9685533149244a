/** What discovery has found last, as each table of the configuration takes it. */
import type { Config, TableConfig } from '../config/config.js';
import type { Discovered, Knowledge } from '../discover/discovered.js';
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

  /** Of the ranges that are never learned. */
  get rangesKnown(): Knowledge {
    return this.#ranges.knowledge;
  }

  /** Another configuration, or more was found for it. */
  take(config: Config, discovered: Discovered | undefined): void {
    this.#discovered = discovered;
    this.#ranges = rangesOf(config, discovered, this.#ranges);
  }

  /** For a table of that configuration. */
  of(table: TableConfig): Found {
    const part = this.#discovered?.tables.get(table.id);
    const knowledge = part?.knowledge ?? (awaits(table) ? 'awaited' : 'whole');
    const known = part ?? FOUND_NOTHING.part;
    return {
      part: knowledge === known.knowledge ? known : { ...known, knowledge },
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
  const { kept, keptKnowledge } = discovered ?? { kept: [], keptKnowledge: 'awaited' };
  if (before?.isMadeOf(kept, keptKnowledge) === true) return before;
  const ranges = new ClusterRanges(kept, keptKnowledge);
  return before?.equals(ranges) === true ? before : ranges;
}
