/** gobgpd 4.8 with the feeder's table, and rib2fib or a bare reader that learns it from there. */

import type { Daemon } from '../../test/support/daemon.js';
import { startDaemon } from '../../test/support/daemon.js';
import { type Gobgpd, startGobgpd } from '../../test/support/gobgpd.js';
import type { Netns } from '../../test/support/netns.js';
import { until } from '../../test/support/wait.js';
import { type BenchLab, NODE_AS, ROUTER, ROUTER_AS } from '../lab.js';

/** Where rib2fib writes. */
export const GOBGP_TABLE = 100;
const DEADLINE_MS = 300_000;

/** Resolves once it has the lab's whole table, which is not part of what is measured. */
export async function gobgpdWithTable(lab: BenchLab, netns: Netns): Promise<Gobgpd> {
  const gobgpd = await startGobgpd({
    ...{ version: '4.8', netns, as: NODE_AS },
    neighbors: [{ address: ROUTER, as: ROUTER_AS, holdTime: 240 }],
  });
  await lab.feeder.connect();
  await lab.feeder.feed();
  await until(async () => (await gobgpd.ribSize('ipv4')) === lab.prefixes.length, {
    what: `gobgpd has ${lab.prefixes.length} routes`,
    ...{ deadlineMs: DEADLINE_MS, everyMs: 500 },
  });
  return gobgpd;
}

/** Resolves as soon as its process has been started. */
export function rib2fibOnGobgp(netns: Netns, gobgpd: Gobgpd): Promise<Daemon> {
  return startDaemon({
    netns,
    until: 'nothing',
    config: {
      source: { gobgp: { address: gobgpd.address } },
      tables: [{ id: GOBGP_TABLE, name: 'bench', filters: [{ permit: {} }] }],
    },
  });
}
