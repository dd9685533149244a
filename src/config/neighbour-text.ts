import type { BgpPeerConfig } from './config.js';

/** `10.9.0.2`, `fe80::1%eth1`, `10.9.0.0/24`: as people name it, and sockets take it. */
export function neighbourText(peer: Pick<BgpPeerConfig, 'neighbour' | 'interface'>): string {
  const { neighbour, interface: zone } = peer;
  if (neighbour.kind === 'prefix') return neighbour.prefix.text;
  return zone === undefined ? neighbour.address.text : `${neighbour.address.text}%${zone}`;
}
