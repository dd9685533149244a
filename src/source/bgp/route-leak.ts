import type { BgpRole } from '../../config/config.js';

/**
 * RFC 9234 5, on the way in: a route that has been told to a customer may not
 * come back up from one, nor over from a peer that is not the one who marked it.
 * `onlyToCustomer` is the AS number in OTC.
 */
export function isLeak(ours: BgpRole, peerAs: number, onlyToCustomer: number): boolean {
  switch (ours) {
    case 'provider':
    case 'rs':
      return true;
    case 'peer':
      return onlyToCustomer !== peerAs;
    case 'customer':
    case 'rs-client':
      return false;
  }
}
