/** The connection to the router breaks: from then to the last of its routes gone from the kernel. */
import { bird } from '../contestants/bird.js';
import { rib2fib } from '../contestants/rib2fib.js';
import { BenchLab, nextHopOf } from '../lab.js';
import { medianOf, type Outcome, type Scale, type Scenario, sizeText } from '../outcome.js';
import { measureRounds, rowOf } from '../rounds.js';
import { withTable } from '../trial.js';
import { usageOf } from '../usage.js';

const SIZES: Readonly<Record<Scale, { readonly count: number; readonly rounds: number }>> = {
  full: { count: 1_000_000, rounds: 3 },
  quick: { count: 100_000, rounds: 1 },
};
const CONTESTANTS = [rib2fib, bird];

export const peerDown: Scenario = {
  about: 'the session is lost, and every route withdrawn',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const { count, rounds } = SIZES[scale];
    const family = 'ipv4';
    await using lab = await BenchLab.create({ family, count, nextHop: nextHopOf(family) });
    const work = `${sizeText(count)} IPv4 routes withdrawn as the session is lost`;
    const rows = await measureRounds({
      ...{ work, size: count, rounds, contestants: CONTESTANTS },
      measure: (contestant) =>
        withTable(lab, contestant, { family }, async ({ running, watch, loaded }) => {
          const begin = await lab.feeder.drop();
          const gone = await watch.absent(lab.samples, contestant.extras[family]);
          const after = usageOf(running.pids);
          return {
            'time s': Number(gone.at - begin) / 1e9,
            'CPU s': after.cpuSeconds - loaded.cpuSeconds,
            'peak MB': after.peakMb,
          };
        }),
    });
    const [ours, theirs] = CONTESTANTS.map((one) => medianOf(rowOf(rows, one), 'time s'));
    return {
      rows,
      figures: [
        {
          name: `${work}, against ${bird.name}`,
          ...{ value: (ours ?? Number.NaN) / (theirs ?? Number.NaN), limit: 0.5, unit: 'x' },
          detail: { 'rib2fib s': ours ?? Number.NaN, 'BIRD s': theirs ?? Number.NaN },
        },
      ],
    };
  },
};
