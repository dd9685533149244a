/**
 * A full feed into the kernel, against a program that only reads the same stream.
 * Both are cold Node processes, timed from the moment their connection stands; they take turns.
 */
import { once } from 'node:events';
import { startDaemon } from '../test/support/daemon.js';
import { until } from '../test/support/wait.js';
import { startBareClient } from './bare-stream.js';
import { type Lab, setUpLab } from './lab.js';
import { type Figure, median } from './report.js';

const ROUTES = 100_000;
const ROUNDS = 3;

export async function measureFeed(): Promise<Figure> {
  await using lab = await setUpLab(ROUTES);
  const bare: number[] = [];
  const kernel: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    bare.push(await readStream(lab));
    kernel.push(await fillKernel(lab));
  }
  return {
    name: `${ROUTES / 1000}k routes from gobgpd 4.8 into the kernel, against reading the stream`,
    value: median(kernel) / median(bare),
    limit: 1.5,
    unit: 'x',
    detail: { 'rib2fib s': median(kernel) / 1000, 'bare client s': median(bare) / 1000 },
  };
}

async function readStream({ node, gobgpd }: Lab): Promise<number> {
  let took = 0;
  const client = startBareClient(node, gobgpd, ({ connectedAt, at }) => {
    took = at - connectedAt;
  });
  await once(client, 'exit');
  return took;
}

async function fillKernel({ node, config, installed }: Lab): Promise<number> {
  await using daemon = await startDaemon({ netns: node, config, until: 'nothing' });
  await until(() => installed() >= ROUTES, {
    what: `${ROUTES} routes in the kernel`,
    deadlineMs: 60_000,
    everyMs: 10,
  });
  const end = performance.timeOrigin + performance.now();
  const { time } = await daemon.logged(({ msg }) => msg === 'connected to gobgpd', 'a connection');
  await daemon.stop();
  const { code, stderr } = await daemon.cli('cleanup');
  if (code !== 0 || installed() !== 0) throw new Error(`cleanup: ${stderr}`);
  return end - Date.parse(String(time));
}
