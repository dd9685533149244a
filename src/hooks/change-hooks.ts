/**
 * The hooks around changes to the kernel. Changes go in batches: one begins with
 * the first change, and ends once nothing has been changed for a while. `before`
 * runs as it begins, `after` when it has ended; never two programs at a time, so
 * that a batch does not end while its `before` runs, and none begins its own
 * while the `after` of the one before runs. However a program ends, the change
 * comes, and waits no longer than `before` may take, whatever has to end ahead of
 * it; one that was killed for its time is not even waited for the next time.
 */
import type { HookReport } from '../admin/report.js';
import type { Clock } from '../clock.js';
import type { HookConfig, HooksConfig } from '../config/config.js';
import type { Log } from '../log-port.js';
import type { Ahead, ChangeGate, Written } from '../reconcile/change-gate.js';
import { Batch } from './batch.js';
import { HookRecord } from './hook-record.js';
import { runProgram } from './program.js';

export interface ChangeHooksOptions {
  /** As they are by now: a reload changes them. */
  readonly hooks: () => HooksConfig;
  /** Of a table in force or of one that has gone. */
  readonly tableName: (id: number) => string;
  /** What programs are given besides the variables of ours. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: { countHook(hook: string, result: string, count: number): void };
  /** By default a real program. */
  readonly run?: typeof runProgram;
}

type Hook = keyof HooksConfig;

const HOOKS = ['before', 'after'] as const satisfies readonly Hook[];

export class ChangeHooks implements ChangeGate {
  readonly #options: ChangeHooksOptions;
  readonly #records: Readonly<Record<Hook, HookRecord>>;
  #batch: Batch | undefined;
  /** Resolves when the last batch, and so every one, has run its hooks. */
  #lives: Promise<void> = Promise.resolve();
  #running: Hook | undefined;
  /** Aborted when no change waits any more. */
  readonly #idle = new AbortController();

  constructor(options: ChangeHooksOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#records = {
      before: new HookRecord('before', clock, log),
      after: new HookRecord('after', clock, log),
    };
  }

  get isWatched(): boolean {
    const { before, after } = this.#options.hooks();
    return before !== undefined || after !== undefined || this.#current() !== undefined;
  }

  open(ahead: Ahead): Promise<void> | undefined {
    const batch = this.#current() ?? this.#begin(true);
    batch.tally.expect(ahead);
    const { before } = batch.hooks;
    if (before !== undefined && !batch.isOpen && this.#isWorthWaiting(batch)) {
      return batch.awaited(before.timeout);
    }
    batch.passBegins();
    return undefined;
  }

  wrote(written: Written): void {
    const batch = this.#current() ?? this.#begin(false);
    batch.tally.add(written);
  }

  passed(): void {
    this.#current()?.passEnded();
  }

  /** Of the hooks configured, in the order in which they run. */
  reports(): readonly HookReport[] {
    const hooks = this.#options.hooks();
    return HOOKS.flatMap((hook) => {
      const config = hooks[hook];
      return config === undefined ? [] : this.#records[hook].report(config.run[0]);
    });
  }

  /**
   * Resolves when the last batch has had its `after`. A `before` that still runs is
   * stopped: nothing is to be changed any more. Idempotent; the last call.
   */
  async end(): Promise<void> {
    this.#idle.abort();
    this.#batch?.close();
    await this.#lives;
  }

  #current(): Batch | undefined {
    if (this.#batch?.isOver === true) this.#batch = undefined;
    return this.#batch;
  }

  /** `announced`: its changes are yet to come, and `before` is run. */
  #begin(announced: boolean): Batch {
    const batch = new Batch(this.#options.hooks(), this.#options.clock);
    this.#batch = batch;
    this.#lives = this.#live(batch, announced, this.#lives);
    return batch;
  }

  /** Until its time is known to be up in vain. */
  #isWorthWaiting(batch: Batch): boolean {
    if (!batch.isWorthWaiting || this.#records.before.isSlow) return false;
    return this.#running !== 'after' || !this.#records.after.isSlow;
  }

  async #live(batch: Batch, announced: boolean, previous: Promise<void>): Promise<void> {
    await previous;
    const { before, after } = batch.hooks;
    const { tableName } = this.#options;
    const announces = before !== undefined && announced && !this.#idle.signal.aborted;
    if (announces) {
      await this.#run('before', before, batch.tally.before(tableName), this.#idle.signal);
    }
    batch.open();
    await batch.over();
    if (after === undefined || (batch.tally.isEmpty && !announces)) return;
    await this.#run('after', after, batch.tally.after(tableName), NEVER);
  }

  async #run(
    hook: Hook,
    { run, timeout }: HookConfig,
    variables: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, metrics, run: start = runProgram } = this.#options;
    this.#running = hook;
    for (const result of COUNTED) metrics.countHook(hook, result, 0);
    const record = this.#records[hook];
    record.begins();
    const environment = { ...this.#options.environment, ...variables };
    const end = await start({ run, timeout, environment, clock, signal });
    this.#running = undefined;
    record.ended(run[0], end);
    if (end.result !== 'stopped') metrics.countHook(hook, end.result, 1);
  }
}

/** All of them are there from the first run, so that the first failure is seen as a rise. */
const COUNTED = ['ok', 'failed', 'timeout'] as const;

const NEVER = new AbortController().signal;
