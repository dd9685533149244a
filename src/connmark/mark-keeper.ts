/**
 * Keeps the nftables table that marks connections equal to what the tables want, as the reconciler
 * keeps routes: what stands is read, not remembered, what others change is put right, and what nft
 * refuses is tried again. One call of nft at a time, and none where nothing is marked.
 */
import type { Clock } from '../clock.js';
import type { Engine } from '../desired/engine.js';
import type { MarkedConnections } from '../desired/marked-connections.js';
import type { Log } from '../log-port.js';
import { Alarm } from '../reconcile/alarm.js';
import type { Listing } from './listing.js';
import { type Nft, NftError } from './nft.js';
import { removal, rulesetOf } from './ruleset.js';
import { standing } from './standing.js';
import { besides, changeTo, wantedMarks } from './wanted.js';

/** Counters it feeds; the daemon's metrics are one. */
export interface MarkMetrics {
  countOperations(op: string, count: number): void;
  countKernelError(op: string, errno: string): void;
  countDrift(kind: 'connmark', count: number): void;
}

export interface MarkKeeperOptions {
  readonly engine: Engine;
  readonly nft: Nft;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: MarkMetrics;
  /** Calls `changed` whenever somebody changes the table, until `signal` aborts. */
  readonly watch: (changed: () => void, signal: AbortSignal) => Promise<void>;
}

/** Times are of the monotonic clock. */
export type MarkState =
  /** No table goes by marks. */
  | { readonly state: 'off' }
  /** Not looked at yet. */
  | { readonly state: 'pending' }
  /** What stands was read at `readAt`, and is what was written. */
  | {
      readonly state: 'kept';
      readonly since: number;
      readonly readAt: number;
      readonly marked: readonly MarkedConnections[];
      readonly listing: Listing;
    }
  /** Others change it again and again: left as they want it until `retryAt`. */
  | { readonly state: 'contested'; readonly since: number; readonly retryAt: number }
  | {
      readonly state: 'failing';
      readonly since: number;
      readonly reason: string;
      readonly attempts: number;
      readonly retryAt: number;
    };

/** Between two looks that nobody asked for. */
const LOOK_MS = 60_000;
/** From a notice to the look it asks for: changes come in numbers. */
const NOTICE_MS = 100;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** What stood so long before it was changed is put right at once. */
const CALM_MS = 60_000;

/** What was written last, and how nft listed it then. */
interface Written {
  readonly since: number;
  readonly marked: readonly MarkedConnections[];
  readonly text: string;
}

export class MarkKeeper {
  readonly #options: MarkKeeperOptions;
  readonly #alarm: Alarm;
  #state: MarkState;
  #written: Written | undefined;
  /** The tables' wishes that the state stands for, and whether what nobody repeats may go by then. */
  #seen: readonly (MarkedConnections | undefined)[] = [];
  #swept = false;
  #lookAt = 0;
  #following = false;
  /** Repairs in a row, each not long after the one before; when the last was, and when the next may be. */
  #repairs = { count: 0, last: Number.NEGATIVE_INFINITY, next: 0 };

  constructor(options: MarkKeeperOptions) {
    this.#options = options;
    this.#alarm = new Alarm(options.clock);
    const unused = wantedMarks(options.engine).length === 0;
    this.#state = { state: unused ? 'off' : 'pending' };
  }

  get state(): MarkState {
    return this.#state;
  }

