/**
 * One peer: at most one connection each way, one of them a session in the end
 * (RFC 4271 8). Waits to be called, and calls too where it is told to; rests
 * after failures. What its sessions do to its routes is in peer-routes.ts.
 */
import type { Clock } from '../../clock.js';
import type { BgpPeerConfig } from '../../config/config.js';
import type { Log } from '../../log-port.js';
import type { Address } from '../../net/address.js';
import type { Family } from '../../net/family.js';
import type { PeerStatus } from '../source.js';
import { agree, type OwnSide, offerTo } from './agreement.js';
import type { AttributeCache } from './attribute-set.js';
import { collision, isCollision, surviving } from './collision.js';
import { CEASE, ERROR_CODE, sessionError } from './error-code.js';
import type { HeardRoutes } from './heard-routes.js';
import { backoff, IdleHold } from './idle-hold.js';
import type { OpenMessage, RouteRefreshMessage, SessionError, UpdateMessage } from './message.js';
import { PeerRoutes } from './peer-routes.js';
import {
  Session,
  type SessionEnd,
  type SessionOwner,
  type SessionState,
  type Terms,
} from './session.js';
import { Timer } from './timer.js';
import type { Transport } from './transport.js';

/** What all peers of a source share. */
export interface PeerSurroundings {
  readonly own: OwnSide;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly routes: HeardRoutes;
  readonly cache: AttributeCache;
  /** Of a feed, milliseconds. */
  readonly hold: number;
  /** Opens a connection to the peer; rejects with the reason, or with the signal's. */
  readonly dial: (config: BgpPeerConfig, signal: AbortSignal) => Promise<Transport>;
  readonly events: PeerEvents;
}

/** What a peer tells its source. */
export interface PeerEvents {
  established(peer: Peer): void;
  /** The session that was established is over; {@link Peer.keeps} says whether routes of it stay. */
  lost(peer: Peer, reason: string): void;
  /** Something has changed that a complete feed waits for, or by which the peer may be gone. */
  progress(peer: Peer): void;
  heard(): void;
  /** Something did not decode, or may not be believed. */
  fault(peer: Peer, reason: string): void;
}

type Activity =
  | { readonly doing: 'stopped' }
  /** What the kernel lacks for it is not to be had without. */
  | { readonly doing: 'unable' }
  /** Administratively. */
  | { readonly doing: 'disabled' }
  /** After a failure, until {@link Peer.#wake}; whoever called meanwhile is answered then. */
  | { readonly doing: 'idle'; readonly caller: Transport | undefined }
  /** Sessions may begin. */
  | { readonly doing: 'active' }
  /** The same, and one is being opened. */
  | { readonly doing: 'connect'; readonly stop: AbortController };

/** RFC 4271 8.2.1.3, for a call that nobody answers. */
const CALL_MS = 30_000;

/** A session that has been up so long was no failure, however it ended. */
const SETTLED_MS = 60_000;

export class Peer implements SessionOwner {
  readonly config: BgpPeerConfig;
  readonly address: Address;
  /** For people: its address, with its interface where that is link-local. */
  readonly name: string;
  readonly #around: PeerSurroundings;
  readonly #routes: PeerRoutes;
  readonly #idle = new IdleHold();
  readonly #wake: Timer;
  readonly #callTimer: Timer;
  readonly #sessions = new Set<Session>();
  #activity: Activity = { doing: 'active' };
  #failedCalls = 0;
  #lastFailure: string | undefined;

