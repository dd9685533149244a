/** Routes of one nexthop object into an empty table: rib2fib's kernel writer alone, beside C and ip(8). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratchDirectory } from '../../test/support/leftovers.js';
import type { Netns } from '../../test/support/netns.js';
import { BenchLab, MARK, nextHopOf, ROUTER } from '../lab.js';
import { nativeProgram } from '../native.js';
import {
  medianOf,
  type Outcome,
  type Round,
  type Scale,
  type Scenario,
  sizeText,
} from '../outcome.js';
import { measureRounds, rowOf } from '../rounds.js';
import { TableWatch } from '../table-watch.js';

const SIZES: Readonly<Record<Scale, { readonly count: number; readonly rounds: number }>> = {
  full: { count: 1_000_000, rounds: 3 },
  quick: { count: 100_000, rounds: 1 },
};
const TABLE = 100;
const NEXTHOP = 0x40000000;
const PROTOCOL = 178;
const WRITER = fileURLToPath(new URL('../writer-process.ts', import.meta.url));

/** Files of the same routes, one a line: prefixes, and commands of ip(8). */
interface Files {
  readonly prefixes: string;
  readonly commands: string;
}

interface Writer {
  readonly name: string;
  /** Writes all routes; tells at least `time s`. */
  write(node: Netns, files: Files): Promise<Round>;
}

const ours: Writer = {
  name: "rib2fib's kernel writer",
  write: (node, { prefixes }) =>
    timed(node, [
      ...[process.execPath, '--import', import.meta.resolve('tsx'), WRITER],
      ...[prefixes, String(TABLE), String(NEXTHOP)],
    ]),
};

const bulk: Writer = {
  name: 'C, a thousand messages a send',
  write: (node, { prefixes }) =>
    timed(node, [
      nativeProgram('bulk-routes'),
      ...[prefixes, String(TABLE), String(NEXTHOP), String(PROTOCOL), '1000'],
    ]),
};

const ipBatch: Writer = {
  name: 'ip -batch',
  async write(node, { commands }) {
    const begin = performance.now();
    await node.exec('ip', '-batch', commands);
    return { 'time s': (performance.now() - begin) / 1000 };
  },
};

export const writer: Scenario = {
  about: 'the kernel writer alone, beside bulk writing in C and ip -batch',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const { count, rounds } = SIZES[scale];
    await using lab = await BenchLab.create({ family: 'ipv4', count, nextHop: nextHopOf('ipv4') });
    const scratch = scratchDirectory('writer');
    const files = {
      prefixes: join(scratch.path, 'prefixes'),
      commands: join(scratch.path, 'commands'),
    };
    const lines = (line: (prefix: string) => string) => `${lab.prefixes.map(line).join('\n')}\n`;
    writeFileSync(
      files.prefixes,
      lines((prefix) => prefix),
    );
    writeFileSync(
      files.commands,
      lines((prefix) => `route add ${prefix} nhid ${NEXTHOP} table ${TABLE} proto ${PROTOCOL}`),
    );
    const work = `${sizeText(count)} IPv4 routes written, without a routing daemon`;
    const rows = await measureRounds({
      ...{ work, size: count, rounds, contestants: [ours, bulk, ipBatch] },
      measure: (one) => measure(lab, one, files),
    });
    scratch.remove();
    const seconds = (of: Writer) => medianOf(rowOf(rows, of), 'time s');
    const against = (rival: Writer, limit: number) => ({
      name: `${work}, against ${rival.name}`,
      ...{ value: seconds(ours) / seconds(rival), limit, unit: 'x' },
      detail: { 'rib2fib s': seconds(ours), 'rival s': seconds(rival) },
    });
    return { rows, figures: [against(bulk, 1.5), against(ipBatch, 1 / 6)] };
  },
};

async function measure(lab: BenchLab, one: Writer, files: Files): Promise<Round> {
  await using node = await lab.node(TABLE);
  await node.ip('nexthop', 'add', 'id', String(NEXTHOP), 'via', ROUTER, 'dev', 'eth1');
  await using watch = await TableWatch.start({
    ...{ netns: node, family: 'ipv4', table: TABLE, mark: MARK },
  });
  const round = await one.write(node, files);
  await watch.present(lab.samples, lab.prefixes.length);
  return round;
}

/** A program that times itself, and says so in JSON. @throws Error where a route was refused */
async function timed(node: Netns, command: readonly string[]): Promise<Round> {
  const said = JSON.parse(await node.exec(...command)) as {
    readonly seconds: number;
    readonly cpuSeconds: number;
    readonly failed: number;
  };
  if (said.failed > 0) throw new Error(`${command.join(' ')}: ${said.failed} routes were refused`);
  return { 'time s': said.seconds, 'CPU s': said.cpuSeconds };
}