  /** The engine may want something else now. Costs nothing where it does not. */
  review(): void {
    if (this.#isChanged()) this.#alarm.ring();
  }

  /**
   * The engine has another configuration: connections are marked ahead of the rules that go by the marks. The
   * last marks go with {@link review}, once the rules in their place are there.
   */
  reconfigured(): void {
    if (wantedMarks(this.#options.engine).length > 0) this.review();
  }

  /** Somebody changed something of the table. */
  #noticed(): void {
    if (this.#state.state === 'off') return;
    this.#lookAt = Math.min(this.#lookAt, this.#options.clock.monotonic() + NOTICE_MS);
    this.#alarm.ring();
  }

  /** Runs until `signal` aborts. What it wrote stays. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#follow(signal);
      if (
        this.#isChanged() ||
        this.#options.clock.monotonic() >= dueAt(this.#state, this.#lookAt)
      ) {
        await this.#attempt();
      }
      await this.#alarm.wait(this.#sleepMs(), signal);
    }
  }

  /** Brings it in step once. True where something was written. Rejects with {@link NftError}. */
  async once(): Promise<boolean> {
    const { engine, clock } = this.#options;
    const wanted = wantedMarks(engine);
    this.#seen = marksOf(engine);
    this.#swept = engine.maySweep && engine.discoveryWhole;
    // Before it is read: what is changed while it is read is looked at again.
    this.#lookAt = clock.monotonic() + LOOK_MS;
    const stood = await this.#read();
    if (wanted.length === 0) return await this.#end(stood);
    const now = clock.monotonic();
    const marked = this.#swept || stood === undefined ? wanted : besides(wanted, stood);
    const written = this.#written;
    const intact = written !== undefined && written.text === stood?.text;
    if (intact && sameMarks(written.marked, marked)) {
      this.#state = { state: 'kept', readAt: now, listing: stood, ...written };
      return false;
    }
    const undone = written !== undefined && !intact;
    if (undone && now < this.#repairs.next) {
      const retryAt = this.#repairs.next;
      this.#state = { state: 'contested', since: this.#repairs.last, retryAt };
      return false;
    }
    const listing = await this.#replace(marked);
    if (undone) this.#repaired(clock.monotonic());
    this.#written = { since: written?.since ?? now, marked, text: listing.text };
    this.#state = { state: 'kept', readAt: clock.monotonic(), listing, ...this.#written };
    return true;
  }

  /** What {@link once} would do. Rejects with {@link NftError}. */
  async planned(): Promise<'+' | '~' | '-' | undefined> {
    return changeTo(wantedMarks(this.#options.engine), await this.#read());
  }

  /** Removes the table; true where there was one. Rejects with {@link NftError}. */
  async flush(): Promise<boolean> {
    return await this.#end(await this.#read());
  }

  /** The same at the end of a daemon: what cannot be removed is told. */
  async tryFlush(): Promise<void> {
    try {
      await this.flush();
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      this.#options.log.error(
        { reason: error.message },
        'the nftables table rib2fib is not removed',
      );
    }
  }

  /** Before the first look, so that no change is missed; without it the table is only looked at from time to time. */
  #follow(signal: AbortSignal): void {
    const { engine, log, watch } = this.#options;
    if (this.#following || wantedMarks(engine).length === 0) return;
    this.#following = true;
    watch(() => this.#noticed(), signal).catch((error: unknown) => {
      this.#following = false;
      log.warn({ err: error }, 'changes of nftables are not heard; trying again');
    });
  }

  async #attempt(): Promise<void> {
    const { log, clock } = this.#options;
    const before = this.#state;
    try {
      await this.once();
    } catch (error) {
      if (!(error instanceof NftError)) throw error;
      this.#failed(error, clock.monotonic());
      return;
    }
    if (before.state === 'failing' && this.#state.state === 'kept')
      log.info({}, 'connections are marked again');
  }

  #failed(error: NftError, now: number): void {
    const { log, metrics } = this.#options;
    const before = this.#state;
    const failures = before.state === 'failing' ? before.attempts : 0;
    this.#state = {
      state: 'failing',
      since: before.state === 'failing' ? before.since : now,
      reason: error.message,
      attempts: failures + 1,
      retryAt: now + Math.min(FIRST_RETRY_MS * 2 ** failures, LAST_RETRY_MS),
    };
    metrics.countKernelError('connmark', error.kind);
    if (failures > 0) return;
    log.error({ reason: error.message }, 'connections cannot be marked; trying again');
  }

  #repaired(now: number): void {
    const { log, metrics } = this.#options;
    const { count, last } = this.#repairs;
    const again = now - last > CALM_MS ? 0 : count;
    const next = now + Math.min(FIRST_RETRY_MS * 2 ** again, LAST_RETRY_MS);
    this.#repairs = { count: again + 1, last: now, next };
    metrics.countDrift('connmark', 1);
    if (again === 0) log.warn({}, 'others changed the nftables table rib2fib: put right');
  }

  /**
   * `undefined` where the table does not stand. Where no table goes by marks, a node without nft, or
   * one that may not use it, has none as far as anybody here could tell; and another program's of the
   * same name is that program's.
   */
  async #read(): Promise<Listing | undefined> {
    const { engine, nft } = this.#options;
    try {
      return await standing(nft);
    } catch (error) {
      const unusable =
        error instanceof NftError && ['missing', 'forbidden', 'foreign'].includes(error.kind);
      if (unusable && wantedMarks(engine).length === 0) return undefined;
      throw error;
    }
  }

  /** Resolves with what stands then. */
  async #replace(marked: readonly MarkedConnections[]): Promise<Listing> {
    const listing = await this.#writeAndRead(marked);
    if (changeTo(marked, listing) === undefined) return listing;
    // Either others came in between, who seldom do it twice, or this nft has other words for it, each time.
    return await this.#writeAndRead(marked);
  }

  async #writeAndRead(marked: readonly MarkedConnections[]): Promise<Listing> {
    await this.#write(rulesetOf(marked));
    const listing = await this.#read();
    if (listing === undefined) throw new NftError('refused', 'what was written is gone again');
    return listing;
  }

  async #end(stood: Listing | undefined): Promise<boolean> {
    if (stood !== undefined) await this.#write(removal());
    this.#state = { state: 'off' };
    this.#written = undefined;
    return stood !== undefined;
  }

  async #write(transaction: object): Promise<void> {
    const { nft, metrics } = this.#options;
    await nft.write(transaction);
    metrics.countOperations('connmark', 1);
  }

  #isChanged(): boolean {
    const { engine } = this.#options;
    const { state } = this.#state;
    const swept = engine.maySweep && engine.discoveryWhole;
    if (this.#swept !== swept && state !== 'off') return true;
    if (engine.tables.size !== this.#seen.length) return true;
    let index = 0;
    for (const { marked } of engine.tables.values()) {
      if (marked !== this.#seen[index++]) return true;
    }
    return false;
  }

  #sleepMs(): number {
    return Math.max(0, dueAt(this.#state, this.#lookAt) - this.#options.clock.monotonic());
  }
}

/** When there is something to do that the engine does not ask for. */
function dueAt(state: MarkState, lookAt: number): number {
  switch (state.state) {
    case 'pending':
      return 0;
    case 'off':
      return Number.POSITIVE_INFINITY;
    case 'kept':
      return lookAt;
    case 'contested':
    case 'failing':
      return state.retryAt;
  }
}

function marksOf({ tables }: Engine): readonly (MarkedConnections | undefined)[] {
  return [...tables.values()].map(({ marked }) => marked);
}

function sameMarks(
  one: readonly MarkedConnections[],
  other: readonly MarkedConnections[],
): boolean {
  return JSON.stringify(rulesetOf(one)) === JSON.stringify(rulesetOf(other));
}