  constructor(config: BgpPeerConfig, address: Address, around: PeerSurroundings) {
    const { clock, routes, hold, events } = around;
    this.config = config;
    this.address = address;
    this.name = config.interface === undefined ? address.text : `${address}%${config.interface}`;
    this.#around = around;
    this.#routes = new PeerRoutes({
      ...{ config, peer: address.text, routes, hold, clock },
      progress: () => events.progress(this),
      fault: (reason) => events.fault(this, reason),
    });
    this.#wake = new Timer(clock, () => this.#woken());
    this.#callTimer = new Timer(clock, () => this.#abortCall('no answer'));
  }

  /** Our OPEN to it. */
  get offer(): OpenMessage {
    return offerTo(this.#around.own, this.config);
  }

  get isUp(): boolean {
    return this.#current()?.state === 'established';
  }

  get disabled(): boolean {
    return this.#activity.doing === 'disabled';
  }

  /** Routes are kept of it while it is away. */
  get keeps(): boolean {
    return this.#routes.kept;
  }

  /** No connection, and no routes: nobody would miss it. */
  get isGone(): boolean {
    return this.#sessions.size === 0 && this.#routes.isEmpty && this.#activity.doing === 'active';
  }

  /** What of a complete feed is missing from it, for people. */
  waitingFor(family: Family): string | undefined {
    if (this.disabled || !this.config.families.includes(family)) return undefined;
    if (this.isUp) return this.#routes.waitingFor(family);
    const why = this.#lastFailure === undefined ? '' : ` (${this.#lastFailure})`;
    return `peer ${this.name} to establish${why}`;
  }

  status(): PeerStatus {
    const state = this.#current();
    const since = state?.state === 'established' ? state.since : undefined;
    return {
      ...{ peer: this.address.text, as: this.config.as, established: since !== undefined },
      ...{ sessionState: this.#stateText(), adminDown: this.disabled },
      ...{ received: this.#routes.received, since },
    };
  }

  /** It can have no session here; to be called before {@link start}. */
  cannot(why: string): void {
    this.#turn({ doing: 'unable' });
    this.#lastFailure = why;
    this.#around.log.error({ peer: this.name }, `no BGP session: ${why}`);
  }

  /** Begins to call, where it is to. */
  start(): void {
    this.#next();
  }

  /** Ends all there is with this, for good. The consumer keeps the routes. */
  stop(why: SessionError): void {
    this.#turn({ doing: 'stopped' });
    this.#routes.handOver();
    for (const session of [...this.#sessions]) session.stop(why);
  }

  /** Ends the session with this, and lets none begin; the routes go. */
  disable(why: SessionError): void {
    const { doing } = this.#activity;
    if (doing === 'stopped' || doing === 'unable') return;
    this.#turn({ doing: 'disabled' });
    for (const session of [...this.#sessions]) session.stop(why);
    this.#routes.drop();
    this.#around.events.progress(this);
  }

  /** Idempotent. */
  enable(): void {
    if (!this.disabled) return;
    this.#idle.worked();
    this.#turn({ doing: 'active' });
    this.#next();
  }

  /** Routes that are kept of it are the consumer's to hold from now on. */
  handOver(): void {
    this.#routes.handOver();
  }

  /** The peer calls. */
  accept(transport: Transport): void {
    switch (this.#activity.doing) {
      case 'stopped':
      case 'unable':
      case 'disabled':
        transport.close();
        return;
      case 'idle':
        this.#activity.caller?.close();
        this.#activity = { doing: 'idle', caller: transport };
        return;
      case 'active':
      case 'connect':
        this.#begin(transport, 'incoming');
    }
  }

  /** A connection that came in, and is this peer's own by its OPEN; as {@link opened}. */
  adopt(session: Session, open: OpenMessage): Terms {
    const { doing } = this.#activity;
    if (doing !== 'active' && doing !== 'connect') {
      const reason = `connection rejected: the peer is ${doing}`;
      throw sessionError(ERROR_CODE.cease, CEASE.connectionRejected, reason);
    }
    this.#sessions.add(session);
    return this.opened(session, open);
  }

  opened(session: Session, open: OpenMessage): Terms {
    const { own } = this.#around;
    const agreement = agree(own, this.config, open);
    for (const other of [...this.#sessions]) {
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
        const stays = same ? session.direction : surviving(own, agreement);
        if (stays !== session.direction) throw collision('the other connection stays');
        other.stop(collision('another connection stays'));
      }
    }
    return { offer: this.offer, agreement };
  }

  established(session: Session): void {
    const { state } = session;
    if (state.state !== 'established') return;
    for (const other of [...this.#sessions]) {
      if (other !== session) other.stop(collision('another connection is established'));
    }
    this.#turn({ doing: 'active' });
    this.#failedCalls = 0;
    this.#lastFailure = undefined;
    const { agreement } = state;
    const { as, holdTime } = agreement;
    const { direction } = session;
    const fields = { peer: this.name, as, direction, holdTime, families: [...agreement.families] };
    this.#around.log.info(fields, 'BGP session established');
    this.#routes.begin(agreement);
    this.#around.events.established(this);
  }

  update(_session: Session, message: UpdateMessage): void {
    this.#around.events.heard();
    this.#routes.update(message);
  }

  refresh(session: Session, message: RouteRefreshMessage): void {
    if (message.kind === 'request') session.answerRefresh(message);
    else if (session.state.state === 'established') {
      this.#routes.refresh(message, session.state.agreement);
    }
  }

  ended(session: Session, end: SessionEnd, before: SessionState): void {
    this.#sessions.delete(session);
    if (this.#activity.doing === 'stopped') return;
    if (before.state === 'established') this.#lost(before, end);
    else if (isFailure(session, end, before)) this.#failed(end.reason);
    this.#next();
    this.#around.events.progress(this);
  }

  #lost(
    { agreement, since }: Extract<SessionState, { state: 'established' }>,
    end: SessionEnd,
  ): void {
    const { log, clock, events } = this.#around;
    if (this.disabled) this.#routes.drop();
    else this.#routes.lost(agreement, end);
    const { keeps: kept } = this;
    log.warn({ peer: this.name, by: end.by, kept }, `BGP session lost: ${end.reason}`);
    this.#lastFailure = end.reason;
    if (clock.now() - since >= SETTLED_MS) this.#idle.worked();
    else if (kept) this.#pause();
    else this.#rest();
    events.lost(this, `${this.name}: ${end.reason}`);
  }

  #failed(reason: string): void {
    if (reason !== this.#lastFailure) {
      this.#lastFailure = reason;
      this.#around.log.warn({ peer: this.name }, `no BGP session: ${reason}`);
    }
    this.#rest();
  }

  /** After a failure, unless another connection is on its way. */
  #rest(): void {
    const { doing } = this.#activity;
    if (this.#sessions.size > 0 || (doing !== 'active' && doing !== 'connect')) return;
    this.#turn({ doing: 'idle', caller: undefined });
    this.#wake.start(this.#idle.failed(this.#around.random));
  }

  /** One whose routes are kept is met as soon as it calls; only our own calls wait. */
  #pause(): void {
    if (this.#activity.doing === 'active') this.#wake.start(this.#idle.failed(this.#around.random));
  }

  #woken(): void {
    const activity = this.#activity;
    if (activity.doing === 'idle') {
      this.#activity = { doing: 'active' };
      if (activity.caller !== undefined) this.#begin(activity.caller, 'incoming');
    }
    this.#next();
    this.#around.events.progress(this);
  }

  /** Calls, where that is to be done and nothing else is under way. */
  #next(): void {
    const idle = this.#activity.doing !== 'active' || this.#wake.running;
    if (idle || !this.config.connect || this.#sessions.size > 0) return;
    const stop = new AbortController();
    const activity = { doing: 'connect', stop } as const;
    this.#activity = activity;
    this.#callTimer.start(CALL_MS);
    void this.#around.dial(this.config, stop.signal).then(
      (transport) => {
        if (this.#activity !== activity) {
          transport.close();
          return;
        }
        this.#turn({ doing: 'active' });
        this.#begin(transport, 'outgoing');
      },
      (error: unknown) => {
        if (this.#activity === activity) this.#callFailed(error);
      },
    );
  }

  #abortCall(why: string): void {
    if (this.#activity.doing === 'connect') this.#activity.stop.abort(new Error(why));
  }

  #callFailed(error: unknown): void {
    const { log, random } = this.#around;
    const reason = error instanceof Error ? error.message : String(error);
    if (reason !== this.#lastFailure) log.warn({ peer: this.name }, `cannot call it: ${reason}`);
    this.#lastFailure = reason;
    this.#turn({ doing: 'active' });
    this.#wake.start(backoff(this.#failedCalls++, random));
  }

  #begin(transport: Transport, direction: Session['direction']): void {
    // An earlier call that got nowhere has been given up by the peer.
    for (const other of [...this.#sessions]) {
      if (other.direction === direction && other.state.state === 'open-sent') {
        other.stop(collision('a newer connection takes its place'));
      }
    }
    const { clock, random, cache } = this.#around;
    const session = new Session({
      ...{ transport, direction, offer: this.offer, owner: this, clock, random, cache },
    });
    this.#sessions.add(session);
    session.start();
  }

  /** Leaves what it does for something else. */
  #turn(activity: Activity): void {
    const before = this.#activity;
    this.#activity = activity;
    this.#wake.stop();
    this.#callTimer.stop();
    if (before.doing === 'idle') before.caller?.close();
    if (before.doing === 'connect') before.stop.abort(new Error('called off'));
  }

  /** Of the connection that has come furthest. */
  #current(): SessionState | undefined {
    const states = [...this.#sessions].map(({ state }) => state);
    return (
      states.find(({ state }) => state === 'established') ??
      states.find(({ state }) => state === 'open-confirm') ??
      states[0]
    );
  }

  #stateText(): string {
    const { doing } = this.#activity;
    if (doing === 'disabled') return 'idle (admin down)';
    const state = this.#current();
    if (state !== undefined) return state.state.replace('-', '');
    return doing === 'stopped' || doing === 'unable' ? 'idle' : doing;
  }
}

/** What calls for a rest: not two connections that met, nor a caller who hung up before a word. */
function isFailure({ direction }: Session, end: SessionEnd, before: SessionState): boolean {
  if (end.by !== 'connection') return !isCollision(end.notification);
  return before.state === 'open-confirm' || direction === 'outgoing';
}
