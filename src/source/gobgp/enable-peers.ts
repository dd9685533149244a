import type { Clock } from '../../clock.js';
import type { GobgpConfig } from '../../config/config.js';
import { GobgpClient } from './client.js';
import { resolveEndpoint } from './endpoint.js';
import { PeerTable } from './peer-table.js';

/**
 * Enables those of the peers that are administratively down, over a connection
 * of its own: for a gobgpd that is followed no more. A peer that is up, or not
 * known there, is no error. Rejects with a GobgpError, or the signal's reason.
 */
export async function enablePeers(
  gobgp: GobgpConfig,
  peers: readonly string[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const client = await GobgpClient.connect(await resolveEndpoint(gobgp), clock, signal);
  try {
    // Without BGP there are no peers, and ListPeer is refused.
    if ((await client.getBgp()).asn === 0) return;
    const table = new PeerTable(client.api);
    table.update(await client.listPeers(), clock.monotonic());
    for (const peer of peers) {
      const view = table.get(peer);
      if (view?.status.adminDown === true) await client.enablePeer(view.daemonAddress);
    }
  } finally {
    client.close();
  }
}
