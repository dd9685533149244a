/**
 * The connections of one peer: at most one each way, one of them a session in
 * the end (RFC 4271 6.8, 8). Waits to be called, and calls too where it is told
 * to; rests after failures.
 */
import type { Clock } from '../../../clock.js';
import type { BgpPeerConfig } from '../../../config/config.js';
import type { Log } from '../../../log-port.js';
import type { Transport } from '../connection/transport.js';
import type { AttributeCache } from '../message/attribute-set.js';
import { CEASE, ERROR_CODE, sessionError } from '../message/error-code.js';
import type {
  OpenMessage,
  RouteRefreshMessage,
  SessionError,
  UpdateMessage,
} from '../message/message.js';
import { Activity } from './activity.js';
import { type Agreement, agree, type OwnSide, offerTo } from './agreement.js';
import { Calling } from './calling.js';
import { collision, isCollision, resolveCollisions } from './collision.js';
import { Session, type SessionOptions } from './session.js';
import type { SessionEnd, SessionOwner, SessionState, Terms } from './session-owner.js';

export interface PeerSessionsOptions {
  readonly config: BgpPeerConfig;
  /** For logs. */
  readonly name: string;
  readonly own: OwnSide;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly cache: AttributeCache;
  readonly room: SessionOptions['room'];
  /** Opens a connection to the peer; rejects with the reason, or with the signal's. */
  readonly dial: (config: BgpPeerConfig, signal: AbortSignal) => Promise<Transport>;
  readonly established: (agreement: Agreement) => void;
  readonly update: (message: UpdateMessage) => void;
  /** The beginning or the end of a refresh. */
  readonly refresh: (message: RouteRefreshMessage, agreement: Agreement) => void;
  /** The session is over. True where routes of the peer are kept for it to come back. */
  readonly lost: (agreement: Agreement, end: SessionEnd) => boolean;
  /** A connection has ended, or a rest. */
  readonly changed: () => void;
}

const FLAPPING = 'connection rejected: it rests after several short sessions';

export class PeerSessions implements SessionOwner {
  readonly #options: PeerSessionsOptions;
  readonly #activity: Activity;
  readonly #calling: Calling;
  readonly #sessions = new Set<Session>();
  #lastFailure: string | undefined;

