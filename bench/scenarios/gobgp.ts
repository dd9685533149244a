/**
 * A full table from gobgpd 4.8: from the start of rib2fib's process to the last route
 * in the kernel, beside a process that only reads the same stream and throws it away.
 * Then one change at a time, from the wire, through gobgpd, to the kernel.
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { startBareClient } from '../bare-stream.js';
import { GOBGP_TABLE, gobgpdWithTable, rib2fibOnGobgp } from '../contestants/gobgp.js';
import { BenchLab, MARK, nextHopOf, OTHER_NEXT_HOP } from '../lab.js';
import { latenciesOf } from '../latencies.js';
import {
  medianOf,
  type Outcome,
  type Round,
  type Scale,
  type Scenario,
  sizeText,
} from '../outcome.js';
import { measureRounds, rowOf } from '../rounds.js';
import { RouteStamps } from '../route-stamps.js';
import { TableWatch } from '../table-watch.js';
import { usageOf } from '../usage.js';

interface Size {
  readonly count: number;
  readonly rounds: number;
  /** One at a time, in each round. */
  readonly changes: number;
}

const SIZES: Readonly<Record<Scale, Size>> = {
  full: { count: 1_000_000, rounds: 3, changes: 2_000 },
  quick: { count: 50_000, rounds: 1, changes: 200 },
};
/** 20 UPDATEs. */
const CHANGES_A_SECOND = 200;
const SETTLE_MS = 2_000;
/** The `throw` route of the next hop's connected prefix. */
const EXTRA = 1;

export const gobgp: Scenario = {
  about: 'a table from gobgpd into the kernel, beside a bare reader of its stream',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const { count, rounds, changes } = SIZES[scale];
    await using lab = await BenchLab.create({ family: 'ipv4', count, nextHop: nextHopOf('ipv4') });
    await using node = await lab.node(GOBGP_TABLE);
    await using gobgpd = await gobgpdWithTable(lab, node);
    await using watch = await TableWatch.start({
      ...{ netns: node, family: 'ipv4', table: GOBGP_TABLE, mark: MARK },
    });
    const reader = {
      name: 'bare reader',
      async measure(): Promise<Round> {
        const begin = performance.timeOrigin + performance.now();
        let end = begin;
        const client = startBareClient(node, gobgpd.address, ({ at }) => {
          end = at;
        });
        await once(client, 'exit');
        return { 'time s': (end - begin) / 1000 };
      },
    };
    const rib2fib = {
      name: 'rib2fib',
      async measure(): Promise<Round> {
        const begin = process.hrtime.bigint();
        await using daemon = await rib2fibOnGobgp(node, gobgpd);
        const { at } = await watch.present(lab.samples, count + EXTRA);
        await pause(SETTLE_MS);
        const { cpuSeconds, peakMb } = usageOf([daemon.pid]);
        await using stamps = await RouteStamps.start(node, GOBGP_TABLE, 'stamps');
        const made = await lab.feeder.churn({
          ...{ changes, changesASecond: CHANGES_A_SECOND, nextHop: OTHER_NEXT_HOP },
        });
        await pause(SETTLE_MS);
        const alone = latenciesOf(made, await stamps.stamps());
        await daemon.stop();
        const { code, stderr } = await daemon.cli('cleanup');
        if (code !== 0) throw new Error(`cleanup: ${stderr}`);
        return {
          ...{ 'time s': Number(at - begin) / 1e9, 'CPU s': cpuSeconds, 'peak MB': peakMb },
          ...{ 'alone p50 ms': alone.p50, 'alone p99 ms': alone.p99 },
        };
      },
    };
    const work = `${sizeText(count)} IPv4 routes of gobgpd 4.8, start to kernel`;
    const rows = await measureRounds({
      ...{ work, size: count, rounds, contestants: [rib2fib, reader] },
      measure: (one) => one.measure(),
    });
    const ours = medianOf(rowOf(rows, rib2fib), 'time s');
    const bare = medianOf(rowOf(rows, reader), 'time s');
    return {
      rows,
      figures: [
        {
          name: `${work}, against reading the stream`,
          ...{ value: ours / bare, limit: 1.1, unit: 'x' },
          detail: { 'rib2fib s': ours, 'bare reader s': bare },
        },
        {
          name: `one change at a time through gobgpd 4.8, 99th percentile`,
          ...{ value: medianOf(rowOf(rows, rib2fib), 'alone p99 ms'), limit: 5, unit: 'ms' },
          detail: { 'median ms': medianOf(rowOf(rows, rib2fib), 'alone p50 ms') },
        },
      ],
    };
  },
};
