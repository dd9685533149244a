/** A connection in memory: what we send is kept as messages, what the peer says is given by the test. */
import { Address } from '../../../../src/net/address.js';
import type {
  Transport,
  TransportHandlers,
} from '../../../../src/source/bgp/connection/transport.js';
import { CONTEXT_BEFORE_OPEN, Decoder } from '../../../../src/source/bgp/message/decode.js';
import {
  encodeKeepalive,
  encodeNotification,
  encodeOpen,
} from '../../../../src/source/bgp/message/encode.js';
import type {
  BgpMessage,
  Capability,
  OpenMessage,
} from '../../../../src/source/bgp/message/message.js';
import { endOfRib } from '../../../support/bgp-wire.js';

export class MemoryTransport implements Transport {
  readonly remote: Address;
  readonly interface: string | undefined;
  readonly sent: Buffer[] = [];
  unsent = 0;
  closed = false;
  #handlers: TransportHandlers | undefined;

  constructor(remote = '10.9.0.2', zone?: string) {
    this.remote = Address.parse(remote) ?? new Address('ipv4', 0);
    this.interface = zone;
  }

  get opened(): boolean {
    return this.#handlers !== undefined;
  }

  open(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  send(bytes: Buffer): void {
    if (!this.closed) this.sent.push(bytes);
  }

  close(): void {
    this.closed = true;
  }

  /** The peer sends these octets. What the last of them is answered: when the next may come. */
  hear(...bytes: readonly Buffer[]): Promise<void> | undefined {
    let next: Promise<void> | undefined;
    for (const one of bytes) if (!this.closed) next = this.#handlers?.data(one);
    return next;
  }

  /** The connection breaks. */
  break(reason = 'ECONNRESET'): void {
    if (!this.closed) this.#handlers?.closed(reason);
  }

  /** What was sent, in words: `open`, `keepalive`, `6/7`, `end-of-rib ipv4`. */
  words(): readonly string[] {
    const decoder = new Decoder({
      ...CONTEXT_BEFORE_OPEN,
      families: new Set(['ipv4', 'ipv6']),
      fourOctetAs: true,
    });
    return this.sent.map((bytes) => wordOf(decoder.message(bytes)));
  }

  /** The same, and none of it again. */
  take(): readonly string[] {
    const words = this.words();
    this.sent.length = 0;
    return words;
  }
}

function wordOf(message: BgpMessage): string {
  switch (message.type) {
    case 'notification':
      return `${message.code}/${message.subcode}`;
    case 'update':
      return message.endOfRib === undefined ? 'update' : `end-of-rib ${message.endOfRib}`;
    case 'route-refresh':
      return `refresh ${message.kind} ${message.afi}/${message.safi}`;
    default:
      return message.type;
  }
}

export const FOUR_OCTET: Capability = { type: 'four-octet-as', as: 65001 };
export const BOTH: readonly Capability[] = [
  { type: 'multiprotocol', afi: 1, safi: 1 },
  { type: 'multiprotocol', afi: 2, safi: 1 },
];

/** The OPEN of a peer of AS 65001 with router id 10.255.0.2. */
export function peerOpen(change: Partial<OpenMessage> = {}): OpenMessage {
  return {
    ...{ type: 'open', version: 4, as: 65001, holdTime: 90, routerId: 0x0aff0002 },
    capabilities: [...BOTH, FOUR_OCTET],
    ...change,
  };
}

/** RFC 4724, and RFC 8538 where `notification` says so. */
export function restarts(
  time: number,
  change: { readonly forwarding?: boolean; readonly notification?: boolean } = {},
): Capability {
  const { forwarding = true, notification = false } = change;
  return {
    ...{ type: 'graceful-restart', restarting: false, notification, time },
    families: [
      { afi: 1, safi: 1, forwarding },
      { afi: 2, safi: 1, forwarding },
    ],
  };
}

/** What the peer says to establish a session. */
export function handshake(open: OpenMessage = peerOpen()): readonly Buffer[] {
  return [encodeOpen(open), encodeKeepalive()];
}

export const ends = [endOfRib('ipv4'), endOfRib('ipv6')];

export function notification(code: number, subcode: number, data = Buffer.alloc(0)): Buffer {
  return encodeNotification({ code, subcode, data });
}
