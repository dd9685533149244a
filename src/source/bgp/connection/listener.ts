/** Where peers may call: one listening socket an address, opened again and again until it is. */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../clock.js';
import type { BgpPeerConfig, ListenAddress } from '../../../config/config.js';
import type { Log } from '../../../log-port.js';
import { Address } from '../../../net/address.js';
import { hostPortText } from '../../../net/host-port.js';
import type { TcpOptions, TcpSockets } from '../../tcp.js';
import { peerOptions } from './dial.js';
import { socketTransport } from './socket-transport.js';
import type { Transport } from './transport.js';

export interface ListenerOptions {
  readonly at: ListenAddress;
  /** Whose calls are to be signed, or bounded. */
  readonly peers: readonly BgpPeerConfig[];
  readonly sockets: TcpSockets;
  readonly clock: Clock;
  readonly log: Log;
  /** Somebody calls. `requireTtl` throws what people can act on. */
  readonly incoming: (transport: Transport, requireTtl: (least: number) => void) => void;
}

/** Between two attempts to listen. */
const RETRY_MS = 5_000;

export class Listener {
  readonly #options: ListenerOptions;
  readonly #text: string;
  #fault: string | undefined = 'not listening yet';

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#text = hostPortText(options.at);
  }

  /** Why nobody can call; `undefined` while it listens. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Listens until the signal aborts, then resolves. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        const server = await this.#listen();
        this.#fault = undefined;
        log.info({ address: this.#text }, 'listening for BGP peers');
        await clock.delay(Number.POSITIVE_INFINITY, signal).catch(() => server.close());
        return;
      } catch (error) {
        const fault = `cannot listen at ${this.#text}: ${messageOf(error)}`;
        if (fault !== this.#fault) log.error({ address: this.#text }, fault);
        this.#fault = fault;
        await clock.delay(RETRY_MS, signal).catch(() => undefined);
      }
    }
  }

  async #listen(): Promise<Server> {
    const { sockets, at, log } = this.#options;
    const options = this.#tcpOptions();
    const server = createServer((socket) => this.#called(socket));
    const failed = new Promise<never>((_, reject) => server.once('error', reject));
    if (options === undefined) server.listen({ ...at, backlog: 128 });
    else server.listen({ fd: sockets.open(options), backlog: 128 });
    await Promise.race([once(server, 'listening'), failed]);
    // One connection could not be taken: the next may be.
    server.on('error', (error) => log.error({ err: error }, `${this.#text}: ${error.message}`));
    return server;
  }

  /** `undefined` where no peer asks for any. */
  #tcpOptions(): TcpOptions | undefined {
    const { at, peers } = this.#options;
    const own = at.host === 'localhost' ? '127.0.0.1' : at.host;
    const address = Address.parse(own) ?? new Address('ipv4', 0);
    const { family } = address;
    const theirs = peers.flatMap((peer) => peerOptions(peer) ?? []);
    const heard = theirs.filter((one) => one.family === family || family === 'ipv6');
    if (heard.length === 0) return undefined;
    return {
      ...{ family, local: { address, port: at.port, interface: undefined } },
      passwords: heard.flatMap(({ passwords }) => passwords),
      fullTtl: heard.some(({ fullTtl }) => fullTtl),
      // Each connection has its own: another peer may be further away.
      leastTtl: 0,
    };
  }

  #called(socket: Socket): void {
    const transport = socketTransport(socket);
    if (transport === undefined) return;
    const { sockets, incoming } = this.#options;
    const family = socket.localFamily === 'IPv6' ? 'ipv6' : 'ipv4';
    incoming(transport, (least) => sockets.requireTtl(descriptorOf(socket), family, least));
  }
}

/** Node shows it to nobody, and has it all the same. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } };
  if (handle?.fd === undefined || handle.fd < 0) throw new Error('no descriptor of the connection');
  return handle.fd;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
