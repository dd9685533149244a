/**
 * FRR's routes into the kernel: through source `bgp`, and through a gobgpd beside
 * rib2fib. Both wait, cold, before FRR calls; the clock starts when the connection
 * that brings the routes onto the node's side of FRR stands. They take turns.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../test/support/daemon.js';
import { type Gobgpd, startGobgpd } from '../test/support/gobgpd.js';
import { until } from '../test/support/wait.js';
import { FRR, type FrrLab, LISTENERS, type Listener, NODE_AS, setUpFrrLab } from './frr-lab.js';
import { memoryOf } from './process-memory.js';
import { processorMs } from './processor-time.js';
import { type Figure, median } from './report.js';

const ROUTES = 10_000;
const ROUNDS = 5;
/** In so many of them memory is read again after a while. */
const SETTLED_ROUNDS = 3;
/** V8 has collected by then what the load left. */
const SETTLE_MS = 60_000;

/** One way of the routes, gone once. */
interface Run {
  /** From the connection to the last route in the kernel. */
  readonly seconds: number;
  /** Seconds of processor time that rib2fib used for it … */
  readonly processor: number;
  /** … and the daemon beside it; 0 where there is none. */
  readonly processorBeside: number;
  /** In megabytes, rib2fib's process alone: the most it ever had. */
  readonly peak: number;
  /** And of the daemon beside it; 0 where there is none. */
  readonly peakBeside: number;
  /** What it still had after {@link SETTLE_MS}, if that was waited for. */
  readonly settled: number | undefined;
}

export async function measureFrr(): Promise<readonly Figure[]> {
  await using lab = await setUpFrrLab(ROUTES);
  const direct: Run[] = [];
  const through: Run[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const settle = round < SETTLED_ROUNDS;
    direct.push(await directly(lab, settle));
    through.push(await throughGobgpd(lab, settle));
  }
  const compare = (
    what: string,
    unit: string,
    measure: (run: Run) => number | undefined,
    detail: Readonly<Record<string, number>> = {},
  ): Figure => {
    const [bgp, gobgp] = [medianOf(direct, measure), medianOf(through, measure)];
    return {
      name: `${ROUTES / 1000}k routes of FRR 10.3 through source bgp, ${what}, against gobgpd 4.8 and source gobgp`,
      ...{ value: bgp / gobgp, limit: 1, unit: 'x' },
      detail: { [`bgp ${unit}`]: bgp, [`gobgp ${unit}`]: gobgp, ...detail },
    };
  };
  return [
    compare('to the kernel', 's', ({ seconds }) => seconds),
    compare('processor time', 's', ({ processor }) => processor, {
      'gobgpd beside it s': medianOf(through, ({ processorBeside }) => processorBeside),
    }),
    compare('resident memory at its peak', 'MB', ({ peak }) => peak, {
      'gobgpd beside it MB': medianOf(through, ({ peakBeside }) => peakBeside),
    }),
    compare(`resident memory after ${SETTLE_MS / 1000} s`, 'MB', ({ settled }) => settled),
  ];
}

function medianOf(runs: readonly Run[], measure: (run: Run) => number | undefined): number {
  return median(runs.map(measure).filter((value) => value !== undefined));
}

async function directly(lab: FrrLab, settle: boolean): Promise<Run> {
  const { address, port } = LISTENERS.rib2fib;
  const peers = [{ address: FRR, as: NODE_AS, role: 'feed', families: ['ipv4'] }];
  const bgp = { listen: `${address}:${port}`, as: NODE_AS, routerId: '10.255.0.1', peers };
  await using daemon = await startDaemon({
    netns: lab.node,
    config: { source: { bgp }, ...lab.config },
    until: 'admin',
  });
  return await fill(lab, { listener: LISTENERS.rib2fib, daemon, settle });
}

async function throughGobgpd(lab: FrrLab, settle: boolean): Promise<Run> {
  const { address, port } = LISTENERS.gobgpd;
  await using gobgpd = await startGobgpd({
    version: '4.8',
    netns: lab.node,
    as: NODE_AS,
    port,
    listen: [address],
    neighbors: [{ address: FRR, as: NODE_AS, localAddress: address, families: ['ipv4'] }],
  });
  await using daemon = await startDaemon({
    netns: lab.node,
    config: { source: { gobgp: { address: gobgpd.address } }, ...lab.config },
    until: 'admin',
  });
  await daemon.logged(({ msg }) => msg === 'connected to gobgpd', 'a connection');
  return await fill(lab, { listener: LISTENERS.gobgpd, daemon, beside: gobgpd, settle });
}

interface Contestant {
  readonly listener: Listener;
  readonly daemon: Daemon;
  /** What brings the routes to it, where that is not FRR. */
  readonly beside?: Gobgpd;
  /** Wait {@link SETTLE_MS}, and read memory again. */
  readonly settle: boolean;
}

/** Leaves FRR and the kernel as they were before. */
async function fill(lab: FrrLab, { listener, daemon, beside, settle }: Contestant): Promise<Run> {
  const processor = () => processorMs(daemon.pid) / 1000;
  const processorBeside = () => (beside === undefined ? 0 : processorMs(beside.pid) / 1000);
  await lab.open(listener);
  await until(() => lab.connected(listener), { what: 'FRR calls', deadlineMs: 60_000, everyMs: 2 });
  const start = performance.now();
  const before = [processor(), processorBeside()] as const;
  await until(() => lab.installed() >= ROUTES, {
    what: `${ROUTES} routes in the kernel`,
    deadlineMs: 60_000,
    everyMs: 5,
  });
  const seconds = (performance.now() - start) / 1000;
  const used = [processor() - before[0], processorBeside() - before[1]] as const;
  if (settle) await pause(SETTLE_MS);
  const { resident, peak } = memoryOf(daemon.pid);
  const peakBeside = beside === undefined ? 0 : memoryOf(beside.pid).peak;
  await lab.close(listener);
  await daemon.stop();
  const { code, stderr } = await daemon.cli('cleanup');
  if (code !== 0 || lab.installed() !== 0) throw new Error(`cleanup: ${stderr}`);
  return {
    ...{ seconds, processor: used[0], processorBeside: used[1], peak, peakBeside },
    settled: settle ? resident : undefined,
  };
}
