/**
 * Who keeps undoing what is ours. An object that others removed, changed, or,
 * where they are evicted, took the place of five times within ten seconds is
 * contested: from then on it is put right only after a wait, which doubles with
 * each further round from a tenth of a second (what is flushed while we repair it
 * outlasts that) to thirty seconds. Left in peace for half a minute it is
 * contested no more. A single repair waits for nothing.
 */
import type { Operation } from '../kernel/kernel.js';
import { type KernelObject, objectKey, objectOf, routeKey } from './kernel-object.js';

const ROUNDS = 5;
const WITHIN_MS = 10_000;
const FIRST_WAIT_MS = 100;
const LAST_WAIT_MS = 30_000;
const PEACE_MS = 30_000;
/** Objects watched at once; what is undone beyond them is put right all the same, without a wait. */
const MOST_WATCHED = 100_000;

/** The other, as far as the kernel's notice tells. */
export interface Rival {
  /** Of the object that stands in ours's place; a deletion names none. */
  readonly protocol: number | undefined;
  /** Netlink port: a process id, as a rule. */
  readonly port: number;
}

/** Times are the caller's, of a clock that never jumps. */
export interface Contest {
  readonly object: KernelObject;
  /** How often it was undone since it began. */
  readonly rounds: number;
  readonly since: number;
  /** The last that a notice told; `undefined` where all were deletions. */
  readonly protocol: number | undefined;
  readonly port: number | 'several';
  /** It is not to be there at all. */
  readonly stray: boolean;
  /** Left as it is until then; `undefined` once it was put right again, or may be. */
  readonly heldUntil: number | undefined;
}

interface Entry extends Contest {
  readonly waits: number;
  /** While it is not held: when it counts as left in peace. */
  readonly peaceAt: number;
}

/** What was undone, not yet often enough. */
interface Watched {
  readonly times: readonly number[];
  readonly protocol: number | undefined;
  readonly port: number | 'several';
}

export class Contests {
  readonly #watched = new Map<string, Watched>();
  readonly #contests = new Map<string, Entry>();
  /** None of them is due before. */
  #next = Number.POSITIVE_INFINITY;
  #lastUndone = Number.NEGATIVE_INFINITY;

  /** To be told of everything of ours that others undo; `stray`: what is not to be there, in our name. */
  undone(
    object: KernelObject,
    rival: Rival,
    now: number,
    stray = false,
  ): 'passing' | 'begun' | 'contested' {
    const key = objectKey(object);
    const contest = this.#contests.get(key);
    if (contest !== undefined) {
      this.#again(key, { ...contest, stray }, rival, now);
      return 'contested';
    }
    const watched = this.#watch(key, rival, now);
    if (watched === undefined || watched.times.length < ROUNDS) return 'passing';
    const { times, protocol, port } = watched;
    this.#watched.delete(key);
    const [since = now] = times;
    const begun = { object, rounds: times.length, since, protocol, port, stray };
    this.#hold(key, { ...begun, waits: 0, heldUntil: undefined, peaceAt: 0 }, now);
    return 'begun';
  }

  /**
   * False for what would put a contested object right before its time. Rules,
   * nexthop objects, and routes that were wanted and are no more, may always go.
   */
  mayTry(operation: Operation): boolean {
    if (this.#contests.size === 0) return true;
    switch (operation.op) {
      case 'rule-delete':
      case 'nexthop-delete':
        return true;
      default: {
        const contest = this.#contests.get(objectKey(objectOf(operation)));
        if (contest?.heldUntil === undefined) return true;
        return operation.op === 'route-delete' && !contest.stray;
      }
    }
  }

  /** `free`: those whose wait is over, each once, to be put right; `ended`: those left in peace, forgotten here. */
  due(now: number): { readonly free: readonly KernelObject[]; readonly ended: readonly Contest[] } {
    const free: KernelObject[] = [];
    const ended: Contest[] = [];
    if (now >= this.#lastUndone + WITHIN_MS) this.#watched.clear();
    if (now < this.#next) return { free, ended };
    this.#next = Number.POSITIVE_INFINITY;
    for (const [key, entry] of this.#contests) {
      if (entry.heldUntil !== undefined && now >= entry.heldUntil) {
        const peaceAt = now + PEACE_MS;
        this.#contests.set(key, { ...entry, heldUntil: undefined, peaceAt });
        free.push(entry.object);
        this.#wakeAt(peaceAt);
      } else if (entry.heldUntil === undefined && now >= entry.peaceAt) {
        this.#contests.delete(key);
        ended.push(entry);
      } else this.#wakeAt(entry.heldUntil ?? entry.peaceAt);
    }
    return { free, ended };
  }

  /** When {@link due} has something to do; Infinity where nothing was undone lately. */
  get next(): number {
    const forget = this.#watched.size === 0 ? this.#next : this.#lastUndone + WITHIN_MS;
    return Math.min(this.#next, forget);
  }

  get size(): number {
    return this.#contests.size;
  }

  /** Oldest first. */
  values(): Iterable<Contest> {
    return this.#contests.values();
  }

  /** The contest over the place of a route, by its prefix's key. */
  ofRoute(table: number, metric: number, key: string): Contest | undefined {
    return this.#contests.size === 0 ? undefined : this.#contests.get(routeKey(table, metric, key));
  }

  of(object: KernelObject): Contest | undefined {
    return this.#contests.get(objectKey(object));
  }

  #again(key: string, contest: Entry, rival: Rival, now: number): void {
    const { protocol, port } = merged(contest, rival);
    // What others do among themselves while we wait is no round.
    if (contest.heldUntil !== undefined) this.#contests.set(key, { ...contest, protocol, port });
    else this.#hold(key, { ...contest, protocol, port, rounds: contest.rounds + 1 }, now);
  }

  #hold(key: string, contest: Entry, now: number): void {
    const heldUntil = now + Math.min(FIRST_WAIT_MS * 2 ** contest.waits, LAST_WAIT_MS);
    this.#contests.set(key, { ...contest, waits: contest.waits + 1, heldUntil });
    this.#wakeAt(heldUntil);
  }

  #wakeAt(time: number): void {
    this.#next = Math.min(this.#next, time);
  }

  #watch(key: string, rival: Rival, now: number): Watched | undefined {
    const before = this.#watched.get(key);
    if (before === undefined && !this.#hasRoom(now)) return undefined;
    this.#lastUndone = now;
    const recent = (before?.times ?? []).filter((time) => now - time < WITHIN_MS);
    const watched = { ...merged(before, rival), times: [...recent, now] };
    // Behind all others: the first in the map was undone longest ago.
    this.#watched.delete(key);
    this.#watched.set(key, watched);
    return watched;
  }

  #hasRoom(now: number): boolean {
    const full = () => this.#watched.size + this.#contests.size >= MOST_WATCHED;
    if (!full()) return true;
    for (const [key, { times }] of this.#watched) {
      if (now - (times.at(-1) ?? now) < WITHIN_MS) break;
      this.#watched.delete(key);
    }
    return !full();
  }
}

function merged(
  before: Pick<Contest, 'protocol' | 'port'> | undefined,
  { protocol, port }: Rival,
): Pick<Contest, 'protocol' | 'port'> {
  return {
    protocol: protocol ?? before?.protocol,
    port: before === undefined || before.port === port ? port : 'several',
  };
}
