/**
 * FRR's routes into the kernel: through source `bgp`, and through a gobgpd beside
 * rib2fib. Both wait, cold, before FRR calls; the clock starts when the connection
 * that brings the routes onto the node's side of FRR stands. They take turns.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../test/support/daemon.js';
import { startGobgpd } from '../test/support/gobgpd.js';
import { until } from '../test/support/wait.js';
import { FRR, type FrrLab, LISTENERS, type Listener, NODE_AS, setUpFrrLab } from './frr-lab.js';
import { memoryOf, type ProcessMemory } from './process-memory.js';
import { type Figure, median } from './report.js';

const ROUTES = 10_000;
const ROUNDS = 3;
/** Before memory is read again: V8 has collected by then what the load left. */
const SETTLE_MS = 30_000;

/** One way of the routes, gone once. */
interface Run {
  /** From the connection to the last route in the kernel. */
  readonly seconds: number;
  /** rib2fib's own process, settled; its peak is that of the load. */
  readonly memory: ProcessMemory;
  /** The daemon beside it, where there is one. */
  readonly beside?: ProcessMemory;
}

export async function measureFrr(): Promise<readonly Figure[]> {
  await using lab = await setUpFrrLab(ROUTES);
  const direct: Run[] = [];
  const through: Run[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    direct.push(await directly(lab));
    through.push(await throughGobgpd(lab));
  }
  const of = (runs: readonly Run[], what: (run: Run) => number) => median(runs.map(what));
  const what = `${ROUTES / 1000}k routes of FRR 10.3 through source bgp`;
  const against = 'against gobgpd 4.8 and source gobgp';
  const ratio = (measure: (run: Run) => number) => of(direct, measure) / of(through, measure);
  const pair = (unit: string, measure: (run: Run) => number) => ({
    [`bgp ${unit}`]: of(direct, measure),
    [`gobgp ${unit}`]: of(through, measure),
  });
  const seconds = ({ seconds }: Run) => seconds;
  const peak = ({ memory }: Run) => memory.peak;
  const resident = ({ memory }: Run) => memory.resident;
  return [
    {
      name: `${what}, to the kernel, ${against}`,
      ...{ value: ratio(seconds), limit: 1, unit: 'x' },
      detail: pair('s', seconds),
    },
    {
      name: `${what}, resident memory at its peak, ${against}`,
      ...{ value: ratio(peak), limit: 1, unit: 'x' },
      detail: {
        ...pair('peak MB', peak),
        'gobgpd beside it, peak MB': of(through, ({ beside }) => beside?.peak ?? Number.NaN),
      },
    },
    {
      name: `${what}, resident memory after ${SETTLE_MS / 1000} s, ${against}`,
      ...{ value: ratio(resident), limit: 1, unit: 'x' },
      detail: {
        ...pair('MB', resident),
        'gobgpd beside it, MB': of(through, ({ beside }) => beside?.resident ?? Number.NaN),
      },
    },
  ];
}

async function directly(lab: FrrLab): Promise<Run> {
  const { address, port } = LISTENERS.rib2fib;
  const peers = [{ address: FRR, as: NODE_AS, role: 'feed', families: ['ipv4'] }];
  const bgp = { listen: `${address}:${port}`, as: NODE_AS, routerId: '10.255.0.1', peers };
  await using daemon = await startDaemon({
    netns: lab.node,
    config: { source: { bgp }, ...lab.config },
    until: 'admin',
  });
  const seconds = await fill(lab, LISTENERS.rib2fib);
  await pause(SETTLE_MS);
  const memory = memoryOf(daemon.pid);
  await empty(lab, LISTENERS.rib2fib, daemon);
  return { seconds, memory };
}

async function throughGobgpd(lab: FrrLab): Promise<Run> {
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
  const seconds = await fill(lab, LISTENERS.gobgpd);
  await pause(SETTLE_MS);
  const [memory, beside] = [memoryOf(daemon.pid), memoryOf(gobgpd.pid)];
  await empty(lab, LISTENERS.gobgpd, daemon);
  return { seconds, memory, beside };
}

/** Seconds from the connection to the last route in the kernel. */
async function fill(lab: FrrLab, listener: Listener): Promise<number> {
  await lab.open(listener);
  await until(() => lab.connected(listener), { what: 'FRR calls', everyMs: 2 });
  const start = performance.now();
  await until(() => lab.installed() >= ROUTES, {
    what: `${ROUTES} routes in the kernel`,
    deadlineMs: 60_000,
    everyMs: 5,
  });
  return (performance.now() - start) / 1000;
}

/** All as it was before {@link fill}. */
async function empty(lab: FrrLab, listener: Listener, daemon: Daemon): Promise<void> {
  await lab.close(listener);
  await daemon.stop();
  const { code, stderr } = await daemon.cli('cleanup');
  if (code !== 0 || lab.installed() !== 0) throw new Error(`cleanup: ${stderr}`);
}
