/**
 * Who calls: by its address a configured peer, one of several that its OPEN
 * tells apart by router id, or one more of a prefix. Everybody else is hung up on.
 */
import type { BgpPeerConfig } from '../../config/config.js';
import type { Address } from '../../net/address.js';
import { idText } from './agreement.js';
import { leastTtl } from './dial.js';
import { ERROR_CODE, OPEN_ERROR, sessionError } from './error-code.js';
import type { OpenMessage, SessionError } from './message.js';
import { Peer, type PeerSurroundings } from './peer.js';
import { Session, type SessionOwner, type Terms } from './session.js';
import type { Transport } from './transport.js';

/** Connections without an OPEN yet, whose peer is not known: beyond so many, new ones are hung up on. */
const MOST_UNKNOWN = 128;
/** Peers of all prefixes together. */
const MOST_DYNAMIC = 1024;
/** Addresses of strangers that are told of in the log. */
const MOST_STRANGERS = 20;

export class Callers implements SessionOwner {
  /** In the order of the configuration. */
  readonly configured: readonly Peer[];
  readonly #around: PeerSurroundings;
  /** The longest prefix first. */
  readonly #prefixes: readonly BgpPeerConfig[];
  readonly #dynamic = new Map<string, Peer>();
  readonly #unknown = new Set<Session>();
  /** By address: why its peers may have no session. */
  readonly #disabled = new Map<string, SessionError>();
  readonly #strangers = new Set<string>();

  constructor(peers: readonly BgpPeerConfig[], around: PeerSurroundings) {
    this.#around = around;
    this.configured = peers.flatMap((config) => {
      const { neighbour } = config;
      return neighbour.kind === 'address' ? [new Peer(config, neighbour.address, around)] : [];
    });
    this.#prefixes = peers
      .filter(({ neighbour }) => neighbour.kind === 'prefix')
      .sort((a, b) => prefixLength(b) - prefixLength(a));
  }

  /** Configured ones, and those that came of a prefix. */
  get peers(): readonly Peer[] {
    return [...this.configured, ...this.#dynamic.values()];
  }

  /** Dynamic peers of which nothing is left are forgotten. */
  forgetGone(): void {
    for (const [key, peer] of this.#dynamic) if (peer.isGone) this.#dynamic.delete(key);
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
    const candidates = this.#candidates(transport);
    const prefix = candidates.length === 0 ? this.#prefixOf(transport.remote) : undefined;
    const config = candidates[0]?.config ?? prefix;
    if (config === undefined) {
      this.#turnAway(transport);
      return;
    }
    try {
      if (config.ttlSecurity !== undefined) requireTtl(leastTtl(config.ttlSecurity));
    } catch (error) {
      const { message } = error as Error;
      this.#around.log.error({ peer: transport.remote.text }, `hung up on: ${message}`);
      transport.close();
      return;
    }
    const [only] = candidates;
    if (only !== undefined && candidates.length === 1) only.accept(transport);
    else this.#meet(transport);
  }

  /** Ends what has no peer yet. */
  stop(): void {
    for (const session of [...this.#unknown]) session.abandon('stopping');
  }

  opened(session: Session, open: OpenMessage): Terms {
    this.#unknown.delete(session);
    const { routerId } = open;
    const candidates = this.#candidates(session.transport);
    const peer =
      candidates.length > 0
        ? candidates.find(({ config }) => config.routerId === routerId)
        : this.#dynamicPeer(session.transport.remote, routerId);
    if (peer !== undefined) return peer.adopt(session, open);
    const reason = `no peer at ${session.transport.remote} has router id ${idText(routerId)}`;
    this.#around.log.warn({ peer: session.transport.remote.text }, reason);
    throw sessionError(ERROR_CODE.open, OPEN_ERROR.badIdentifier, reason);
  }

  /** Of those that are a peer's, that peer hears; these never get so far. */
  established(): void {}
  update(): void {}
  refresh(): void {}

  ended(session: Session): void {
    this.#unknown.delete(session);
  }

  #meet(transport: Transport): void {
    if (this.#unknown.size >= MOST_UNKNOWN) {
      transport.close();
      return;
    }
    const { clock, random, cache } = this.#around;
    const session = new Session({
      ...{ transport, direction: 'incoming', offer: undefined, owner: this },
      ...{ clock, random, cache },
    });
    this.#unknown.add(session);
    session.start();
  }

  #at(address: string): readonly Peer[] {
    return this.peers.filter((peer) => peer.address.text === address);
  }

  #candidates({ remote, interface: zone }: Transport): readonly Peer[] {
    return this.configured.filter(({ address, config }) => {
      return (
        address.equals(remote) && (config.interface === undefined || config.interface === zone)
      );
    });
  }

  #prefixOf(address: Address): BgpPeerConfig | undefined {
    return this.#prefixes.find(
      ({ neighbour }) => neighbour.kind === 'prefix' && neighbour.prefix.contains(address),
    );
  }

  #dynamicPeer(address: Address, routerId: number): Peer | undefined {
    const config = this.#prefixOf(address);
    if (config === undefined) return undefined;
    const key = `${address} ${routerId}`;
    const known = this.#dynamic.get(key);
    if (known !== undefined) return known;
    if (this.#dynamic.size >= MOST_DYNAMIC) this.forgetGone();
    if (this.#dynamic.size >= MOST_DYNAMIC) return undefined;
    const peer = new Peer(config, address, this.#around);
    this.#dynamic.set(key, peer);
    const disabled = this.#disabled.get(address.text);
    if (disabled !== undefined) peer.disable(disabled);
    return peer;
  }

  #turnAway(transport: Transport): void {
    const { text } = transport.remote;
    transport.close();
    if (this.#strangers.size >= MOST_STRANGERS || this.#strangers.has(text)) return;
    this.#strangers.add(text);
    this.#around.log.warn({ address: text }, 'a call from nobody we know');
  }
}

function prefixLength({ neighbour }: BgpPeerConfig): number {
  return neighbour.kind === 'prefix' ? neighbour.prefix.length : 0;
}
