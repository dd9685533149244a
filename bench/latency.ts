/**
 * One changed route, from its arrival over gRPC to the kernel's notification.
 * Arrival is when a bare client beside rib2fib, subscribed to the same events,
 * gets the message; the kernel's time is that of `ip -ts monitor`. Both watchers
 * add their own waking up to what is measured.
 */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { startDaemon } from '../test/support/daemon.js';
import { hasSubscribed } from '../test/support/netlink-sockets.js';
import type { Netns } from '../test/support/netns.js';
import { until } from '../test/support/wait.js';
import { startBareClient } from './bare-stream.js';
import { NEXT_HOP, setUpLab, TABLE } from './lab.js';
import { type Figure, median, percentile } from './report.js';

/** Well past where `objects: auto` goes over to nexthop objects, which rewrites every route once. */
const ROUTES = 20_000;
const CHANGES = 150;

export async function measureLatency(): Promise<Figure> {
  await using lab = await setUpLab(ROUTES);
  await using _daemon = await startDaemon({ netns: lab.node, config: lab.config });
  const arrivals: number[] = [];
  const writes: number[] = [];
  const monitor = await watchKernel(lab.node, writes);
  const address = lab.gobgpd.address;
  const client = startBareClient(lab.node, { address, prefix: PROBES }, ({ at }) => {
    arrivals.push(at);
  });
  const announce = async (probe: number) => {
    const written = writes.length;
    const prefixes = [`${PROBES}${probe}.0/24`];
    await lab.feeder.announce([{ attributes: { nextHop: NEXT_HOP }, prefixes }]);
    await until(() => writes.length > written, { what: `${prefixes} in the kernel`, everyMs: 5 });
  };
  // The client's stream has begun once it hears a change.
  for (let probe = CHANGES; arrivals.length === 0; probe++) await announce(probe);
  const latencies: number[] = [];
  for (let probe = 0; probe < CHANGES; probe++) {
    const [heard, written] = [arrivals.length, writes.length];
    await announce(probe);
    await until(() => arrivals.length > heard, { what: 'the event', everyMs: 5 });
    latencies.push((writes[written] ?? Number.NaN) - (arrivals[heard] ?? Number.NaN));
  }
  client.kill();
  monitor.kill();
  return {
    name: 'one changed route, from arrival to the kernel (99th percentile)',
    value: percentile(latencies, 99),
    limit: 5,
    unit: 'ms',
    detail: { 'median ms': median(latencies), 'worst ms': Math.max(...latencies) },
  };
}

/** Prefixes of the probes, outside the generated feed. */
const PROBES = '100.64.';

async function watchKernel(netns: Netns, times: number[]): Promise<ChildProcess> {
  const child = netns.spawn(['ip', '-ts', '-o', 'monitor', 'route'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('ip monitor has no output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, stamp] = /^\[([^\]]+)\]/.exec(line) ?? [];
    if (stamp === undefined || !line.includes(` table ${TABLE} `) || !line.includes(PROBES)) return;
    const [whole = '', micros = '0'] = stamp.split('.');
    times.push(new Date(whole).getTime() + Number(micros) / 1000);
  });
  await until(() => hasSubscribed(child.pid), { what: 'ip monitor has subscribed' });
  return child;
}
