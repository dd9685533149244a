/** A TCP connection as a {@link Transport}. */
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { Address } from '../../../net/address.js';
import type { Transport, TransportHandlers } from './transport.js';

/** How long a peer that is told something last may take to read it, whatever it says meanwhile. */
const LINGER_MS = 1_000;
/** Silence after which the kernel asks whether the other side is there. */
const KEEPALIVE_MS = 60_000;

/** Both ends of a connected socket; `undefined` where it has ended already. */
export function socketTransport(socket: Socket): Transport | undefined {
  const remote = readEnd(socket.remoteAddress);
  const local = readEnd(socket.localAddress);
  if (remote !== undefined && local !== undefined) {
    const { address: own } = local;
    return new SocketTransport(socket, remote.address, () => remote.zone ?? interfaceOf(own));
  }
  socket.on('error', () => undefined); // It has ended, and nobody waits for what it has to say.
  socket.destroy();
  return undefined;
}

class SocketTransport implements Transport {
  #interface: { readonly name: string | undefined } | undefined;
  #handlers: TransportHandlers | undefined;
  #ended: string | undefined;
  #closed = false;

  constructor(
    private readonly socket: Socket,
    readonly remote: Address,
    private readonly findInterface: () => string | undefined,
  ) {
    socket.setNoDelay(true);
    // Without a hold time nothing else would ever tell that the peer's host is gone.
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.on('error', (error) => this.#end(error.message));
    socket.on('end', () => this.#end('the peer closed the connection'));
    socket.on('close', () => this.#end('the connection is closed'));
  }

  get unsent(): number {
    return this.socket.writableLength;
  }

  /** Looked up when it is first asked for: a node has hundreds, and strangers are hung up on without it. */
  get interface(): string | undefined {
    this.#interface ??= { name: this.findInterface() };
    return this.#interface.name;
  }

  open(handlers: TransportHandlers): void {
    this.#handlers = handlers;
    this.socket.on('data', (chunk: Buffer) => {
      if (this.#closed) return;
      const room = handlers.data(chunk);
      if (room === undefined) return;
      this.socket.pause();
      void room.then(() => this.socket.resume());
    });
    const ended = this.#ended;
    // Not from within the call: its caller is not ready for an end.
    if (ended !== undefined) queueMicrotask(() => this.#tell(ended));
  }

  send(bytes: Buffer): void {
    if (!this.#closed && this.socket.writable) this.socket.write(bytes);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // What still comes is read and dropped: a close with unread octets would take back what was sent last.
    this.socket.resume();
    this.socket.end();
    // By the clock, not by silence: a peer that goes on talking is not listened to any longer for it.
    const linger = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once('close', () => clearTimeout(linger));
  }

  #end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#tell(reason);
  }

  #tell(reason: string): void {
    if (this.#closed || this.#handlers === undefined) return;
    this.#closed = true;
    this.#handlers.closed(reason);
    this.socket.destroy();
  }
}

/** `::ffff:10.9.0.2` is IPv4 that came to an IPv6 socket. */
function readEnd(
  text: string | undefined,
): { readonly address: Address; readonly zone: string | undefined } | undefined {
  const [host = '', zone] = (text ?? '').split('%');
  const address = Address.parse(host);
  if (address === undefined) return undefined;
  const mapped = address.family === 'ipv6' && !(address.w0 | address.w1) && address.w2 === 0xffff;
  return { address: mapped ? new Address('ipv4', address.w3) : address, zone };
}

/** Not a loopback one: no next hop is there. */
function interfaceOf(local: Address): string | undefined {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const own = addresses?.find(({ address }) => Address.parse(address)?.equals(local));
    if (own !== undefined) return own.internal ? undefined : name;
  }
  return undefined;
}
