import { readFileSync } from 'node:fs';
import { startDaemon } from '../test/support/daemon.js';
import { until } from '../test/support/wait.js';
import { setUpLab } from './lab.js';
import type { Figure } from './report.js';

const ROUTES = 10_000;

/** Resident memory once the routes are in the kernel, and the most it ever was. */
export async function measureMemory(): Promise<Figure> {
  await using lab = await setUpLab(ROUTES);
  await using daemon = await startDaemon({ netns: lab.node, config: lab.config });
  await until(() => lab.installed() === ROUTES, { what: `${ROUTES} routes in the kernel` });
  const status = readFileSync(`/proc/${daemon.pid}/status`, 'utf8');
  const megabytes = (field: string) =>
    (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024) / 1e6;
  return {
    name: `resident memory at ${ROUTES / 1000}k routes`,
    value: megabytes('VmRSS'),
    limit: 120,
    unit: 'MB',
    detail: { 'peak MB': megabytes('VmHWM') },
  };
}
