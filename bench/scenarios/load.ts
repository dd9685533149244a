/** A table announced over one BGP session, from the first UPDATE on the wire to the last route in the kernel. */
import type { Family } from '../../src/net/family.js';
import { bird } from '../contestants/bird.js';
import { frr } from '../contestants/frr.js';
import { rib2fib } from '../contestants/rib2fib.js';
import { BenchLab, nextHopOf } from '../lab.js';
import {
  type Figure,
  medianOf,
  type Row,
  type Scale,
  type Scenario,
  sizeText,
} from '../outcome.js';
import { measureRounds, rowOf } from '../rounds.js';
import { withTable } from '../trial.js';

interface Size {
  readonly family: Family;
  readonly count: number;
  readonly rounds: number;
}

const SIZES: Readonly<Record<Scale, readonly Size[]>> = {
  full: [
    { family: 'ipv4', count: 1_000, rounds: 5 },
    { family: 'ipv4', count: 10_000, rounds: 5 },
    { family: 'ipv4', count: 100_000, rounds: 3 },
    { family: 'ipv4', count: 1_000_000, rounds: 3 },
    { family: 'ipv6', count: 200_000, rounds: 3 },
  ],
  quick: [
    { family: 'ipv4', count: 10_000, rounds: 1 },
    { family: 'ipv4', count: 100_000, rounds: 1 },
  ],
};
const CONTESTANTS = [rib2fib, bird, frr];

export const load: Scenario = {
  about: 'a table from a BGP session into the kernel, by size',
  when: 'always',
  async run(scale) {
    const loads: { readonly size: Size; readonly rows: readonly Row[] }[] = [];
    for (const size of SIZES[scale]) loads.push({ size, rows: await measure(size) });
    return { rows: loads.flatMap(({ rows }) => rows), figures: figures(loads) };
  },
};

async function measure({ family, count, rounds }: Size): Promise<Row[]> {
  await using lab = await BenchLab.create({ family, count, nextHop: nextHopOf(family) });
  return await measureRounds({
    work: `${sizeText(count)} ${familyText(family)} routes of a session, wire to kernel`,
    ...{ size: count, rounds, contestants: CONTESTANTS },
    measure: (contestant) =>
      withTable(lab, contestant, { family }, async ({ seconds, idle, loaded }) => ({
        'time s': seconds,
        'CPU s': loaded.cpuSeconds - idle.cpuSeconds,
        'peak MB': loaded.peakMb,
        'idle MB': idle.peakMb,
        'bytes a route': ((loaded.peakMb - idle.peakMb) * 1e6) / count,
      })),
  });
}

/** What is asked of the largest table, and of the growth towards it. */
function figures(
  loads: readonly { readonly size: Size; readonly rows: readonly Row[] }[],
): Figure[] {
  const ipv4 = loads.filter(({ size }) => size.family === 'ipv4');
  const small = ipv4.find(({ size }) => size.count === 10_000);
  const large = ipv4.at(-1);
  if (small === undefined || large === undefined) throw new Error('10k is always measured');
  const median = ({ rows }: typeof large, contestant: { readonly name: string }, name: string) =>
    medianOf(rowOf(rows, contestant), name);
  const ours = median(large, rib2fib, 'time s');
  const what = `${sizeText(large.size.count)} IPv4 routes`;
  const against = (rival: { readonly name: string }, limit: number): Figure => ({
    name: `${what}, wire to kernel, against ${rival.name}`,
    ...{ value: ours / median(large, rival, 'time s'), limit, unit: 'x' },
    detail: { 'rib2fib s': ours, [`${rival.name} s`]: median(large, rival, 'time s') },
  });
  const memory = (load: typeof large, limit: number): Figure => ({
    name: `${sizeText(load.size.count)} IPv4 routes, resident memory at peak`,
    ...{ value: median(load, rib2fib, 'peak MB'), limit, unit: 'MB', detail: {} },
  });
  // Held to 110 times for 100 times as many.
  const growth = (1.1 * large.size.count) / small.size.count;
  const above = (load: typeof large) =>
    median(load, rib2fib, 'peak MB') - median(load, rib2fib, 'idle MB');
  return [
    against(bird, 0.9),
    against(frr, 1 / 3),
    memory(large, 300),
    memory(small, 80),
    {
      name: `${what}, time against 10k`,
      ...{ value: ours / median(small, rib2fib, 'time s'), limit: growth, unit: 'x' },
      detail: { '10k s': median(small, rib2fib, 'time s') },
    },
    {
      name: `${what}, memory above the idle daemon, against 10k`,
      ...{ value: above(large) / above(small), limit: growth, unit: 'x' },
      detail: { MB: above(large), '10k MB': above(small) },
    },
  ];
}

function familyText(family: Family): string {
  return family === 'ipv4' ? 'IPv4' : 'IPv6';
}
