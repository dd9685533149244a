/** A peer with all that surrounds it in memory, and what it told. */
import assert from 'node:assert/strict';
import type { BgpPeerConfig } from '../../../../src/config/config.js';
import type { Prefix } from '../../../../src/net/prefix.js';
import type { Transport } from '../../../../src/source/bgp/connection/transport.js';
import { AttributeCache } from '../../../../src/source/bgp/message/attribute-set.js';
import type { OpenMessage } from '../../../../src/source/bgp/message/message.js';
import { Peer, type PeerSurroundings } from '../../../../src/source/bgp/peer.js';
import { type HeardPath, HeardRoutes } from '../../../../src/source/bgp/routes/heard-routes.js';
import { announcement, type FeedAttributes, withdrawal } from '../../../support/bgp-wire.js';
import { FakeClock, settled } from '../fake-clock.js';
import { handshake, MemoryTransport } from './memory-transport.js';
import { OWN, peerConfig } from './peer-config.js';

export class PeerFixture {
  readonly clock = new FakeClock();
  /** What the consumer holds: prefix -> paths, as `next hop [communities]`. */
  readonly offered = new Map<string, string>();
  readonly told: string[] = [];
  readonly warnings: string[] = [];
  readonly calls: {
    readonly answer: (transport: Transport) => void;
    readonly fail: (error: Error) => void;
    readonly signal: AbortSignal;
  }[] = [];
  readonly routes = new HeardRoutes((prefix, paths) => this.#emit(prefix, paths));
  readonly around: PeerSurroundings;
  readonly peer: Peer;
  emitted = 0;
  readonly #paths = new Map<string, readonly HeardPath[]>();

  constructor(change: Partial<BgpPeerConfig> = {}, own = OWN, hold = 120_000) {
    const warn = (_fields: object, message: string) => void this.warnings.push(message);
    const log = { debug() {}, info() {}, warn, error() {} };
    this.around = {
      ...{ own, clock: this.clock, random: () => 1, log, routes: this.routes, hold: () => hold },
      cache: new AttributeCache(),
      room: () => undefined,
      listening: () => true,
      dial: (_config, signal) =>
        new Promise((answer, fail) => {
          this.calls.push({ answer, fail, signal });
          signal.addEventListener('abort', () => fail(signal.reason));
        }),
      events: {
        established: () => this.told.push('established'),
        lost: (peer, reason) => this.told.push(`lost${peer.keeps ? ', kept' : ''}: ${reason}`),
        progress: () => {},
        heard: () => {},
        fault: (_peer, reason) => this.told.push(reason),
        refused: (_peer, reason) => this.told.push(`refused: ${reason}`),
      },
    };
    const config = peerConfig(change);
    assert.ok(config.neighbour.kind === 'address');
    this.peer = new Peer(config, config.neighbour.address, this.around);
  }

  get state(): string {
    return this.peer.status().sessionState;
  }

  /** The peer calls, and says nothing yet. */
  call(): MemoryTransport {
    const transport = new MemoryTransport();
    this.peer.accept(transport);
    return transport;
  }

  /** The peer calls, and a session comes of it. */
  establish(open?: OpenMessage): MemoryTransport {
    const transport = this.call();
    transport.hear(...handshake(open));
    assert.equal(this.state, 'established');
    transport.take();
    return transport;
  }

  /** We have called, and it answers. */
  async answer(): Promise<MemoryTransport> {
    const transport = new MemoryTransport();
    const call = this.calls.at(-1);
    assert.ok(call !== undefined);
    call.answer(transport);
    await settled();
    return transport;
  }

  /** The path the consumer holds; there must be one, and no other. */
  pathOf(prefix: string): HeardPath {
    const [path, ...others] = this.#paths.get(prefix) ?? [];
    assert.ok(path !== undefined && others.length === 0, prefix);
    return path;
  }

  #emit(prefix: Prefix, paths: readonly HeardPath[]): void {
    this.emitted++;
    this.#paths.set(prefix.text, paths);
    const text = paths.map(pathText).join(', ');
    if (text === '') this.offered.delete(prefix.text);
    else this.offered.set(prefix.text, text);
  }
}

function pathText({ nextHop, attributes }: HeardPath): string {
  const communities = attributes.communities.map((one) => ` ${one >>> 16}:${one & 0xffff}`);
  return `${nextHop.address}${communities.join('')}`;
}

const SESSION = { localAs: 65001, internal: false };

/** IPv4 prefixes of the peer's, or IPv6 ones; next hop 10.9.0.2 or 2001:db8::2. */
export function announce(
  prefixes: readonly string[],
  attributes: Partial<FeedAttributes> = {},
): Buffer {
  const ipv6 = prefixes[0]?.includes(':') === true;
  const nextHop = ipv6 ? '2001:db8::2' : '10.9.0.2';
  const family = ipv6 ? 'ipv6' : 'ipv4';
  return Buffer.concat(announcement(family, prefixes, { nextHop, ...attributes }, SESSION));
}

export function withdraw(prefixes: readonly string[]): Buffer {
  return Buffer.concat(withdrawal(prefixes[0]?.includes(':') ? 'ipv6' : 'ipv4', prefixes));
}
