/**
 * Who calls: by its address a configured peer, one of several that its OPEN
 * tells apart by router id, or one more of a prefix. Everybody else is hung up on.
 */
import type { BgpPeerConfig } from '../../config/config.js';
import { routerIdText } from '../../net/router-id.js';
import { leastTtl } from './connection/dial.js';
import type { Transport } from './connection/transport.js';
import { DynamicPeers } from './dynamic-peers.js';
import { ERROR_CODE, OPEN_ERROR, sessionError } from './message/error-code.js';
import type { OpenMessage, SessionError } from './message/message.js';
import { Peer, type PeerSurroundings } from './peer.js';
import { SeldomLog } from './seldom-log.js';
import { Session } from './session/session.js';
import type { SessionEnd, SessionOwner, Terms } from './session/session-owner.js';
import { WaitingRoom } from './waiting-room.js';

export class Callers implements SessionOwner {
  /** In the order of the configuration. */
  readonly configured: readonly Peer[];
  readonly #around: PeerSurroundings;
  readonly #dynamic: DynamicPeers;
  readonly #waiting = new WaitingRoom();
  /** By address: why its peers may have no session. */
  readonly #disabled = new Map<string, SessionError>();
  readonly #log: SeldomLog;
  /** Apart, so that they crowd nobody else out of it. */
  readonly #strangers: SeldomLog;

  constructor(peers: readonly BgpPeerConfig[], around: PeerSurroundings) {
    this.#around = around;
    this.#log = new SeldomLog(around.log, around.clock);
    this.#strangers = new SeldomLog(around.log, around.clock);
    this.configured = peers.flatMap((config) => {
      const { neighbour } = config;
      return neighbour.kind === 'address' ? [new Peer(config, neighbour.address, around)] : [];
    });
    this.#dynamic = new DynamicPeers(peers, around);
  }

  /** Configured ones, and those that came of a prefix. */
  get peers(): readonly Peer[] {
    return [...this.configured, ...this.#dynamic.peers];
  }

  /** For people: who is configured, and who has come of a prefix. */
  shown(): readonly Peer[] {
    return [...this.configured, ...this.#dynamic.shown()];
  }

  /** Dynamic peers of which nothing is left are forgotten in time. */
  forgetGone(): void {
    this.#dynamic.forgetGone();
  }

  /** All peers of the address, those of a prefix that are still to call included. */
  disable(address: string, why: SessionError): void {
    this.#disabled.set(address, why);
    for (const peer of this.#at(address)) peer.disable(why);
  }

  /** Idempotent. */
  enable(address: string): void {
    this.#disabled.delete(address);
    for (const peer of this.#at(address)) peer.enable();
  }

  incoming(transport: Transport, requireTtl: (least: number) => void): void {
    const peer = transport.remote.text;
    const candidates = this.#candidates(transport);
    const config = candidates[0]?.config ?? this.#dynamic.configOf(transport);
    if (config === undefined) {
      transport.close();
      this.#strangers.warn({ address: peer }, 'a call from nobody we know');
      return;
    }
    try {
      if (config.ttlSecurity !== undefined) requireTtl(leastTtl(config.ttlSecurity));
    } catch (error) {
      const { message } = error as Error;
      this.#log.warn({ peer }, `hung up on: ${message}`);
      transport.close();
      return;
    }
    const [only] = candidates;
    if (only !== undefined && candidates.length === 1) only.accept(transport);
    else this.#meet(transport);
  }

  /** Ends what has no peer yet. */
  stop(): void {
    this.#waiting.clear('stopping');
  }

  opened(session: Session, open: OpenMessage): Terms {
    const { transport } = session;
    const { remote } = transport;
    const candidates = this.#candidates(transport);
    const peer =
      candidates.length > 0
        ? candidates.find(({ config }) => config.routerId === open.routerId)
        : this.#dynamic.peerOf(transport, open, this.#disabled.get(remote.text));
    if (peer === undefined) {
      const reason = `no peer at ${remote} has router id ${routerIdText(open.routerId)}`;
      throw sessionError(ERROR_CODE.open, OPEN_ERROR.badIdentifier, reason);
    }
    this.#waiting.leave(session);
    return peer.adopt(session, open);
  }

  /** Of those that are a peer's, that peer hears; these never get so far. */
  established(): void {}
  update(): void {}
  refresh(): void {}

  ended(session: Session, end: SessionEnd): void {
    this.#waiting.leave(session);
    // Who hangs up without a word has not said anything that concerns us.
    if (end.by === 'connection') return;
    const { text } = session.transport.remote;
    this.#log.warn({ peer: text, by: end.by }, `no BGP session: ${end.reason}`);
  }

  #meet(transport: Transport): void {
    const { clock, random, cache, room } = this.#around;
    const session = new Session({
      ...{ transport, direction: 'incoming', offer: undefined, owner: this },
      ...{ clock, random, cache, room },
    });
    this.#waiting.enter(session);
    session.start();
  }

  #at(address: string): readonly Peer[] {
    return this.peers.filter((peer) => peer.address.text === address);
  }

  #candidates(transport: Transport): readonly Peer[] {
    const { remote } = transport;
    return this.configured.filter(({ address, config }) => {
      return (
        address.equals(remote) &&
        (config.interface === undefined || config.interface === transport.interface)
      );
    });
  }
}