  constructor(options: PeerSessionsOptions) {
    const { config, clock, random, dial } = options;
    this.#options = options;
    this.#activity = new Activity({
      ...{ clock, random, turned: () => this.#calling.stop() },
      woken: (caller) => {
        if (caller !== undefined) this.#begin(caller, 'incoming');
        this.#calling.start();
        this.#options.changed();
      },
    });
    this.#calling = new Calling({
      ...{ clock, random, dial: (signal) => dial(config, signal) },
      wanted: () => this.#isToBeCalled(),
      answered: (transport) => this.#begin(transport, 'outgoing'),
      failed: (reason) => this.#tell(reason, 'cannot call it'),
    });
  }

  /** Of the connection that has come furthest. */
  get current(): SessionState | undefined {
    const states = [...this.#sessions].map(({ state }) => state);
    return (
      states.find(({ state }) => state === 'established') ??
      states.find(({ state }) => state === 'open-confirm') ??
      states[0]
    );
  }

  get disabled(): boolean {
    return this.#activity.doing === 'disabled';
  }

  /** No connection, and no reason why not. */
  get quiet(): boolean {
    return this.#sessions.size === 0 && this.#activity.doing === 'active';
  }

  /** Why there is no session, as far as is known. */
  get lastFailure(): string | undefined {
    return this.#lastFailure;
  }

  /** As operators know it. */
  get text(): string {
    const { doing } = this.#activity;
    if (doing === 'disabled') return 'idle (admin down)';
    const state = this.current;
    if (state !== undefined) return state.state.replace('-', '');
    if (doing !== 'active') return 'idle';
    return this.#calling.underWay ? 'connect' : 'active';
  }

  /** Begins to call, where it is to. */
  start(): void {
    this.#calling.start();
  }

  /** There can be no session here; to be called before {@link start}. */
  cannot(why: string): void {
    this.#activity.turn('unable');
    this.#lastFailure = why;
    this.#options.log.error({ peer: this.#options.name }, `no BGP session: ${why}`);
  }

  /** Ends all there is with this, for good; nobody is told. */
  stop(why: SessionError): void {
    this.#activity.turn('stopped');
    for (const session of [...this.#sessions]) session.stop(why);
  }

  /** Ends all there is with this, and lets none begin. False where none could anyway. */
  disable(why: SessionError): boolean {
    const { doing } = this.#activity;
    if (doing === 'stopped' || doing === 'unable') return false;
    this.#activity.turn('disabled');
    for (const session of [...this.#sessions]) session.stop(why);
    return true;
  }

  /** Idempotent. */
  enable(): void {
    if (!this.disabled) return;
    this.#activity.turn('active');
    this.#calling.start();
  }

  /** The peer calls. */
  accept(transport: Transport): void {
    if (this.#activity.doing === 'active') this.#begin(transport, 'incoming');
    else this.#activity.park(transport);
  }

  /** A connection that came in, and is this peer's own by its OPEN; as {@link opened}. */
  adopt(session: Session, open: OpenMessage): Terms {
    const { doing } = this.#activity;
    // Not ours yet: why it rests is what people are to read of the peer, not that it does.
    if (doing !== 'active') {
      const reason = `connection rejected: the peer is ${doing}`;
      throw sessionError(ERROR_CODE.cease, CEASE.connectionRejected, reason);
    }
    session.owner = this;
    this.#sessions.add(session);
    return this.opened(session, open);
  }

  opened(session: Session, open: OpenMessage): Terms {
    const { own, config } = this.#options;
    const agreement = agree(own, config, open);
    resolveCollisions(session, [...this.#sessions], own, agreement);
    return { offer: offerTo(own, config), agreement };
  }

  established(session: Session): void {
    const { state } = session;
    if (state.state !== 'established') return;
    for (const other of [...this.#sessions]) {
      if (other !== session) other.stop(collision('another connection is established'));
    }
    this.#calling.stop();
    this.#calling.worked();
    this.#lastFailure = undefined;
    const { log, name: peer } = this.#options;
    this.#activity.up();
    const { agreement } = state;
    const { as, holdTime } = agreement;
    const { direction } = session;
    const fields = { peer, as, direction, holdTime, families: [...agreement.families] };
    log.info(fields, 'BGP session established');
    this.#options.established(agreement);
  }

  update(_session: Session, message: UpdateMessage): void {
    this.#options.update(message);
  }

  refresh(session: Session, message: RouteRefreshMessage): void {
    const { state } = session;
    if (message.kind === 'request') session.answerRefresh(message);
    else if (state.state === 'established') this.#options.refresh(message, state.agreement);
  }

  ended(session: Session, end: SessionEnd, before: SessionState): void {
    this.#sessions.delete(session);
    if (this.#activity.doing === 'stopped') return;
    if (before.state === 'established') this.#lost(before, end);
    else if (isFailure(session, end, before)) {
      this.#tell(end.reason, 'no BGP session');
      this.#rest();
    }
    this.#calling.start();
    this.#options.changed();
  }

  #lost({ agreement }: Extract<SessionState, { state: 'established' }>, end: SessionEnd): void {
    const { log, name: peer } = this.#options;
    this.#lastFailure = end.reason;
    const kept = this.#options.lost(agreement, end);
    log.warn({ peer, by: end.by, kept }, `BGP session lost: ${end.reason}`);
    const down = this.#activity.down();
    if (down === 'settled' || this.#activity.doing !== 'active') return;
    const { flaps, rest } = down;
    // One whose routes are kept is met as soon as it calls; only our own calls wait.
    if (kept && !flaps) this.#calling.rest(rest);
    else if (flaps || this.#sessions.size === 0) this.#activity.rest(rest);
    if (!flaps) return;
    // Each session that is lost costs all peers: another that has begun is to wait too.
    const why = sessionError(ERROR_CODE.cease, CEASE.connectionRejected, FLAPPING);
    for (const session of [...this.#sessions]) session.stop(why);
  }

  /** One line a change, not one an attempt. */
  #tell(reason: string, what: string): void {
    const { log, name: peer } = this.#options;
    if (reason !== this.#lastFailure) log.warn({ peer }, `${what}: ${reason}`);
    this.#lastFailure = reason;
  }

  /** After a failure, unless another connection is on its way. */
  #rest(): void {
    if (this.#sessions.size === 0 && this.#activity.doing === 'active') this.#activity.rest();
  }

  #isToBeCalled(): boolean {
    const { connect } = this.#options.config;
    return connect && this.#activity.doing === 'active' && this.#sessions.size === 0;
  }

  #begin(transport: Transport, direction: Session['direction']): void {
    // An earlier call that got nowhere has been given up by the peer.
    for (const other of [...this.#sessions]) {
      if (other.direction === direction && other.state.state === 'open-sent') {
        other.stop(collision('a newer connection takes its place'));
      }
    }
    const { own, config, clock, random, cache, room } = this.#options;
    const session = new Session({
      ...{ transport, direction, offer: offerTo(own, config), owner: this },
      ...{ clock, random, cache, room },
    });
    this.#sessions.add(session);
    session.start();
  }
}

/** What calls for a rest: not two connections that met, nor a caller who hung up before a word. */
function isFailure({ direction }: Session, end: SessionEnd, before: SessionState): boolean {
  if (end.by !== 'connection') return !isCollision(end.notification);
  return before.state === 'open-confirm' || direction === 'outgoing';
}
