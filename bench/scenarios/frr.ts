/**
 * FRR's routes into the kernel: through source `bgp`, and through a gobgpd beside
 * rib2fib. Both wait, cold, before FRR calls; the clock starts when the connection
 * that brings the routes onto the node's side of FRR stands.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../../test/support/daemon.js';
import { type Gobgpd, startGobgpd } from '../../test/support/gobgpd.js';
import { until } from '../../test/support/wait.js';
import { FRR, type FrrLab, LISTENERS, type Listener, NODE_AS, setUpFrrLab } from '../frr-lab.js';
import {
  type Figure,
  medianOf,
  type Outcome,
  type Round,
  type Scale,
  type Scenario,
  sizeText,
} from '../outcome.js';
import { measureRounds, rowOf } from '../rounds.js';
import { restingCpuMs, usageOf } from '../usage.js';

const ROUTES = 10_000;

interface Size {
  readonly rounds: number;
  /** Before memory is read again: V8 has collected by then what the load left. */
  readonly settleMs: number;
}

const SIZES: Readonly<Record<Scale, Size>> = {
  full: { rounds: 3, settleMs: 20_000 },
  quick: { rounds: 1, settleMs: 1_000 },
};
/** The two ways of the routes. */
const DIRECT = { name: 'source bgp', fill: directly } as const;
const THROUGH = { name: 'gobgpd 4.8 and source gobgp', fill: throughGobgpd } as const;

export const frr: Scenario = {
  about: 'the routes of an FRR on the node, with and without a gobgpd in between',
  when: 'always',
  async run(scale): Promise<Outcome> {
    const { rounds, settleMs } = SIZES[scale];
    await using lab = await setUpFrrLab(ROUTES);
    const work = `${sizeText(ROUTES)} IPv4 routes of FRR 10.3 on the node, connection to kernel`;
    const rows = await measureRounds({
      ...{ work, size: ROUTES, rounds, contestants: [DIRECT, THROUGH] },
      measure: ({ fill }) => fill(lab, settleMs),
    });
    const figure = (name: string): Figure => {
      const [bgp, gobgp] = [DIRECT, THROUGH].map((way) => medianOf(rowOf(rows, way), name));
      if (bgp === undefined || gobgp === undefined) throw new Error(`nothing is known of ${name}`);
      return {
        name: `${work}: ${name}, against ${THROUGH.name}`,
        ...{ value: bgp / gobgp, limit: 1, unit: 'x' },
        detail: { bgp, gobgp },
      };
    };
    return { rows, figures: ['time s', 'CPU s', 'peak MB', 'settled MB'].map(figure) };
  },
};

async function directly(lab: FrrLab, settleMs: number): Promise<Round> {
  const { address, port } = LISTENERS.rib2fib;
  const peers = [{ address: FRR, as: NODE_AS, role: 'feed', families: ['ipv4'] }];
  const bgp = { listen: `${address}:${port}`, as: NODE_AS, routerId: '10.255.0.1', peers };
  await using daemon = await startDaemon({
    netns: lab.node,
    config: { source: { bgp }, ...lab.config },
    until: 'admin',
  });
  return await fill(lab, { listener: LISTENERS.rib2fib, daemon, settleMs });
}

async function throughGobgpd(lab: FrrLab, settleMs: number): Promise<Round> {
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
  return await fill(lab, { listener: LISTENERS.gobgpd, daemon, beside: gobgpd, settleMs });
}

interface Filled {
  readonly listener: Listener;
  readonly daemon: Daemon;
  /** What brings the routes to it, where that is not FRR. */
  readonly beside?: Gobgpd;
  readonly settleMs: number;
}

/** Leaves FRR and the kernel as they were before. */
async function fill(lab: FrrLab, { listener, daemon, beside, settleMs }: Filled): Promise<Round> {
  const processor = () => restingCpuMs([daemon.pid]) / 1000;
  const processorBeside = () => (beside === undefined ? 0 : restingCpuMs([beside.pid]) / 1000);
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
  await pause(settleMs);
  const own = usageOf([daemon.pid]);
  const round = {
    ...{ 'time s': seconds, 'CPU s': used[0], 'peak MB': own.peakMb, 'settled MB': own.residentMb },
    ...(beside === undefined
      ? {}
      : { 'gobgpd CPU s': used[1], 'gobgpd peak MB': usageOf([beside.pid]).peakMb }),
  };
  await lab.close(listener);
  await daemon.stop();
  const { code, stderr } = await daemon.cli('cleanup');
  if (code !== 0 || lab.installed() !== 0) throw new Error(`cleanup: ${stderr}`);
  return round;
}
