/**
 * Routes that are well-formed and may not be used all the same (RFC 4271 9.1.2,
 * RFC 4456 8, RFC 9234 5): each is as if it had been withdrawn. All that they
 * are judged by holds as long as the session does: none has to be asked for again.
 */
import type { BgpPeerConfig, BgpRole } from '../../../config/config.js';
import type { Attributes } from '../../../rib/path.js';
import type { Announcement } from '../message/message.js';
import type { OwnSide } from '../session/agreement.js';

export type Refusal =
  /** RFC 9234: leaked on its way here, against what the roles allow. */
  | 'leak'
  /** Our AS number is in its path, more often than allowed. */
  | 'own-as'
  /** It was reflected to us from a router with our own router id. */
  | 'own-router-id';

/** For people, each about routes of a peer. */
export const REFUSAL_TEXT: Readonly<Record<Refusal, string>> = {
  leak: 'route leak: only-to-customer, and not from above',
  'own-as': 'our own AS number is in the path (allowOwnAs)',
  'own-router-id': 'its originator has our own router id',
};

type Terms = Pick<BgpPeerConfig, 'as' | 'bgpRole' | 'allowOwnAs'>;

/** Why none of an announcement may be used; `undefined`: it may. */
export function refusalOf(
  { attributes, onlyToCustomer }: Pick<Announcement, 'attributes' | 'onlyToCustomer'>,
  { as, bgpRole, allowOwnAs }: Terms,
  own: OwnSide,
): Refusal | undefined {
  if (bgpRole !== undefined && onlyToCustomer !== undefined && isLeak(bgpRole, as, onlyToCustomer))
    return 'leak';
  if (attributes.originatorId === own.routerId) return 'own-router-id';
  return timesIn(attributes, own.as) > allowOwnAs ? 'own-as' : undefined;
}

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

/** In sets and in confederation segments too (RFC 5065 5). */
function timesIn({ asPath }: Attributes, as: number): number {
  let times = 0;
  for (const { asns } of asPath) for (const one of asns) if (one === as) times++;
  return times;
}
