/** Calls a peer: a TCP connection from us to it, signed and bounded as it asks for. */
import { Socket } from 'node:net';
import type { BgpPeerConfig } from '../../../config/config.js';
import { neighbourText } from '../../../config/source-text.js';
import { Prefix } from '../../../net/prefix.js';
import type { TcpOptions, TcpSockets } from '../../tcp.js';
import { socketTransport } from './socket-transport.js';
import type { Transport } from './transport.js';

/** RFC 5082 3: what a neighbour sends has a TTL of 255, less one for each router on the way. */
export function leastTtl(hops: number): number {
  return 256 - hops;
}

/** The options of a socket to, or from, this peer; `undefined` where it needs none. */
export function peerOptions(config: BgpPeerConfig): TcpOptions | undefined {
  const { neighbour, password, ttlSecurity, localAddress } = config;
  if (password === undefined && ttlSecurity === undefined) return undefined;
  const from = neighbour.kind === 'prefix' ? neighbour.prefix : Prefix.host(neighbour.address);
  return {
    family: from.family,
    local: localAddress && {
      ...{ address: localAddress, port: 0 },
      interface: localAddress.isLinkLocal ? config.interface : undefined,
    },
    passwords: password === undefined ? [] : [{ from, password }],
    fullTtl: ttlSecurity !== undefined,
    leastTtl: ttlSecurity === undefined ? 0 : leastTtl(ttlSecurity),
  };
}

/** Of a descriptor that is not connected yet: node:net reads from it at once unless `manualStart` is given. */
function socketOf(fd: number): Socket {
  const start = { manualStart: true };
  return new Socket({ fd, readable: true, writable: true, ...start });
}

/** Rejects with what went wrong, or with the signal's reason. */
export function dial(
  config: BgpPeerConfig,
  sockets: TcpSockets,
  signal: AbortSignal,
): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const options = peerOptions(config);
    const socket = options === undefined ? new Socket() : socketOf(sockets.open(options));
    const abort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    const done = () => signal.removeEventListener('abort', abort);
    socket.once('error', (error) => {
      done();
      reject(error);
    });
    socket.once('connect', () => {
      done();
      const transport = socketTransport(socket);
      if (transport === undefined) reject(new Error('the connection ended at once'));
      else resolve(transport);
    });
    signal.addEventListener('abort', abort, { once: true });
    const { localAddress, interface: zone } = config;
    socket.connect({
      ...{ host: neighbourText(config), port: config.port },
      // One with options is bound already.
      ...(options === undefined && localAddress !== undefined
        ? { localAddress: localAddress.isLinkLocal ? `${localAddress}%${zone}` : localAddress.text }
        : {}),
    });
    if (signal.aborted) abort();
  });
}
