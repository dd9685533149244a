/**
 * One BGP connection, from its first octet to its last: the states of RFC 4271
 * 8.2.2 behind Connect and Active. Which of a peer's connections live, and
 * what becomes of its routes, is the matter of peer.ts.
 */
import type { Clock } from '../../../clock.js';
import type { Transport } from '../connection/transport.js';
import type { AttributeCache } from '../message/attribute-set.js';
import { CONTEXT_BEFORE_OPEN, Decoder } from '../message/decode.js';
import {
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
  encodeRouteRefresh,
} from '../message/encode.js';
import { encodeEndOfRib } from '../message/end-of-rib.js';
import { ERROR_CODE, STATE_ERROR, sessionError } from '../message/error-code.js';
import { FrameSplitter } from '../message/frame-splitter.js';
import {
  type BgpMessage,
  MESSAGE_TYPE,
  type NotificationMessage,
  type OpenMessage,
  type RouteRefreshMessage,
  SessionError,
} from '../message/message.js';
import { notificationText } from '../message/notification-text.js';
import { type Agreement, familyOf } from './agreement.js';
import { Liveness } from './liveness.js';
import type { SessionEnd, SessionOwner, SessionState } from './session-owner.js';

/** The wait for an OPEN (RFC 4271 8.2.2: "a large value"). */
const OPEN_MS = 240_000;
/** Octets kept for a peer that does not take them, beyond which it is answered no more. */
const MOST_UNSENT = 64 * 1024;

export interface SessionOptions {
  readonly transport: Transport;
  readonly direction: 'incoming' | 'outgoing';
  /** Our OPEN, sent at once; `undefined`: only in answer to the peer's. */
  readonly offer: OpenMessage | undefined;
  readonly owner: SessionOwner;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Shared by all sessions of the source. */
  readonly cache: AttributeCache;
  /** As {@link EventQueue.room}: while there is none, the peer is not listened to. */
  readonly room: () => Promise<void> | undefined;
}

export class Session {
  /** May pass to another while the peer's OPEN is looked at. */
  owner: SessionOwner;
  readonly transport: Transport;
  readonly direction: SessionOptions['direction'];
  readonly #options: SessionOptions;
  readonly #splitter = new FrameSplitter();
  readonly #liveness: Liveness;
  #decoder: Decoder;
  #state: SessionState = { state: 'open-awaited' };
  #listening = true;

