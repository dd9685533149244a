/** Two connections with one peer, of which one may stay (RFC 4271 6.8). */

import { CEASE, ERROR_CODE, sessionError } from '../message/error-code.js';
import type { NotificationMessage, SessionError } from '../message/message.js';
import type { OwnSide } from './agreement.js';
import type { Session } from './session.js';

/** The one stays that the side of the higher router id has opened; of the higher AS number where both have the same (RFC 6286 2.3). */
function surviving(own: OwnSide, peer: OwnSide): 'incoming' | 'outgoing' {
  const difference = own.routerId - peer.routerId || own.as - peer.as;
  return difference < 0 ? 'incoming' : 'outgoing';
}

/**
 * Of the connections of a peer, `session` has just heard its OPEN: ends those
 * that have to go for it. Throws {@link SessionError} where it has to go itself.
 */
export function resolveCollisions(
  session: Session,
  all: readonly Session[],
  own: OwnSide,
  peer: OwnSide,
): void {
  for (const other of all) {
    const { state } = other;
    if (other === session) continue;
    if (state.state === 'established') {
      // RFC 4724 5: one that restarts gracefully has lost the old connection.
      if (state.agreement.restart !== undefined) other.abandon('the peer has called anew');
      else {
        other.probe();
        throw collision('a session is established');
      }
    } else if (state.state === 'open-confirm') {
      const same = other.direction === session.direction;
      const stays = same ? session.direction : surviving(own, peer);
      if (stays !== session.direction) throw collision('the other connection stays');
      other.stop(collision('another connection stays'));
    }
  }
}

/** What the one that has to go is ended with (RFC 4486 4). */
export function collision(reason: string): SessionError {
  return sessionError(ERROR_CODE.cease, CEASE.connectionCollision, `collision: ${reason}`);
}

/** That it was one, and no failure: the peer has another connection. */
export function isCollision({ code, subcode }: NotificationMessage): boolean {
  return code === ERROR_CODE.cease && subcode === CEASE.connectionCollision;
}
