/** What trials begin with: a node, a contestant on it with its session up, and the table watched. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Family } from '../src/net/family.js';
import type { Netns } from '../test/support/netns.js';
import type { Contestant, ContestantSetting, RunningContestant } from './contestant.js';
import { type BenchLab, MARK } from './lab.js';
import { TableWatch } from './table-watch.js';
import { type Usage, usageOf } from './usage.js';

/** After a session has come up, and after work: what is left to do is done. */
const SETTLE_MS = 500;

export interface Trial<R extends RunningContestant> {
  readonly node: Netns;
  readonly running: R;
  readonly watch: TableWatch;
  /** Once the session was up, before the first route. */
  readonly idle: Usage;
}

/** A contestant with all of the lab's routes in the kernel. */
export interface LoadedTrial<R extends RunningContestant> extends Trial<R> {
  /** From the first UPDATE on the wire to the last route in the kernel. */
  readonly seconds: number;
  /** A little later: the peak is that of the load. */
  readonly loaded: Usage;
}

type Starts<R> = Pick<Contestant, 'table' | 'extras' | 'name'> & {
  start(setting: ContestantSetting): Promise<R>;
};

export interface TrialOptions {
  readonly family: Family;
  readonly setting?: Omit<ContestantSetting, 'netns'>;
  /** The node before the contestant starts. */
  prepare?(node: Netns): Promise<void>;
  /** Of the lab's routes, those that come into the kernel, and some of them. Default all. */
  readonly expected?: { readonly count: number; readonly samples: readonly string[] };
}

/** Runs `body` with the session up and nothing announced; everything it started ends with it. */
export async function withSession<R extends RunningContestant, T>(
  lab: BenchLab,
  contestant: Starts<R>,
  { family, setting = {}, prepare }: TrialOptions,
  body: (trial: Trial<R>) => Promise<T>,
): Promise<T> {
  await using node = await lab.node(contestant.table);
  await prepare?.(node);
  const { table } = contestant;
  await using watch = await TableWatch.start({ netns: node, family, table, mark: MARK });
  try {
    await using running = await contestant.start({ ...setting, netns: node });
    await lab.feeder.connect();
    await pause(SETTLE_MS);
    return await body({ node, running, watch, idle: usageOf(running.pids) });
  } catch (cause) {
    throw new Error(`${contestant.name}: ${String(cause)}`, { cause });
  } finally {
    await lab.feeder.drop();
  }
}

/** {@link withSession}, and the whole table announced and in the kernel. */
export function withTable<R extends RunningContestant, T>(
  lab: BenchLab,
  contestant: Starts<R>,
  options: TrialOptions,
  body: (trial: LoadedTrial<R>) => Promise<T>,
): Promise<T> {
  return withSession(lab, contestant, options, async (trial) => {
    const { count, samples } = options.expected ?? { count: lab.prefixes.length, ...lab };
    const begin = await lab.feeder.feed();
    const seen = await trial.watch.present(samples, count + contestant.extras[options.family]);
    await pause(SETTLE_MS);
    const loaded = usageOf(trial.running.pids);
    return body({ ...trial, seconds: Number(seen.at - begin) / 1e9, loaded });
  });
}
