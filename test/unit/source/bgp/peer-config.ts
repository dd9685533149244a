import type { BgpPeerConfig } from '../../../../src/config/config.js';
import { Address } from '../../../../src/net/address.js';

/** A passive, external neighbour at 10.9.0.2, AS 65001. */
export function peerConfig(change: Partial<BgpPeerConfig> = {}): BgpPeerConfig {
  const address = Address.parse('10.9.0.2') ?? new Address('ipv4', 0);
  return {
    ...{ neighbour: { kind: 'address', address }, interface: undefined, as: 65001 },
    ...{ routerId: undefined, connect: false, port: 179, localAddress: undefined },
    ...{ role: 'neighbour', password: undefined, ttlSecurity: undefined, holdTime: 90_000 },
    ...{ families: ['ipv4', 'ipv6'], addPath: false, bgpRole: undefined },
    ...{ confederation: false, allowOwnAs: 0 },
    gracefulRestart: { restartTime: 600_000, staleTime: 360_000, longLivedTime: 0 },
    ...change,
  };
}

/** AS 65000, router id 10.255.0.1. */
export const OWN = { as: 65000, routerId: 0x0aff0001 };
