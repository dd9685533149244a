/** TCP connections in a namespace, driven over IPC: what a {@link RawBgp} is made of. */
import { connect, type Socket } from 'node:net';
import type { RawEvent, RawRequest } from './raw-bgp.js';

const sockets = new Map<number, Socket>();

process.on('message', (request: RawRequest) => {
  const { id } = request;
  const tell = (event: RawEvent) => process.send?.(event);
  if (request.do === 'connect') {
    const { host, port, localAddress } = request;
    const socket = connect({ host, port, localAddress, noDelay: true });
    sockets.set(id, socket);
    socket.on('connect', () => tell({ id, event: 'connected' }));
    socket.on('error', (error) => tell({ id, event: 'error', reason: error.message }));
    socket.on('close', () => tell({ id, event: 'closed' }));
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
