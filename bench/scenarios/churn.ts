/**
 * Changed routes in a large table: from the UPDATE on the wire to the kernel's own
 * word of each. A change gives a set of prefixes, about ten, another next hop. First
 * one set at a time with rest between, then a thousand prefixes a second.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Contestant } from '../contestant.js';
import { bird } from '../contestants/bird.js';
import { rib2fib } from '../contestants/rib2fib.js';
import type { Change, Churn } from '../feeder.js';
import { BenchLab, nextHopOf, OTHER_NEXT_HOP } from '../lab.js';
import { type Latencies, latenciesOf } from '../latencies.js';
import {
  type Figure,
  medianOf,
  type Outcome,
  type Round,
  type Scale,
  type Scenario,
  sizeText,
} from '../outcome.js';
import { measureRounds, rowOf } from '../rounds.js';
import { RouteStamps } from '../route-stamps.js';
import { withTable } from '../trial.js';
import { usageOf } from '../usage.js';

interface Size {
  readonly count: number;
  readonly rounds: number;
  /** Of the thousand a second. */
  readonly seconds: number;
  /** Of one at a time. */
  readonly aloneSeconds: number;
}

const SIZES: Readonly<Record<Scale, Size>> = {
  full: { count: 500_000, rounds: 1, seconds: 60, aloneSeconds: 20 },
  quick: { count: 50_000, rounds: 1, seconds: 3, aloneSeconds: 1 },
};
const CHANGES_A_SECOND = 1_000;
/** 20 UPDATEs a second. */
const ALONE_A_SECOND = 200;
/** For the last changes to arrive. */
const SETTLE_MS = 1_000;
const CONTESTANTS = [rib2fib, bird];

export const churn: Scenario = {
  about: 'changed routes, from the wire to the kernel, alone and a thousand a second',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const size = SIZES[scale];
    await using lab = await BenchLab.create({
      ...{ family: 'ipv4', count: size.count, nextHop: nextHopOf('ipv4') },
    });
    const work = `${CHANGES_A_SECOND} changes a second on ${sizeText(size.count)} IPv4 routes`;
    const rows = await measureRounds({
      ...{ work, size: size.count, rounds: size.rounds, contestants: CONTESTANTS },
      measure: (contestant) => measure(lab, contestant, size),
    });
    return { rows, figures: figures(work, (name) => medianOf(rowOf(rows, rib2fib), name)) };
  },
};

async function measure(lab: BenchLab, contestant: Contestant, size: Size): Promise<Round> {
  return withTable(lab, contestant, { family: 'ipv4' }, async ({ node, running }) => {
    await using stamps = await RouteStamps.start(node, contestant.table, 'stamps');
    const made = async (changesASecond: number, seconds: number): Promise<Latencies> => {
      const plan: Churn = {
        ...{ changes: changesASecond * seconds, changesASecond, nextHop: OTHER_NEXT_HOP },
      };
      const changes: readonly Change[] = await lab.feeder.churn(plan);
      await pause(SETTLE_MS);
      return latenciesOf(changes, await stamps.stamps());
    };
    const alone = await made(ALONE_A_SECOND, size.aloneSeconds);
    const before = usageOf(running.pids);
    const many = await made(CHANGES_A_SECOND, size.seconds);
    const after = usageOf(running.pids);
    return {
      'p50 ms': many.p50,
      'p99 ms': many.p99,
      'max ms': many.max,
      '% of a core': (100 * (after.cpuSeconds - before.cpuSeconds)) / size.seconds,
      'alone p50 ms': alone.p50,
      'alone p99 ms': alone.p99,
      'peak MB': after.peakMb,
    };
  });
}

function figures(work: string, ours: (name: string) => number): Figure[] {
  const figure = (name: string, limit: number, unit: string, key: string): Figure => ({
    name: `${work}, ${name}`,
    ...{ value: ours(key), limit, unit, detail: {} },
  });
  return [
    figure('median latency', 1, 'ms', 'p50 ms'),
    figure('99th percentile of latency', 5, 'ms', 'p99 ms'),
    figure('processor', 15, '% of a core', '% of a core'),
  ];
}
