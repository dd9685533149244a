/**
 * Connections that have not said yet who they are. There is room for so many
 * and no more; the one that has been silent longest makes way for a new one,
 * so that nobody can keep others out by calling first and saying nothing.
 */
import { CEASE, ERROR_CODE, sessionError } from './message/error-code.js';
import type { Session } from './session/session.js';

const MOST = 128;
/** Of one address: as many peers may be there, told apart by router id. */
const MOST_OF_ADDRESS = 32;

const CROWDED = sessionError(
  ERROR_CODE.cease,
  CEASE.outOfResources,
  'too many connections that do not say who they are',
);

export class WaitingRoom {
  /** In the order they came. */
  readonly #sessions = new Set<Session>();

  /** Takes one more in, which has not begun; ends another where there is no room. */
  enter(session: Session): void {
    const { remote } = session.transport;
    const neighbours = [...this.#sessions].filter((one) => one.transport.remote.equals(remote));
    const [oldest] = this.#sessions;
    if (neighbours.length >= MOST_OF_ADDRESS) neighbours[0]?.stop(CROWDED);
    else if (this.#sessions.size >= MOST) oldest?.stop(CROWDED);
    this.#sessions.add(session);
  }

  /** It has said who it is, or has ended. Idempotent. */
  leave(session: Session): void {
    this.#sessions.delete(session);
  }

  /** Ends all. */
  clear(reason: string): void {
    for (const session of [...this.#sessions]) session.abandon(reason);
  }
}
