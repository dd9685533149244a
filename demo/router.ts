/** The routers at the far ends of the node's fabrics: real gobgpds, of both versions. */
import { type Gobgpd, type GobgpdVersion, startGobgpd } from '../test/support/gobgpd.js';
import type { Fabric } from './network.js';

export const NODE_AS = 65000;
export const CUSTOMER_AS = 65099;

/** It waits for the node's call and the customer's, and announces these prefixes. */
export async function startRouter(
  fabric: Fabric,
  version: GobgpdVersion,
  prefixes: readonly string[],
): Promise<Gobgpd> {
  const daemon = await startGobgpd({
    version,
    netns: fabric.router,
    as: fabric.as,
    routerId: fabric.routerAddress,
    neighbors: [
      { address: fabric.nodeAddress, as: NODE_AS, families: ['ipv4'] },
      { address: fabric.clientAddress, as: CUSTOMER_AS, families: ['ipv4'] },
    ],
  });
  for (const prefix of prefixes) await daemon.cli('global', 'rib', 'add', prefix, '-a', 'ipv4');
  return daemon;
}
