/** A small HTTP server in the place of an API server, whose every answer the test gives. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../../../src/clock.js';
import type { ApiAccess } from '../../../../src/discover/kubernetes/api-access.js';
import { until } from '../../../support/wait.js';

export interface Call {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly isWatch: boolean;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** Answers whole, as JSON unless it is a text. */
  answer(code: number, body: unknown, headers?: Readonly<Record<string, string>>): void;
  /** Begins a watch, or goes on with it: a line each. */
  say(...lines: readonly unknown[]): void;
  /** As they stand. */
  write(text: string): void;
  end(): void;
  /** Breaks the connection. */
  cut(): void;
  /** The client has gone, or all was said. */
  readonly closed: boolean;
}

export class FakeApiServer implements AsyncDisposable {
  readonly #calls: Call[] = [];
  #seen = 0;
  #refused = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<FakeApiServer> {
    const server = createServer();
    const fake = new FakeApiServer(server);
    server.on('request', (request, response) => void fake.#take(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get access(): ApiAccess {
    const { port } = this.server.address() as AddressInfo;
    const url = new URL(`http://127.0.0.1:${port}/base`);
    return {
      ...{ name: 'fake', host: '127.0.0.1' },
      target: async () => ({ url, options: { headers: { authorization: 'Bearer me' } } }),
      refused: () => this.#refused++,
    };
  }

  /** How often credentials were told to be no good. */
  get refused(): number {
    return this.#refused;
  }

  /** The calls nobody has asked for yet. */
  get waiting(): number {
    return this.#calls.length - this.#seen;
  }

  /** The next call, in the order they came. */
  async next(): Promise<Call> {
    await until(async () => this.waiting > 0, { what: 'a call of the API', everyMs: 2 });
    return this.#calls[this.#seen++] as Call;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://fake');
    const query = Object.fromEntries(url.searchParams);
    const body = (await request.setEncoding('utf8').toArray()).join('');
    this.#calls.push({
      ...{ path: url.pathname, query, headers: request.headers, body },
      isWatch: query['watch'] === '1',
      answer: (code, body, headers = {}) => {
        response
          .writeHead(code, headers)
          .end(typeof body === 'string' ? body : JSON.stringify(body));
      },
      say: (...lines) => {
        if (!response.headersSent) response.writeHead(200).flushHeaders();
        for (const line of lines) response.write(`${JSON.stringify(line)}\n`);
      },
      write: (text) => void response.write(text),
      end: () => void response.end(),
      cut: () => void request.socket.destroy(),
      get closed() {
        return response.closed || request.socket.destroyed;
      },
    });
  }
}

/** Real waits are for real things: here each is a turn of the event loop, and how long it would have been is told. */
export class PatientClock implements Clock {
  readonly waits: number[] = [];
  #now = 1_000_000;

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  async delay(ms: number, signal?: AbortSignal): Promise<void> {
    this.waits.push(ms);
    this.#now += ms;
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  }
}
