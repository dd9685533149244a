import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { ListenAddress } from '../config/config.js';
import type { Log } from '../log-port.js';
import { hostPortText } from '../net/host-port.js';

export interface HealthOptions {
  readonly listen: ListenAddress;
  readonly log: Log;
  readonly metrics: { readonly contentType: string; render(): Promise<string> };
  /** Why the daemon is not ready, in one phrase; `undefined` when it is. */
  readonly unready: () => string | undefined;
}

export interface HealthServer {
  /** As bound: the real port where 0 was asked for. */
  readonly listening: ListenAddress;
  /** Idempotent. */
  close(): Promise<void>;
}

/** The listener cannot be had; the message is one line for the operator. */
export class HealthListenError extends Error {
  override readonly name = 'HealthListenError';
}

/**
 * `/metrics`, `/healthz` (200 while the event loop turns) and `/readyz` (200,
 * or 503 with the reason as text). Throws {@link HealthListenError} when the
 * address cannot be bound.
 */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const { listen, log } = options;
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      log.error({ err: error, url: request.url }, 'metrics request failed');
      if (!response.headersSent) sendText(response, 500, 'internal error\n');
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(listen, error)));
    server.listen(listen.port, listen.host, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', (error) => log.error({ err: error }, 'metrics listener failed'));
  const bound = server.address();
  return {
    listening:
      bound !== null && typeof bound === 'object'
        ? { host: bound.address, port: bound.port }
        : listen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  { metrics, unready }: HealthOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return sendText(response, 405, 'GET only\n');
  }
  switch (request.url?.split('?', 1)[0]) {
    case '/metrics':
      return sendText(response, 200, await metrics.render(), metrics.contentType);
    case '/healthz':
      return sendText(response, 200, 'ok\n');
    case '/readyz': {
      const reason = unready();
      return reason === undefined
        ? sendText(response, 200, 'ready\n')
        : sendText(response, 503, `not ready: ${reason}\n`);
    }
    default:
      return sendText(response, 404, 'there are /metrics, /healthz and /readyz\n');
  }
}

function sendText(
  response: ServerResponse,
  status: number,
  body: string,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function listenError(listen: ListenAddress, error: NodeJS.ErrnoException): HealthListenError {
  const where = hostPortText(listen);
  return new HealthListenError(`metrics.listen ${where}: ${bindFault(error)}`, { cause: error });
}

function bindFault(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'the port is in use by another process';
    case 'EADDRNOTAVAIL':
      return 'this node does not have that address';
    case 'EACCES':
      return 'no permission to bind it (ports below 1024 need CAP_NET_BIND_SERVICE)';
    default:
      return error.message;
  }
}
