/**
 * All routes have one next hop, which the main table reaches by a route of its own.
 * That route moves to another interface, wholly or from two interfaces to one; and
 * the link goes down and up. From the command that changes it to the kernel
 * forwarding everything the new way.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Netns } from '../../test/support/netns.js';
import { until } from '../../test/support/wait.js';
import type { Contestant, RunningContestant } from '../contestant.js';
import { bird } from '../contestants/bird.js';
import { rib2fib } from '../contestants/rib2fib.js';
import { BenchLab, WAYS } from '../lab.js';
import {
  type Figure,
  median,
  medianOf,
  type Outcome,
  type Round,
  type Scale,
  type Scenario,
  sizeText,
} from '../outcome.js';
import { measureRounds, rowOf } from '../rounds.js';
import { RouteStamps } from '../route-stamps.js';
import type { TableWatch } from '../table-watch.js';
import { type LoadedTrial, withTable } from '../trial.js';

interface Size {
  readonly count: number;
  /** Of each kind; medians are told. */
  readonly moves: number;
  /** Whatever a change brings with it has come to rest. */
  readonly restMs: number;
}

const SIZES: Readonly<Record<Scale, Size>> = {
  full: { count: 1_000_000, moves: 3, restMs: 2_000 },
  quick: { count: 100_000, moves: 1, restMs: 300 },
};
const FEW = 20_000;
const NEXT_HOP = '10.77.0.1';
const BOTH_WAYS = WAYS.flatMap((way) => ['nexthop', ...way.split(' ')]);

export const failover: Scenario = {
  about: 'the next hop of all routes moves, loses a leg, and flaps',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const size = SIZES[scale];
    const many = await measure(size, [rib2fib]);
    const beside = scale === 'full' ? [rib2fib, bird] : [rib2fib];
    const few = await measure({ ...size, count: FEW }, beside);
    return { rows: [...many.rows, ...few.rows], figures: figures(size.count, many, few) };
  },
};

interface Measured {
  readonly rows: Outcome['rows'];
  readonly ours: (name: string) => number;
  readonly work: string;
}

async function measure(size: Size, contestants: readonly Contestant[]): Promise<Measured> {
  const { count } = size;
  await using lab = await BenchLab.create({ family: 'ipv4', count, nextHop: NEXT_HOP });
  const work = `the next hop of ${sizeText(count)} IPv4 routes`;
  const options = {
    family: 'ipv4',
    setting: { recursive: true },
    prepare: (node: Netns) => reach(node, WAYS[0].split(' ')).then(() => undefined),
  } as const;
  const rows = await measureRounds({
    ...{ work, size: count, rounds: 1, contestants },
    measure: (contestant) =>
      withTable(lab, contestant, options, (trial) => endure(lab, contestant, trial, size)),
  });
  return { rows, work, ours: (name) => medianOf(rowOf(rows, rib2fib), name) };
}

async function endure(
  lab: BenchLab,
  contestant: Contestant,
  { node, watch }: LoadedTrial<RunningContestant>,
  { moves: count, restMs }: Size,
): Promise<Round> {
  const indices = await Promise.all([interfaceIndex(node, 'eth1'), interfaceIndex(node, 'eth2')]);
  let way = 0;
  const turnTo = async (next: 0 | 1): Promise<number> => {
    await pause(restMs);
    way = next;
    const begin = await reach(node, WAYS[next].split(' '));
    const { at } = await watch.via(lab.samples, indices[next]);
    return Number(at - begin) / 1e6;
  };
  const moves: number[] = [];
  for (let move = 0; move < count; move++) moves.push(await turnTo(way === 0 ? 1 : 0));
  // The kernel moves all routes at once, and tells of each for a while.
  await pause(restMs);
  const messages = await messagesOf(node, contestant, async () => {
    await turnTo(way === 0 ? 1 : 0);
    await pause(restMs);
  });
  const legs: number[] = [];
  for (let loss = 0; loss < count; loss++) {
    await pause(restMs);
    await reach(node, BOTH_WAYS);
    await standsOnBoth(node, contestant.table, lab.samples);
    legs.push(await turnTo(way === 0 ? 1 : 0));
  }
  await turnTo(1); // The session is over the other link.
  await pause(restMs);
  const measured = {
    'moved ms': median(moves),
    'moved worst ms': Math.max(...moves),
    'leg lost ms': median(legs),
    messages,
  };
  // BIRD finds what the kernel dropped at its next scan, up to a minute later: no race to be run.
  return contestant.name === rib2fib.name
    ? { ...measured, 'link up ms': await flap(lab, node, watch) }
    : measured;
}

/** The link goes down until the kernel has dropped all routes, and up again. Milliseconds from the latter to the last route. */
async function flap(lab: BenchLab, node: Netns, watch: TableWatch): Promise<number> {
  const before = await watch.count();
  await node.ip('link', 'set', 'eth2', 'down');
  await watch.absent(lab.samples, before);
  const begin = process.hrtime.bigint();
  await node.ipBatch(['link set eth2 up', `route replace ${NEXT_HOP}/32 ${WAYS[1]}`]);
  const { at } = await watch.present(lab.samples, before);
  return Number(at - begin) / 1e6;
}

/** The route to the next hop, replaced in the main table. Resolves with when that began, CLOCK_MONOTONIC in ns. */
async function reach(node: Netns, way: readonly string[]): Promise<bigint> {
  const begin = process.hrtime.bigint();
  await node.ip('route', 'replace', `${NEXT_HOP}/32`, ...way);
  return begin;
}

async function messagesOf(
  node: Netns,
  { table }: Contestant,
  change: () => Promise<void>,
): Promise<number> {
  await using stamps = await RouteStamps.start(node, table, 'counts');
  await change();
  return (await stamps.counts()).messages;
}

async function standsOnBoth(node: Netns, table: number, samples: readonly string[]): Promise<void> {
  const some = samples.slice(0, 3);
  await until(
    async () => {
      for (const prefix of some) {
        const route = await node.ip('route', 'show', prefix, 'table', String(table));
        if (!/eth1/.test(route) || !/eth2/.test(route)) return false;
      }
      return true;
    },
    { what: 'all routes have two legs', deadlineMs: 120_000, everyMs: 200 },
  );
}

async function interfaceIndex(node: Netns, name: string): Promise<number> {
  return Number((await node.exec('cat', `/sys/class/net/${name}/ifindex`)).trim());
}

function figures(count: number, many: Measured, few: Measured): Figure[] {
  const of = many.work;
  const figure = (name: string, limit: number, unit: string, key: string): Figure => ({
    name: `${of}, ${name}`,
    ...{ value: many.ours(key), limit, unit },
    detail: { [`with ${sizeText(FEW)}`]: few.ours(key) },
  });
  return [
    figure('moved to another interface', 500, 'ms', 'moved ms'),
    figure('one of two legs lost', 500, 'ms', 'leg lost ms'),
    figure('moved: netlink messages', 9, 'messages', 'messages'),
    figure('link down and up: all restored', (2_000 * count) / 100_000, 'ms', 'link up ms'),
  ];
}
