/** What each heard prefix of a table has come to, with the sums over them: all O(1) a prefix. */
import type { LimitConfig } from '../config/config.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixMap } from '../net/prefix-map.js';
import type { RejectReason } from '../policy/verdict.js';
import { type Decision, type Entry, sameDecision } from './decide.js';
import type { NextHopSet, NextHopSets } from './next-hop-set.js';
import { Tally } from './tally.js';

export class Decisions {
  readonly #decisions = PrefixMap.ofTable<Decision>();
  readonly #tally = new Tally();
  /** Neighbours in a feed mostly come to the same. */
  #last: Decision | undefined;

  /** @param nextHops those that decisions stand on: each counts its routes, and goes with its last decision */
  constructor(private readonly nextHops: NextHopSets) {}

  /** True where the route of the prefix, or the reason for none, is another now. */
  set(prefix: Prefix, decision: Decision): boolean {
    const before = this.#decisions.get(prefix);
    const after = this.#shared(decision);
    this.#account(prefix, after, 1);
    if (before !== undefined) this.#account(prefix, before, -1);
    this.#decisions.set(prefix, after);
    return before?.set !== after.set || before?.reason !== after.reason;
  }

  /** False where the prefix has not been heard. */
  delete(prefix: Prefix): boolean {
    const before = this.#decisions.get(prefix);
    if (before === undefined) return false;
    this.#decisions.delete(prefix);
    this.#account(prefix, before, -1);
    return true;
  }

  has(prefix: Prefix): boolean {
    return this.#decisions.has(prefix);
  }

  get(prefix: Prefix): Decision | undefined {
    return this.#decisions.get(prefix);
  }

  prefixes(): Iterable<Prefix> {
    return this.#decisions.keys();
  }

  *entries(): Generator<Entry> {
    for (const [prefix, decision] of this.#decisions.entries()) yield { prefix, ...decision };
  }

  /** Of `standing`, which is a whole table, those that were not heard. */
  notAmong(standing: PrefixMap<NonNullable<unknown>>): Iterable<Prefix> {
    return standing.keysBeside(this.#decisions);
  }

  /** Those past filters and limits, whether or not a next hop of theirs resolves. */
  *accepted(): Generator<{ prefix: Prefix; set: NextHopSet }> {
    for (const [prefix, { set, reason }] of this.#decisions.entries()) {
      if (set !== undefined && reason === undefined) yield { prefix, set };
    }
  }

  /** Keys of {@link accepted} in the scope of a limit. */
  acceptedKeys({ peer, family }: Pick<LimitConfig, 'peer' | 'family'>): string[] {
    const accepted: string[] = [];
    for (const [prefix, { reason, paths }] of this.#decisions.entriesOf(family)) {
      const inScope = peer === undefined || paths.some((path) => path.peer === peer);
      if (reason === undefined && inScope) accepted.push(prefix.key);
    }
    return accepted;
  }

  /** How many {@link accepted} has. */
  get acceptedCount(): number {
    return this.#tally.accepted;
  }

  /** Of them, by peer. */
  get acceptedByPeer(): ReadonlyMap<string, Readonly<Record<Family, number>>> {
    return this.#tally.acceptedByPeer;
  }

  /** By reason, unreachable next hops included. */
  rejected(): Map<RejectReason, number> {
    const counts = new Map(this.#tally.rejected);
    for (const { reason, routes } of this.nextHops.values()) {
      if (reason === undefined) continue;
      counts.set(reason, (counts.get(reason) ?? 0) + routes.ipv4 + routes.ipv6);
    }
    return counts;
  }

  /** `routed`: of those accepted, with a next hop that resolves. */
  counts(family: Family): { accepted: number; routed: number } {
    let accepted = 0;
    let routed = 0;
    for (const { routes, legs } of this.nextHops.values()) {
      accepted += routes[family];
      if (legs.length > 0) routed += routes[family];
    }
    return { accepted, routed };
  }

  #shared(decision: Decision): Decision {
    const last = this.#last;
    if (last !== undefined && sameDecision(last, decision)) return last;
    this.#last = decision;
    return decision;
  }

  #account(prefix: Prefix, decision: Decision, step: 1 | -1): void {
    const { reason, set } = decision;
    if (set !== undefined) {
      if (reason === undefined) set.routes[prefix.family] += step;
      if (step === 1) set.references++;
      else this.nextHops.release(set);
    }
    this.#tally.count(prefix, decision, step);
  }
}
