/** How soon a status is written that has changed: the more often of late, the later. Pure. */
import { type NodeRoutesStatus, sameReport } from './node-routes.js';

/** `counts`: numbers, times and words alone. `state`: what a person would call a change. */
type Change = 'none' | 'counts' | 'state';

interface Limits {
  /** Milliseconds between two writes: of those that come after a pause … */
  readonly first: number;
  /** … where the next comes soon … */
  readonly soon: number;
  /** … and as it doubles, at last. */
  readonly most: number;
}

const LIMITS: Readonly<Record<Exclude<Change, 'none'>, Limits>> = {
  counts: { first: 10_000, soon: 20_000, most: 60_000 },
  state: { first: 0, soon: 1_000, most: 10_000 },
};

/** So long after the last write, and twice what was waited for, the next does not come soon. */
const PAUSE_MS = 20_000;

/** Without a change, in milliseconds: at most; a fifth less at least. */
const REPEAT_MS = 300_000;

interface Written {
  readonly status: NodeRoutesStatus;
  /** Monotonic. */
  readonly at: number;
  readonly repeatMs: number;
}

export class WritePace {
  #written: Written | undefined;
  #gaps = { counts: LIMITS.counts.first, state: LIMITS.state.first };

  /** `random`: 0 up to 1. */
  constructor(private readonly random: () => number) {}

  /** Written last. */
  get status(): NodeRoutesStatus | undefined {
    return this.#written?.status;
  }

  /** Milliseconds until `status` is to be written, if nothing changes any more; 0 or less: now. */
  untilDue(status: NodeRoutesStatus, now: number): number {
    const last = this.#written;
    if (last === undefined) return 0;
    const change = changeBetween(last.status, status);
    return last.at + (change === 'none' ? last.repeatMs : this.#gaps[change]) - now;
  }

  wrote(status: NodeRoutesStatus, now: number): void {
    const last = this.#written;
    this.#written = { status, at: now, repeatMs: REPEAT_MS * (0.8 + this.random() / 5) };
    const change = last === undefined ? 'none' : changeBetween(last.status, status);
    if (last === undefined || change === 'none') {
      this.#gaps = { counts: LIMITS.counts.first, state: LIMITS.state.first };
      return;
    }
    const { first, soon, most } = LIMITS[change];
    const gap = this.#gaps[change];
    const isSoon = now - last.at < 2 * gap + PAUSE_MS;
    this.#gaps[change] = isSoon ? Math.min(Math.max(2 * gap, soon), most) : first;
  }
}

function changeBetween(one: NodeRoutesStatus, other: NodeRoutesStatus): Change {
  if (sameReport(one, other)) return 'none';
  return stateOf(one) === stateOf(other) ? 'counts' : 'state';
}

/** What is not counted, timed or told in words. */
function stateOf({ version, source, tables, discovery, conditions }: NodeRoutesStatus): string {
  const { kind, address, state, feed, peers } = source;
  return JSON.stringify([
    ...[version, kind, address, state, feed],
    peers.map((peer) => [peer.address, peer.established]),
    tables.map(({ id, name, limitsExceeded }) => [id, name, limitsExceeded]),
    discovery.map((one) => [one.resource, one.state]),
    conditions.map(({ type, status, reason }) => [type, status, reason]),
  ]);
}
