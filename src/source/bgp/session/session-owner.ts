/** What a session tells whoever it belongs to: a caller whose peer is not known yet, then a peer. */

import type {
  NotificationMessage,
  OpenMessage,
  RouteRefreshMessage,
  UpdateMessage,
} from '../message/message.js';
import type { Agreement } from './agreement.js';
import type { Session } from './session.js';

/** The states of RFC 4271 8.2.2 behind Connect and Active. */
export type SessionState =
  /** Waits for the peer's OPEN before it says anything: who it is decides what is said. */
  | { readonly state: 'open-awaited' }
  | { readonly state: 'open-sent'; readonly offer: OpenMessage }
  | { readonly state: 'open-confirm'; readonly agreement: Agreement }
  /** Epoch milliseconds. */
  | { readonly state: 'established'; readonly agreement: Agreement; readonly since: number }
  | { readonly state: 'closed' };

/** How it ended; `reason` is for people. */
export type SessionEnd =
  /** The connection was closed or broke, without a word. */
  | { readonly by: 'connection'; readonly reason: string }
  | {
      readonly by: 'peer' | 'us';
      readonly notification: NotificationMessage;
      readonly reason: string;
    };

/** Whose session it is. Each call is about a session that lives, but for the last. */
export interface SessionOwner {
  /**
   * The peer's OPEN: answered by what was agreed on, and by our own OPEN where it
   * has not been sent. Throws {@link SessionError} to end the session.
   */
  opened(session: Session, open: OpenMessage): Terms;
  established(session: Session): void;
  update(session: Session, message: UpdateMessage): void;
  refresh(session: Session, message: RouteRefreshMessage): void;
  /** Once; `before` is the state it was in. */
  ended(session: Session, end: SessionEnd, before: SessionState): void;
}

/** The answer to an OPEN. */
export interface Terms {
  readonly offer: OpenMessage;
  readonly agreement: Agreement;
}
