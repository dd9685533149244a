import type { Clock } from '../../clock.js';
import type { GobgpApiConfig } from '../../config/config.js';
import { resolveEndpoint } from './endpoint.js';
import { PeerTable } from './peer-table.js';

/** What became of a peer: it was administratively down, or it was not, or is not known there. */
export type PeerOutcome = 'enabled' | 'not-disabled';

/**
 * Enables those of the peers that are administratively down, over a connection
 * of its own: for a gobgpd that is followed no more. `onDone` is told of each
 * as it is done; those it was not told of when this rejects, with a GobgpError
 * or the signal's reason, stand as they stood.
 */
export async function enablePeers(
  gobgp: GobgpApiConfig,
  peers: readonly string[],
  onDone: (peer: string, outcome: PeerOutcome) => void,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { GobgpClient } = await import('./client.js');
  const client = await GobgpClient.connect(await resolveEndpoint(gobgp), clock, signal);
  try {
    const table = new PeerTable(client.api);
    // Without BGP there are no peers, and ListPeer is refused.
    if ((await client.getBgp()).asn > 0) table.update(await client.listPeers(), clock.monotonic());
    for (const peer of peers) {
      const view = table.get(peer);
      const disabled = view?.status.adminDown === true;
      if (disabled) await client.enablePeer(view.daemonAddress);
      onDone(peer, disabled ? 'enabled' : 'not-disabled');
    }
  } finally {
    client.close();
  }
}
