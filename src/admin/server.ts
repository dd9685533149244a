/**
 * The admin socket's HTTP side: questions to an {@link AdminService}, answers
 * in JSON. `/routes` streams one route a line, as a full table does not fit
 * into one string; every error is `{"error": "…"}`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import type { Log } from '../log-port.js';
import { FAMILIES } from '../net/family.js';
import { REJECT_REASONS } from '../policy/verdict.js';
import { ROUTE_STATES, type RouteReport, type RoutesQuery } from './command-report.js';
import { AdminFault, type AdminService } from './service.js';
import { listenPrivately } from './socket.js';

/** More than any question needs. */
const MAX_BODY_BYTES = 64 * 1024;
/** Routes written at a stroke before the event loop gets its turn. */
const ROUTES_PER_CHUNK = 500;

export interface AdminServerOptions {
  readonly socket: string;
  readonly service: AdminService;
  readonly log: Log;
}

export interface AdminServer {
  /** Ends running answers and removes the socket. Idempotent. */
  close(): Promise<void>;
}

/** Serves until closed. Throws `AdminSocketError` when the socket cannot be had. */
export async function serveAdmin({
  socket,
  service,
  log,
}: AdminServerOptions): Promise<AdminServer> {
  const server = createServer((request, response) => {
    answer(service, request, response).catch((error: unknown) => {
      if (response.headersSent) {
        response.destroy();
        log.debug({ url: request.url, error: messageOf(error) }, 'admin answer cut short');
        return;
      }
      const status =
        error instanceof HttpFault ? error.status : error instanceof AdminFault ? 422 : 500;
      if (status === 500) log.error({ url: request.url, err: error }, 'admin request failed');
      sendJson(response, status, { error: messageOf(error) });
    });
  });
  await listenPrivately(server, socket);
  server.on('error', (error) => log.error({ err: error }, 'admin socket failed'));
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class HttpFault extends Error {
  constructor(
    readonly status: 400 | 404 | 405 | 413,
    message: string,
  ) {
    super(message);
  }
}

async function answer(
  service: AdminService,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://admin');
  const route = `${request.method} ${url.pathname}`;
  switch (route) {
    case 'GET /status':
      return sendJson(response, 200, service.status());
    case 'GET /routes':
      return sendLines(response, service.routes(routesQuery(url.searchParams)));
    case 'GET /explain':
      return sendJson(response, 200, await service.explain(required(url.searchParams, 'query')));
    case 'POST /plan':
      return sendJson(response, 200, await service.plan(await textField(request, 'configPath')));
    case 'POST /reload':
      return sendJson(response, 200, await service.reload());
    case 'POST /limit/clear':
      return sendJson(response, 200, service.clearLimit(await textField(request, 'selector')));
    default:
      throw PATHS.has(url.pathname)
        ? new HttpFault(405, `${request.method} is not for ${url.pathname}`)
        : new HttpFault(404, `there is no ${url.pathname}`);
  }
}

const PATHS = new Set(['/status', '/routes', '/explain', '/plan', '/reload', '/limit/clear']);

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function sendLines(response: ServerResponse, routes: Iterable<RouteReport>): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  await pipeline(Readable.from(lines(routes)), response);
}

async function* lines(routes: Iterable<RouteReport>): AsyncGenerator<string> {
  let chunk = '';
  let count = 0;
  for (const route of routes) {
    chunk += `${JSON.stringify(route)}\n`;
    if (++count % ROUTES_PER_CHUNK === 0) {
      yield chunk;
      chunk = '';
      await setImmediate();
    }
  }
  if (chunk !== '') yield chunk;
}

function routesQuery(parameters: URLSearchParams): RoutesQuery {
  return {
    table: parameters.get('table') ?? undefined,
    peer: parameters.get('peer') ?? undefined,
    family: oneOf(parameters, 'family', FAMILIES),
    state: oneOf(parameters, 'state', ROUTE_STATES),
    reason: oneOf(parameters, 'reason', REJECT_REASONS),
    limit: wholeNumber(parameters, 'limit'),
  };
}

function oneOf<T extends string>(
  parameters: URLSearchParams,
  name: string,
  allowed: readonly T[],
): T | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  const found = allowed.find((value) => value === text);
  if (found === undefined) {
    throw new HttpFault(400, `${name}: "${text}" is none of ${allowed.join(', ')}`);
  }
  return found;
}

function wholeNumber(parameters: URLSearchParams, name: string): number | undefined {
  const text = parameters.get(name);
  if (text === null) return undefined;
  if (!/^[0-9]{1,9}$/.test(text)) throw new HttpFault(400, `${name}: "${text}" is not a number`);
  return Number(text);
}

function required(parameters: URLSearchParams, name: string): string {
  const text = parameters.get(name);
  if (text === null || text === '') throw new HttpFault(400, `${name} is missing`);
  return text;
}

async function textField(request: IncomingMessage, name: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new HttpFault(413, 'the request is too large');
    chunks.push(chunk);
  }
  const value = fieldOf(parseJson(Buffer.concat(chunks).toString()), name);
  if (typeof value !== 'string') throw new HttpFault(400, `the body must be {"${name}": "…"}`);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HttpFault(400, `the body is not JSON: ${messageOf(error)}`);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
