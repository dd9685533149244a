/**
 * A prefix list of a tenth as many entries as the table has prefixes: the time from the wire to the kernel
 * for what it permits, and then for what another list changes. What is right is
 * worked out here, by other means than any contestant's.
 */
import type { ContestantSetting, Refilterable } from '../contestant.js';
import { bird } from '../contestants/bird.js';
import { rib2fib } from '../contestants/rib2fib.js';
import { samplesOf } from '../full-table.js';
import { BenchLab, nextHopOf } from '../lab.js';
import { type Outcome, type Scale, type Scenario, sizeText } from '../outcome.js';
import { permittedOf } from '../permitted.js';
import { measureRounds } from '../rounds.js';
import { withTable } from '../trial.js';
import { usageOf } from '../usage.js';

const SIZES: Readonly<Record<Scale, { readonly count: number; readonly rounds: number }>> = {
  full: { count: 1_000_000, rounds: 3 },
  quick: { count: 100_000, rounds: 1 },
};
/** One prefix in so many is an entry. */
const ENTRY_EVERY = 10;
/** One entry in so many is another one after the reload: one route of the table in a hundred comes or goes. */
const CHANGED_EVERY = 70;
const SAMPLES = 1_000;
const CONTESTANTS = [rib2fib, bird];

export const filter: Scenario = {
  about: 'a long prefix list, and its reload where one route in a hundred comes or goes',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const { count, rounds } = SIZES[scale];
    const family = 'ipv4';
    await using lab = await BenchLab.create({ family, count, nextHop: nextHopOf(family) });
    const lists = listsOf(lab.prefixes);
    const expected = { count: lists.before.length, samples: samples(lists.before) };
    const [added, removed] = [samples(lists.added), samples(lists.removed)];
    const work = `${sizeText(count / ENTRY_EVERY)} prefix-list entries against ${sizeText(count)} IPv4 routes`;
    const rows = await measureRounds({
      ...{ work, size: count, rounds, contestants: CONTESTANTS },
      measure: (contestant: (typeof CONTESTANTS)[number]) => {
        const setting: Omit<ContestantSetting, 'netns'> = { permitted: lists.first };
        return withTable<Refilterable, Record<string, number>>(
          lab,
          contestant,
          { family, setting, expected },
          async ({ running, watch, seconds, idle, loaded }) => {
            const begin = process.hrtime.bigint();
            await running.permit(lists.second);
            const after = lists.after.length + contestant.extras[family];
            await watch.present(added, after);
            const { at } = await watch.absent(removed, after);
            const usage = usageOf(running.pids);
            return {
              'load s': seconds,
              'load CPU s': loaded.cpuSeconds - idle.cpuSeconds,
              'reload s': Number(at - begin) / 1e9,
              'reload CPU s': usage.cpuSeconds - loaded.cpuSeconds,
              'peak MB': usage.peakMb,
              'routes changed': lists.added.length + lists.removed.length,
            };
          },
        );
      },
    });
    return { rows, figures: [] };
  },
};

interface Lists {
  readonly first: readonly string[];
  readonly second: readonly string[];
  /** What the first permits, and the second. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

function listsOf(prefixes: readonly string[]): Lists {
  const entries = (offset: number) => prefixes.filter((_, i) => i % ENTRY_EVERY === offset);
  const first = entries(0);
  const others = entries(1);
  const second = first.map((entry, i) => (i % CHANGED_EVERY === 0 ? (others[i] ?? entry) : entry));
  const before = permittedOf(prefixes, first);
  const after = permittedOf(prefixes, second);
  const [were, are] = [new Set(before), new Set(after)];
  return {
    ...{ first, second, before, after },
    added: after.filter((prefix) => !were.has(prefix)),
    removed: before.filter((prefix) => !are.has(prefix)),
  };
}

function samples(prefixes: readonly string[]): string[] {
  return samplesOf(prefixes, 'ipv4', SAMPLES);
}
