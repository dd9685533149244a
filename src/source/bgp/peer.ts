/** One peer: its connections (peer-sessions.ts), and the routes it has told (peer-routes.ts). */
import type { Clock } from '../../clock.js';
import type { BgpPeerConfig } from '../../config/config.js';
import type { Log } from '../../log-port.js';
import type { Address } from '../../net/address.js';
import type { Family } from '../../net/family.js';
import { routerIdText } from '../../net/router-id.js';
import type { PeerStatus } from '../source.js';
import type { Transport } from './connection/transport.js';
import type { AttributeCache } from './message/attribute-set.js';
import type { OpenMessage, SessionError } from './message/message.js';
import type { HeardRoutes } from './routes/heard-routes.js';
import { PeerRoutes } from './routes/peer-routes.js';
import type { OwnSide } from './session/agreement.js';
import { PeerSessions } from './session/peer-sessions.js';
import type { Session, SessionOptions } from './session/session.js';
import type { Terms } from './session/session-owner.js';

/** What all peers of a source share. */
export interface PeerSurroundings {
  readonly own: OwnSide;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly routes: HeardRoutes;
  readonly cache: AttributeCache;
  /** False while what peers say is not read, or was not a moment ago. */
  readonly listening: () => boolean;
  /** As {@link EventQueue.room}. */
  readonly room: SessionOptions['room'];
  /** Of a feed, milliseconds; a reload may change it. */
  readonly hold: () => number;
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
  /** Routes of it are not taken: each reason once a session. */
  refused(peer: Peer, reason: string): void;
}

export class Peer {
  readonly config: BgpPeerConfig;
  readonly address: Address;
  /** For people: its address, with its interface where that is link-local, and the router id it must have. */
  readonly name: string;
  /** Its address, with its interface where that is link-local. */
  readonly place: string;
  /** It has had a session. */
  wasUp = false;
  readonly #clock: Clock;
  readonly #events: PeerEvents;
  readonly #sessions: PeerSessions;
  readonly #routes: PeerRoutes;
  /** What it must have, or had last. */
  #routerId: number | undefined;

  constructor(config: BgpPeerConfig, address: Address, around: PeerSurroundings) {
    const { own, clock, random, log, routes, cache, room, listening, hold, dial, events } = around;
    const { interface: zone, routerId } = config;
    const place = zone === undefined ? address.text : `${address}%${zone}`;
    const name = routerId === undefined ? place : `${place} (${routerIdText(routerId)})`;
    this.config = config;
    this.address = address;
    this.name = name;
    this.place = place;
    this.#clock = clock;
    this.#events = events;
    this.#routerId = routerId;
    this.#routes = new PeerRoutes({
      ...{ config, own, peer: address.text, routes, hold, clock, listening },
      progress: () => events.progress(this),
      fault: (reason) => events.fault(this, reason),
      refused: (reason) => events.refused(this, reason),
    });
    this.#sessions = new PeerSessions({
      ...{ config, name, own, clock, random, log, cache, room, dial },
      established: (agreement) => {
        this.wasUp = true;
        this.#routerId = agreement.routerId;
        this.#routes.begin(agreement);
        events.established(this);
      },
      update: (message) => {
        events.heard();
        this.#routes.update(message);
      },
      refresh: (message, agreement) => this.#routes.refresh(message, agreement),
      lost: (agreement, end) => {
        if (this.disabled) this.#routes.drop();
        else this.#routes.lost(agreement, end);
        const { kept } = this.#routes;
        events.lost(this, `${name}: ${end.reason}`);
        return kept;
      },
      changed: () => events.progress(this),
    });
  }

  get isUp(): boolean {
    return this.#sessions.current?.state === 'established';
  }

  get disabled(): boolean {
    return this.#sessions.disabled;
  }

  /** Routes are kept of it while it is away. */
  get keeps(): boolean {
    return this.#routes.kept;
  }

  /** No connection, and no routes: nobody would miss it. */
  get isGone(): boolean {
    return this.#sessions.quiet && this.#routes.isEmpty;
  }

  /** What of a complete feed is missing from it, for people. */
  waitingFor(family: Family): string | undefined {
    if (this.disabled || !this.config.families.includes(family)) return undefined;
    if (this.isUp) return this.#routes.waitingFor(family);
    if (this.#routes.holds(family)) return undefined;
    const { lastFailure } = this.#sessions;
    const why = lastFailure === undefined ? '' : ` (${lastFailure})`;
    return `peer ${this.name} to establish${why}`;
  }

  status(): PeerStatus {
    const { current: state, lastFailure } = this.#sessions;
    const since = state?.state === 'established' ? state.since : undefined;
    return {
      ...{ peer: this.address.text, as: this.config.as, established: since !== undefined },
      ...{ sessionState: this.#sessions.text, adminDown: this.disabled },
      ...{ received: this.#routes.received, since },
      lastError: since !== undefined || this.disabled ? undefined : lastFailure,
      routerId: this.#routerId === undefined ? undefined : routerIdText(this.#routerId),
      ...{ role: this.config.role, heldUntil: this.#heldUntil() },
    };
  }

  /** As {@link PeerStatus.heldUntil}. */
  #heldUntil(): number | null | undefined {
    const { keptUntil } = this.#routes;
    if (keptUntil === undefined) return undefined;
    if (!Number.isFinite(keptUntil)) return null;
    return this.#clock.now() + (keptUntil - this.#clock.monotonic());
  }

  /** It can have no session here; to be called before {@link start}. */
  cannot(why: string): void {
    this.#sessions.cannot(why);
  }

  /** Begins to call, where it is to. */
  start(): void {
    this.#sessions.start();
  }

  /** The peer calls. */
  accept(transport: Transport): void {
    this.#sessions.accept(transport);
  }

  /** A connection that came in, and is this peer's own by its OPEN. Throws {@link SessionError}. */
  adopt(session: Session, open: OpenMessage): Terms {
    return this.#sessions.adopt(session, open);
  }

  /** Ends all there is with this, for good. The consumer keeps the routes. */
  stop(why: SessionError): void {
    this.#routes.stop();
    this.#sessions.stop(why);
  }

  /** Ends the session with this, and lets none begin; the routes go. */
  disable(why: SessionError): void {
    if (!this.#sessions.disable(why)) return;
    this.#routes.drop();
    this.#events.progress(this);
  }

  /** Idempotent. */
  enable(): void {
    this.#sessions.enable();
  }

  /** What was kept of it, and it has not repeated of the family by now, goes. */
  endStale(family: Family): void {
    this.#routes.endStale(family);
  }

  /** Routes that are kept of a feed are held from then on, in monotonic milliseconds. */
  holdSince(since: number): void {
    this.#routes.holdSince(since);
  }
}
