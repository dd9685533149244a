import { setTimeout as pause } from 'node:timers/promises';
import { startDaemon } from '../test/support/daemon.js';
import { until } from '../test/support/wait.js';
import { setUpLab } from './lab.js';
import { processorMs } from './processor-time.js';
import type { Figure } from './report.js';

const ROUTES = 10_000;
/** V8 gives memory back as late as a hundred seconds after a load: that is the load's price, not idleness. */
const SETTLE_MS = 120_000;
const IDLE_MS = 60_000;

/** Processor time of all threads while nothing changes. */
export async function measureIdle(): Promise<Figure> {
  await using lab = await setUpLab(ROUTES);
  await using daemon = await startDaemon({ netns: lab.node, config: lab.config });
  await until(() => lab.installed() === ROUTES, { what: `${ROUTES} routes in the kernel` });
  await pause(SETTLE_MS);
  const before = processorMs(daemon.pid);
  await pause(IDLE_MS);
  const used = processorMs(daemon.pid) - before;
  return {
    name: `processor while idle, over ${IDLE_MS / 1000} s`,
    value: (100 * used) / IDLE_MS,
    limit: 0.1,
    unit: '% of a core',
    detail: { 'ms of processor': used },
  };
}
