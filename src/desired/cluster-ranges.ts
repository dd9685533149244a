/** The cluster's own ranges, as every table keeps them: nothing inside is learned, and what is inside stays in main. */
import { type KeptRange, keptText } from '../discover/discovered.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';

export class ClusterRanges {
  static readonly none = new ClusterRanges([], true);

  readonly set: PrefixSet;
  /** Those that no other of them contains: a route for each keeps all of them. */
  readonly outermost: readonly Prefix[];
  readonly #owners: ReadonlyMap<string, string>;

  /** `settled`: what is not among them is known not to be one. */
  constructor(
    readonly kept: readonly KeptRange[],
    readonly settled: boolean,
  ) {
    this.set = new PrefixSet(kept.map(({ prefix }) => prefix));
    this.outermost = [...this.set.values()].filter(
      (prefix) => prefix.isDefault || this.set.covering(parentOf(prefix)) === undefined,
    );
    this.#owners = new Map(kept.map((range) => [range.prefix.key, keptText(range)]));
  }

  equals(other: ClusterRanges): boolean {
    return (
      this.settled === other.settled &&
      this.set.size === other.set.size &&
      [...other.#owners].every(([key, owner]) => this.#owners.get(key) === owner)
    );
  }

  /** They were made of these: that is known without a look at each of them. */
  isMadeOf(kept: readonly KeptRange[], settled: boolean): boolean {
    return this.kept === kept && this.settled === settled;
  }

  /** Whose the range is that contains this prefix: `pod CIDR of node-a`; of several the longest. `undefined`: nobody's. */
  ownerOf(prefix: Prefix): string | undefined {
    const range = this.set.covering(prefix);
    return range && this.#owners.get(range.key);
  }
}

function parentOf(prefix: Prefix): Prefix {
  return prefix.truncate(prefix.length - 1);
}
