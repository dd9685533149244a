/** Two connections with one peer, of which one may stay (RFC 4271 6.8). */
import type { OwnSide } from './agreement.js';
import { CEASE, ERROR_CODE, sessionError } from './error-code.js';
import type { NotificationMessage, SessionError } from './message.js';

/** The one stays that the side of the higher router id has opened; of the higher AS number where both have the same (RFC 6286 2.3). */
export function surviving(own: OwnSide, peer: OwnSide): 'incoming' | 'outgoing' {
  const difference = own.routerId - peer.routerId || own.as - peer.as;
  return difference < 0 ? 'incoming' : 'outgoing';
}

export function collision(reason: string): SessionError {
  return sessionError(ERROR_CODE.cease, CEASE.connectionCollision, `collision: ${reason}`);
}

export function isCollision({ code, subcode }: NotificationMessage): boolean {
  return code === ERROR_CODE.cease && subcode === CEASE.connectionCollision;
}
