/** What `source` names, as people write it. */
import { hostPortText } from '../net/host-port.js';
import type { BgpConfig, BgpPeerConfig, ListenAddress } from './config.js';

/** `10.9.0.2`, `fe80::1%eth1`, `10.9.0.0/24`, `fe80::/64%eth1`: as people name it; an address as sockets take it. */
export function neighbourText(peer: Pick<BgpPeerConfig, 'neighbour' | 'interface'>): string {
  const { neighbour, interface: zone } = peer;
  const { text } = neighbour.kind === 'prefix' ? neighbour.prefix : neighbour.address;
  return zone === undefined ? text : `${text}%${zone}`;
}

/** In a word or two: where it listens, or whom it calls. */
export function bgpText({ listen, peers }: BgpConfig): string {
  if (listen.length > 0) return listenText(listen);
  return peers.map(neighbourText).join(' ');
}

/** `off` where it is nowhere. */
export function listenText(listen: readonly ListenAddress[]): string {
  return listen.map(hostPortText).join(' ') || 'off';
}
