/** A TCP listener that serves until it fails, or is told to end. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from '../../config/config.js';

export interface ListenerOptions {
  readonly listen: ListenAddress;
  readonly listening: () => void;
  /** Takes the connection over; resolves once it has ended, soon after `signal` aborts. */
  readonly serve: (socket: Socket, signal: AbortSignal) => Promise<void>;
}

/**
 * Resolves once `signal` has aborted and every connection has ended. Rejects
 * with a system error where listening fails ({@link isSystemError}), and with
 * whatever `serve` rejects with.
 */
export async function runListener(options: ListenerOptions, signal: AbortSignal): Promise<void> {
  const server = createServer({ noDelay: true });
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const serving = new Set<Promise<void>>();
  const failure = new Promise<never>((_resolve, reject) => {
    server.on('error', reject);
    server.on('connection', (socket) => {
      if (both.aborted) {
        socket.destroy();
        return;
      }
      const one = options.serve(socket, both);
      serving.add(one);
      one.catch(reject).finally(() => serving.delete(one));
    });
  });
  failure.catch(() => stop.abort());
  const aborted = new Promise<void>((resolve) => {
    if (both.aborted) resolve();
    both.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    const { host, port } = options.listen;
    server.listen({ host, port });
    const listening = once(server, 'listening').then(() => {
      if (!both.aborted) options.listening();
    });
    await Promise.race([Promise.all([listening, aborted]), aborted, failure]);
    if (!signal.aborted) await failure;
  } finally {
    stop.abort();
    await Promise.allSettled(serving);
    await closed(server);
  }
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && 'syscall' in error;
}

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  const done = once(server, 'close');
  server.close();
  await done;
}
