/** Peers that nobody has configured one by one: whoever calls from a prefix, told apart by address and router id. */
import type { BgpPeerConfig } from '../../config/config.js';
import { routerIdText } from '../../net/router-id.js';
import type { Transport } from './connection/transport.js';
import { CEASE, ERROR_CODE, OPEN_ERROR, sessionError } from './message/error-code.js';
import type { OpenMessage, SessionError } from './message/message.js';
import { Peer, type PeerSurroundings } from './peer.js';
import { agree } from './session/agreement.js';

/** Of all prefixes together. */
const MOST = 1024;

export class DynamicPeers {
  readonly #around: PeerSurroundings;
  /** The longest prefix first. */
  readonly #prefixes: readonly BgpPeerConfig[];
  readonly #peers = new Map<string, Peer>();
  /** Since when nothing is left of a peer that was up; monotonic milliseconds. */
  readonly #goneSince = new Map<Peer, number>();

  constructor(peers: readonly BgpPeerConfig[], around: PeerSurroundings) {
    this.#around = around;
    this.#prefixes = peers
      .filter(({ neighbour }) => neighbour.kind === 'prefix')
      .sort((a, b) => prefixLength(b) - prefixLength(a));
  }

  /** In the order they came. */
  get peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  /** What holds for whoever calls so, with that router id if it is known; `undefined`: he is a stranger. */
  configOf(transport: Transport, id?: number): BgpPeerConfig | undefined {
    return this.#prefixes.find(
      ({ neighbour, interface: at, routerId }) =>
        neighbour.kind === 'prefix' &&
        neighbour.prefix.contains(transport.remote) &&
        (at === undefined || at === transport.interface) &&
        (id === undefined || routerId === undefined || routerId === id),
    );
  }

  /**
   * Those of which nothing is left are forgotten: one that has been up, and was the
   * only one of its address, `hold` later, so that people see it is down.
   */
  forgetGone(): void {
    const { clock, hold } = this.#around;
    const now = clock.monotonic();
    const places = new Map<string, number>();
    for (const { place } of this.#peers.values()) places.set(place, (places.get(place) ?? 0) + 1);
    for (const [key, peer] of this.#peers) {
      if (!peer.isGone) {
        this.#goneSince.delete(peer);
        continue;
      }
      const since = this.#goneSince.get(peer) ?? now;
      const others = (places.get(peer.place) ?? 0) - 1;
      if (peer.wasUp && others === 0 && now - since < hold()) this.#goneSince.set(peer, since);
      else {
        this.#forget(key, peer);
        places.set(peer.place, others);
      }
    }
  }

  /** For people: all but one that has no session while another of its address has: a daemon that came back with another router id. */
  shown(): readonly Peer[] {
    this.forgetGone();
    const up = new Set(this.peers.filter(({ isUp }) => isUp).map(({ place }) => place));
    return this.peers.filter((peer) => peer.isUp || !up.has(peer.place));
  }

  /**
   * Who has called and sent this OPEN. `disabled`: why peers of that address may
   * have no session. Throws {@link SessionError} where there is to be no such peer:
   * nobody becomes one by an OPEN that is refused.
   */
  peerOf(transport: Transport, open: OpenMessage, disabled: SessionError | undefined): Peer {
    const { remote } = transport;
    const config = this.configOf(transport, open.routerId);
    if (config === undefined) {
      const reason = `no peer at ${remote} has router id ${routerIdText(open.routerId)}`;
      throw sessionError(ERROR_CODE.open, OPEN_ERROR.badIdentifier, reason);
    }
    // One router has the same link-local address on many links.
    const here = remote.isLinkLocal ? { ...config, interface: transport.interface } : config;
    const key = `${remote}%${here.interface} ${open.routerId}`;
    const known = this.#peers.get(key);
    if (known !== undefined) return known;
    if (disabled !== undefined) {
      const reason = 'connection rejected: the peer is disabled';
      throw sessionError(ERROR_CODE.cease, CEASE.connectionRejected, reason);
    }
    agree(this.#around.own, config, open);
    if (this.#peers.size >= MOST) this.#makeRoom();
    if (this.#peers.size >= MOST) {
      const reason = `no room for more than ${MOST} peers of prefixes`;
      throw sessionError(ERROR_CODE.cease, CEASE.outOfResources, reason);
    }
    const peer = new Peer(here, remote, this.#around);
    this.#peers.set(key, peer);
    return peer;
  }

  /** Who calls goes before who is only remembered. */
  #makeRoom(): void {
    for (const [key, peer] of this.#peers) if (peer.isGone) this.#forget(key, peer);
  }

  #forget(key: string, peer: Peer): void {
    this.#peers.delete(key);
    this.#goneSince.delete(peer);
  }
}

function prefixLength({ neighbour }: BgpPeerConfig): number {
  return neighbour.kind === 'prefix' ? neighbour.prefix.length : 0;
}
