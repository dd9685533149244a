import { startDaemon } from '../test/support/daemon.js';
import { until } from '../test/support/wait.js';
import { setUpLab } from './lab.js';
import { memoryOf } from './process-memory.js';
import type { Figure } from './report.js';

const ROUTES = 10_000;

/** Resident memory once the routes are in the kernel, and the most it ever was. */
export async function measureMemory(): Promise<Figure> {
  await using lab = await setUpLab(ROUTES);
  await using daemon = await startDaemon({ netns: lab.node, config: lab.config });
  await until(() => lab.installed() === ROUTES, { what: `${ROUTES} routes in the kernel` });
  const { resident, peak } = memoryOf(daemon.pid);
  return {
    name: `resident memory at ${ROUTES / 1000}k routes`,
    value: resident,
    limit: 120,
    unit: 'MB',
    detail: { 'peak MB': peak },
  };
}
