/** TCP connections in a namespace, driven over IPC: what a {@link RawBgp} is made of. */
import { connect, createServer, type Socket } from 'node:net';
import type { RawEvent, RawRequest } from './raw-bgp.js';

const sockets = new Map<number, Socket>();
const tell = (event: RawEvent) => process.send?.(event);
let callers = 0;

function watch(id: number, socket: Socket): void {
  sockets.set(id, socket);
  socket.on('error', (error) => tell({ id, event: 'error', reason: error.message }));
  socket.on('close', () => tell({ id, event: 'closed' }));
}

process.on('message', (request: RawRequest) => {
  const { id } = request;
  if (request.do === 'listen') {
    const { host, port } = request;
    const server = createServer({ noDelay: true }, (socket) => {
      const connection = --callers;
      watch(connection, socket);
      tell({ id, event: 'called', connection, remote: socket.remoteAddress });
      socket.on('data', (chunk) => tell({ id: connection, event: 'data', chunk }));
    });
    server.listen({ host, port }, () => tell({ id, event: 'listening' }));
    return;
  }
  if (request.do === 'connect') {
    const { host, port, localAddress } = request;
    const socket = connect({ host, port, localAddress, noDelay: true });
    watch(id, socket);
    socket.on('connect', () => tell({ id, event: 'connected' }));
    if (request.reads) socket.on('data', (chunk) => tell({ id, event: 'data', chunk }));
    else socket.pause();
    return;
  }
  const socket = sockets.get(id);
  switch (request.do) {
    case 'send':
      socket?.write(request.bytes, () => tell({ id, event: 'sent' }));
      return;
    case 'reset':
      socket?.resetAndDestroy();
      return;
    case 'end':
      socket?.destroy();
      return;
  }
});