  constructor(options: SessionOptions) {
    const { clock, random, transport, direction, owner, cache } = options;
    this.#options = options;
    this.transport = transport;
    this.direction = direction;
    this.owner = owner;
    this.#decoder = new Decoder(CONTEXT_BEFORE_OPEN, cache);
    this.#liveness = new Liveness({
      ...{ clock, random, unsent: () => transport.unsent, listening: () => this.#listening },
      sendKeepalive: () => transport.send(encodeKeepalive()),
      expired: (which) => this.stop(TOO_LATE[which]),
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  /** To be called once. */
  start(): void {
    const { transport, offer } = this.#options;
    this.#liveness.limit(OPEN_MS);
    if (offer !== undefined) this.#sendOpen(offer);
    transport.open({
      data: (chunk) => this.#hear(chunk),
      closed: (reason) => this.#end({ by: 'connection', reason }),
    });
  }

  /** Ends it with this NOTIFICATION. No error when it has ended already. */
  stop(error: SessionError): void {
    const { notification, message: reason } = error;
    if (this.#state.state !== 'closed') this.transport.send(encodeNotification(notification));
    this.#end({ by: 'us', notification, reason });
  }

  /** Ends it as if the connection had broken: it has, as far as the peer is concerned. */
  abandon(reason: string): void {
    this.#end({ by: 'connection', reason });
  }

  /** Makes a peer that has forgotten the connection say so. */
  probe(): void {
    if (this.#state.state === 'established') this.transport.send(encodeKeepalive());
  }

  /** Answers a request for our routes of a family that was agreed on: there are none (RFC 2918 4, RFC 7313 4.2). */
  answerRefresh({ afi, safi }: RouteRefreshMessage): void {
    if (this.#state.state !== 'established') return;
    const { enhancedRefresh, families } = this.#state.agreement;
    const family = familyOf({ afi, safi });
    if (!enhancedRefresh || family === undefined || !families.has(family)) return;
    // Who asks and asks, and never reads an answer, is given no more to keep for it.
    if (this.transport.unsent > MOST_UNSENT) return;
    this.transport.send(encodeRouteRefresh({ kind: 'begin', afi, safi }));
    this.transport.send(encodeRouteRefresh({ kind: 'end', afi, safi }));
  }

  #sendOpen(offer: OpenMessage): void {
    this.transport.send(encodeOpen(offer));
    this.#state = { state: 'open-sent', offer };
  }

  #hear(chunk: Buffer): Promise<void> | undefined {
    this.#splitter.push(chunk);
    try {
      while (this.#state.state !== 'closed') {
        const bytes = this.#splitter.next();
        if (bytes === undefined) return this.#waitForRoom();
        this.#take(this.#decoder.message(bytes));
      }
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      this.stop(error);
    }
    return undefined;
  }

  #waitForRoom(): Promise<void> | undefined {
    const room = this.#options.room();
    if (room === undefined) return undefined;
    this.#listening = false;
    return room.then(() => {
      this.#listening = true;
    });
  }

  #take(message: BgpMessage): void {
    this.#liveness.heard();
    if (message.type === 'notification') {
      const reason = notificationText(message);
      this.#end({ by: 'peer', notification: message, reason });
      return;
    }
    switch (this.#state.state) {
      case 'open-awaited':
      case 'open-sent':
        if (message.type !== 'open') throw unexpected(message, STATE_ERROR.openSent, 'OpenSent');
        this.#opened(message);
        return;
      case 'open-confirm':
        if (message.type !== 'keepalive') {
          throw unexpected(message, STATE_ERROR.openConfirm, 'OpenConfirm');
        }
        this.#established(this.#state.agreement);
        return;
      case 'established':
        this.#talk(message);
        return;
      case 'closed':
        return;
    }
  }

  #opened(open: OpenMessage): void {
    const { offer, agreement } = this.owner.opened(this, open);
    const { state } = this;
    // What another connection of the peer came to may have been the end of this one.
    if (state.state === 'closed') return;
    if (state.state === 'open-awaited') this.#sendOpen(offer);
    const { cache } = this.#options;
    const context = { ...agreement.context, interface: this.transport.interface };
    this.#decoder = new Decoder(context, cache);
    this.#splitter.maxLength = context.maxLength;
    this.#state = { state: 'open-confirm', agreement };
    this.transport.send(encodeKeepalive());
    const { holdTime } = agreement;
    // Without a hold time a connection that never gets up must end all the same.
    this.#liveness.limit(holdTime || OPEN_MS);
    if (holdTime > 0) this.#liveness.keepAlive(holdTime);
  }

  /** Announces nothing, and says so: End-of-RIB of each family (RFC 4724 2). */
  #established(agreement: Agreement): void {
    const since = this.#options.clock.now();
    this.#state = { state: 'established', agreement, since };
    if (agreement.holdTime === 0) this.#liveness.unlimited();
    for (const family of agreement.families) this.transport.send(encodeEndOfRib(family));
    this.owner.established(this);
  }

  #talk(message: Exclude<BgpMessage, NotificationMessage>): void {
    switch (message.type) {
      case 'update':
        this.owner.update(this, message);
        return;
      case 'route-refresh':
        this.owner.refresh(this, message);
        return;
      case 'keepalive':
        return;
      case 'open':
        throw unexpected(message, STATE_ERROR.established, 'Established');
    }
  }

  #end(end: SessionEnd): void {
    const before = this.#state;
    if (before.state === 'closed') return;
    this.#state = { state: 'closed' };
    this.#liveness.stop();
    this.transport.close();
    this.owner.ended(this, end, before);
  }
}

const TOO_LATE = {
  hold: sessionError(ERROR_CODE.holdTimerExpired, 0, 'hold timer expired'),
  'send-hold': sessionError(
    ERROR_CODE.sendHoldTimerExpired,
    0,
    'send hold timer expired: the peer takes nothing',
  ),
};

/** RFC 6608 4: the data is the type of the message. */
function unexpected(message: BgpMessage, subcode: number, state: string): SessionError {
  const { type } = message;
  const code = type === 'route-refresh' ? MESSAGE_TYPE.routeRefresh : MESSAGE_TYPE[type];
  const reason = `unexpected ${type.toUpperCase()} in ${state}`;
  return sessionError(ERROR_CODE.finiteStateMachine, subcode, reason, Buffer.from([code]));
}
