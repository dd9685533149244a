/** The commands' side of the admin socket. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import type {
  ExplainReport,
  LimitClearReport,
  PlanReport,
  ReloadReport,
  RouteReport,
  RoutesQuery,
} from './command-report.js';
import type { StatusReport } from './report.js';
import { AdminFault } from './service.js';

/** How long the daemon may be silent, in milliseconds. */
interface Patience {
  /** Before an answer that it only has to write down. */
  readonly answer: number;
  /** Before one that it has to work for (a plan over a large table, a reload), and within any answer. */
  readonly work: number;
}

const PATIENCE: Patience = { answer: 5_000, work: 60_000 };

/** Nobody could be asked. `absent`: no daemon listens there. The message is one line for people. */
export class AdminUnreachable extends Error {
  override readonly name = 'AdminUnreachable';
  constructor(
    readonly kind: 'absent' | 'refused' | 'broken',
    message: string,
  ) {
    super(message);
  }
}

interface Question {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: unknown;
  readonly work?: boolean;
}

/**
 * Asks the daemon behind one admin socket. Every method rejects with
 * {@link AdminUnreachable} when it cannot be asked, and with `AdminFault` when
 * it answers that it cannot.
 */
export class AdminClient {
  constructor(
    readonly socket: string,
    private readonly patience: Patience = PATIENCE,
  ) {}

  status(): Promise<StatusReport> {
    return this.#json({ method: 'GET', path: '/status' });
  }

  /** Routes as they arrive; stopping early closes the connection. */
  async *routes(query: RoutesQuery): AsyncGenerator<RouteReport> {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) parameters.set(name, String(value));
    }
    const response = await this.#ask({ method: 'GET', path: `/routes?${parameters}` });
    let failure: Error | undefined;
    response.once('error', (error) => {
      failure = error;
    });
    try {
      for await (const line of createInterface({ input: response })) {
        yield JSON.parse(line) as RouteReport;
      }
    } finally {
      response.destroy();
    }
    if (failure !== undefined || !response.complete) throw this.#broken();
  }

  explain(query: string): Promise<ExplainReport> {
    return this.#json({ method: 'GET', path: `/explain?${new URLSearchParams({ query })}` });
  }

  plan(configPath: string): Promise<PlanReport> {
    return this.#json({ method: 'POST', path: '/plan', body: { configPath }, work: true });
  }

  reload(): Promise<ReloadReport> {
    return this.#json({ method: 'POST', path: '/reload', work: true });
  }

  clearLimit(selector: string): Promise<LimitClearReport> {
    return this.#json({ method: 'POST', path: '/limit/clear', body: { selector } });
  }

  async #json<T>(question: Question): Promise<T> {
    return JSON.parse(await this.#text(await this.#ask(question))) as T;
  }

  async #ask({ method, path, body, work = false }: Question): Promise<IncomingMessage> {
    const timeout = work ? this.patience.work : this.patience.answer;
    const asked = request({ socketPath: this.socket, method, path, timeout });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    const response = await this.#response(asked, timeout);
    asked.setTimeout(this.patience.work);
    if (response.statusCode === 200) return response;
    throw new AdminFault(errorText(await this.#text(response)));
  }

  #response(asked: ClientRequest, timeout: number): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      asked.once('response', resolve);
      asked.on('timeout', () => asked.destroy(new Error(`no answer for ${timeout / 1000} s`)));
      asked.on('error', (error: NodeJS.ErrnoException) => reject(this.#unreachable(error)));
    });
  }

  async #text(response: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    } catch {
      throw this.#broken();
    }
    return Buffer.concat(chunks).toString();
  }

  #broken(): AdminUnreachable {
    return new AdminUnreachable(
      'broken',
      `the daemon at ${this.socket} broke off in the middle of its answer`,
    );
  }

  #unreachable(error: NodeJS.ErrnoException): AdminUnreachable {
    switch (error.code) {
      case 'ENOENT':
      case 'ECONNREFUSED':
        return new AdminUnreachable('absent', `no rib2fib daemon is running at ${this.socket}`);
      case 'EACCES':
      case 'EPERM':
        return new AdminUnreachable(
          'refused',
          `no permission for ${this.socket}: run this as the daemon's user, or as root`,
        );
      default:
        return new AdminUnreachable(
          'broken',
          `the daemon at ${this.socket} cannot be asked: ${error.message}`,
        );
    }
  }
}

/** The `error` of a refusal; the whole text when somebody else than rib2fib answered. */
function errorText(body: string): string {
  try {
    const { error } = JSON.parse(body) as { readonly error?: unknown };
    return typeof error === 'string' ? error : body;
  } catch {
    return `not an answer of rib2fib: ${body.slice(0, 200)}`;
  }
}
