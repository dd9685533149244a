/** Peers that nobody has configured one by one: whoever calls from a prefix, told apart by address and router id. */
import type { BgpPeerConfig } from '../../config/config.js';
import type { Transport } from './connection/transport.js';
import { CEASE, ERROR_CODE, OPEN_ERROR, sessionError } from './message/error-code.js';
import type { OpenMessage, SessionError } from './message/message.js';
import { Peer, type PeerSurroundings } from './peer.js';
import { agree, idText } from './session/agreement.js';

/** Of all prefixes together. */
const MOST = 1024;

export class DynamicPeers {
  readonly #around: PeerSurroundings;
  /** The longest prefix first. */
  readonly #prefixes: readonly BgpPeerConfig[];
  readonly #peers = new Map<string, Peer>();

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

  /** Those of which nothing is left are forgotten. */
  forgetGone(): void {
    for (const [key, peer] of this.#peers) if (peer.isGone) this.#peers.delete(key);
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
      const reason = `no peer at ${remote} has router id ${idText(open.routerId)}`;
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
    if (this.#peers.size >= MOST) this.forgetGone();
    if (this.#peers.size >= MOST) {
      const reason = `no room for more than ${MOST} peers of prefixes`;
      throw sessionError(ERROR_CODE.cease, CEASE.outOfResources, reason);
    }
    const peer = new Peer(here, remote, this.#around);
    this.#peers.set(key, peer);
    return peer;
  }
}

function prefixLength({ neighbour }: BgpPeerConfig): number {
  return neighbour.kind === 'prefix' ? neighbour.prefix.length : 0;
}
