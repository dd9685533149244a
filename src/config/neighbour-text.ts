import type { BgpPeerConfig } from './config.js';

/** `10.9.0.2`, `fe80::1%eth1`, `10.9.0.0/24`, `fe80::/64%eth1`: as people name it; an address as sockets take it. */
export function neighbourText(peer: Pick<BgpPeerConfig, 'neighbour' | 'interface'>): string {
  const { neighbour, interface: zone } = peer;
  const { text } = neighbour.kind === 'prefix' ? neighbour.prefix : neighbour.address;
  return zone === undefined ? text : `${text}%${zone}`;
}
