/** What a daemon costs while nothing changes, some time after a load: V8 gives memory back as late as a hundred seconds after one. */
import { setTimeout as pause } from 'node:timers/promises';
import { bird } from '../contestants/bird.js';
import { rib2fib } from '../contestants/rib2fib.js';
import { BenchLab, nextHopOf } from '../lab.js';
import { medianOf, type Outcome, type Scale, type Scenario, sizeText } from '../outcome.js';
import { measureRounds, rowOf } from '../rounds.js';
import { withTable } from '../trial.js';
import { restingCpuMs, usageOf } from '../usage.js';

interface Size {
  readonly count: number;
  readonly settleMs: number;
  readonly idleMs: number;
}

const SIZES: Readonly<Record<Scale, Size>> = {
  full: { count: 10_000, settleMs: 120_000, idleMs: 60_000 },
  quick: { count: 10_000, settleMs: 1_000, idleMs: 3_000 },
};

export const idle: Scenario = {
  about: 'processor and memory while nothing changes',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const { count, settleMs, idleMs } = SIZES[scale];
    await using lab = await BenchLab.create({ family: 'ipv4', count, nextHop: nextHopOf('ipv4') });
    const work = `idle with ${sizeText(count)} IPv4 routes, over ${idleMs / 1000} s`;
    const rows = await measureRounds({
      ...{ work, size: count, rounds: 1, contestants: [rib2fib, bird] },
      measure: (contestant) =>
        withTable(lab, contestant, { family: 'ipv4' }, async ({ running }) => {
          await pause(settleMs);
          const before = restingCpuMs(running.pids);
          await pause(idleMs);
          const used = restingCpuMs(running.pids) - before;
          return {
            '% of a core': (100 * used) / idleMs,
            'resident MB': usageOf(running.pids).residentMb,
          };
        }),
    });
    const value = medianOf(rowOf(rows, rib2fib), '% of a core');
    const figure = {
      name: `${work}, processor`,
      value,
      limit: 0.1,
      unit: '% of a core',
      detail: {},
    };
    return { rows, figures: [figure] };
  },
};
