/**
 * The daemon ends and starts again while its routes stay in the kernel and the
 * router calls at once: from the start of the process to readiness, beside a start
 * with an empty table; and what it wrote, as the kernel told of it.
 */

import type { Netns } from '../../test/support/netns.js';
import { type RunningRib2fib, rib2fib } from '../contestants/rib2fib.js';
import { BenchLab, nextHopOf } from '../lab.js';
import { medianOf, type Outcome, type Scale, type Scenario, sizeText } from '../outcome.js';
import { askReadiness } from '../readiness.js';
import { measureRounds, rowOf } from '../rounds.js';
import { RouteStamps } from '../route-stamps.js';
import type { TableWatch } from '../table-watch.js';
import { withSession } from '../trial.js';
import { usageOf } from '../usage.js';

const SIZES: Readonly<Record<Scale, { readonly count: number; readonly rounds: number }>> = {
  full: { count: 1_000_000, rounds: 3 },
  quick: { count: 100_000, rounds: 1 },
};
const DEADLINE_MS = 120_000;

export const restart: Scenario = {
  about: 'a restart on a table that is as it should be',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const { count, rounds } = SIZES[scale];
    const family = 'ipv4';
    await using lab = await BenchLab.create({ family, count, nextHop: nextHopOf(family) });
    const work = `restart on ${sizeText(count)} unchanged IPv4 routes`;
    const rows = await measureRounds({
      ...{ work, size: count, rounds, contestants: [rib2fib] },
      measure: (contestant) =>
        withSession(lab, contestant, { family }, async ({ node, running, watch }) => {
          const first = await startToReady(lab, node, running);
          await isComplete(watch, count + contestant.extras[family]);
          await using stamps = await RouteStamps.start(node, contestant.table, 'counts');
          const again = await startToReady(lab, node, running);
          await isComplete(watch, count + contestant.extras[family]);
          const { added, replaced, deleted, nexthops } = await stamps.counts();
          return {
            'time s': again,
            'first load s': first,
            'route writes': added + replaced + deleted,
            'nexthop writes': nexthops,
            'peak MB': usageOf(running.pids).peakMb,
          };
        }),
    });
    const ours = (name: string) => medianOf(rowOf(rows, rib2fib), name);
    return {
      rows,
      figures: [
        {
          name: `${work}, route writes`,
          ...{ value: ours('route writes'), limit: 0, unit: 'writes', detail: {} },
        },
        {
          name: `${work}, time to ready against that of the first load`,
          ...{ value: ours('time s') / ours('first load s'), limit: 1, unit: 'x' },
          detail: { s: ours('time s'), 'first load s': ours('first load s') },
        },
      ],
    };
  },
};

/** Ready is a promise about the kernel. @throws Error where it was made too early */
async function isComplete(watch: TableWatch, count: number): Promise<void> {
  const there = await watch.count();
  if (there !== count) throw new Error(`ready with ${there} routes of ${count} in the kernel`);
}

/** Ends the daemon as a service manager does, and starts it. Seconds. */
async function startToReady(
  lab: BenchLab,
  node: Netns,
  { daemon }: RunningRib2fib,
): Promise<number> {
  await daemon.stop();
  const readiness = await askReadiness(node, DEADLINE_MS);
  const begin = performance.now();
  await Promise.all([
    lab.feeder.connectAndFeed(),
    daemon.launch({ until: 'nothing' }),
    readiness.reached(),
  ]);
  return (performance.now() - begin) / 1000;
}
