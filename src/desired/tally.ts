import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import type { RejectReason } from '../policy/verdict.js';
import type { Path } from '../rib/path.js';

/** Running counts of what a table made of what it heard; O(1) a changed prefix. */
export class Tally {
  readonly rejected = new Map<RejectReason, number>();
  /** Prefixes, whether their next hop resolves or not. */
  accepted = 0;
  /** Accepted prefixes by the peers of their paths. */
  readonly acceptedByPeer = new Map<string, Record<Family, number>>();

  count(
    { family }: Prefix,
    {
      reason,
      paths,
    }: { readonly reason: RejectReason | undefined; readonly paths: readonly Path[] },
    step: 1 | -1,
  ): void {
    if (reason !== undefined) {
      this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + step);
      return;
    }
    this.accepted += step;
    const [first] = paths;
    if (first === undefined) return;
    if (paths.length === 1) this.#countPeer(first.peer, family, step);
    else
      for (const peer of new Set(paths.map((path) => path.peer)))
        this.#countPeer(peer, family, step);
  }

  #countPeer(peer: string, family: Family, step: 1 | -1): void {
    let counts = this.acceptedByPeer.get(peer);
    if (counts === undefined) {
      counts = { ipv4: 0, ipv6: 0 };
      this.acceptedByPeer.set(peer, counts);
    }
    counts[family] += step;
  }
}
