/**
 * Kubernetes' API over HTTPS: single requests, and watches. One connection a request, since a watch
 * takes its own anyway and everything else is rare. Nothing waits for ever: a server that does not
 * answer, or goes silent in the midst, ends the call with an error.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { ApiAccess } from './api-access.js';
import { ApiError } from './api-error.js';
import { linesOf } from './lines.js';

/** Milliseconds. */
export interface ApiPatience {
  /** From the request to the head of the answer. */
  readonly answer: number;
  /** Between two pieces of an answer. */
  readonly silence: number;
  /** Between two pieces of a watch: a server sends bookmarks about once a minute. */
  readonly watchSilence: number;
}

const PATIENCE: ApiPatience = { answer: 30_000, silence: 30_000, watchSilence: 100_000 };

/** The largest answer read, in octets: a page of a list is far below. */
const LARGEST_ANSWER = 256 * 2 ** 20;
/** Of a refusal, in octets. */
const LARGEST_REFUSAL = 2 ** 16;
/** TCP’s own probes, ten a second apart, then find out within half a minute that the other side is gone. */
const KEEPALIVE_MS = 15_000;

export interface ApiRequest {
  /** Below the server's URL: `/api/v1/nodes`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Default: GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Media type of `body`; default `application/json`. */
  readonly type?: string;
}

export class ApiClient {
  readonly #patience: ApiPatience;

  constructor(
    private readonly access: ApiAccess,
    patience: Partial<ApiPatience> = {},
  ) {
    this.#patience = { ...PATIENCE, ...patience };
  }

  /** As {@link ApiAccess.name}. */
  get name(): string {
    return this.access.name;
  }

  /** As {@link ApiAccess.host}. */
  get host(): string | undefined {
    return this.access.host;
  }

  /**
   * The answer's body, parsed. Rejects with {@link ApiError} where the server refuses, with the
   * signal's reason when that aborts, and with another Error where there is no answer or no JSON.
   */
  async json(request: ApiRequest): Promise<unknown> {
    const response = await this.#send(request, this.#patience.silence);
    return JSON.parse(await bodyOf(response, LARGEST_ANSWER));
  }

  /**
   * Resolves once the server has taken the watch on, and rejects as {@link json} does. Of what it
   * resolves with every item is one parsed line; it ends as the server ends it, and throws where the
   * connection breaks or a line is no JSON. Who leaves it early closes the connection.
   */
  async watch(request: ApiRequest): Promise<AsyncGenerator<unknown, void, undefined>> {
    return parsedLines(await this.#send(request, this.#patience.watchSilence));
  }

  async #send(request: ApiRequest, silence: number): Promise<IncomingMessage> {
    const { signal } = request;
    const { answer } = this.#patience;
    const stop = new AbortController();
    const end = () => stop.abort(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const late = () => stop.abort(new Error(`no answer within ${answer / 1000} s`));
    const deadline = setTimeout(late, answer);
    try {
      // A file or a program that has the credentials may not answer either.
      const head = this.#head(request, silence, stop.signal);
      const response = await Promise.race([head, rejection(stop.signal)]);
      const code = response.statusCode ?? 0;
      if (code >= 200 && code < 300) return response;
      if (code === 401) this.access.refused();
      const status = statusIn(await bodyOf(response, LARGEST_REFUSAL));
      throw ApiError.of(code, status, response.headers['retry-after']);
    } finally {
      clearTimeout(deadline);
      signal.removeEventListener('abort', end);
    }
  }

  async #head(request: ApiRequest, silence: number, stop: AbortSignal): Promise<IncomingMessage> {
    const { path, query = {}, method = 'GET', body, type = 'application/json', signal } = request;
    const { url, options } = await this.access.target();
    stop.throwIfAborted();
    const base = url.pathname.replace(/\/$/, '');
    const text = new URLSearchParams(query).toString();
    const headers = {
      ...options.headers,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': type }),
    };
    const all: RequestOptions = {
      ...options,
      ...{ protocol: url.protocol, method, headers },
      ...{ host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || defaultPort(url) },
      path: `${base}${path}${text === '' ? '' : `?${text}`}`,
    };
    return await new Promise((resolve, reject) => {
      const sent = url.protocol === 'http:' ? httpRequest(all) : httpsRequest(all);
      let answered: IncomingMessage | undefined;
      const end = () => sent.destroy(stop.reason);
      stop.addEventListener('abort', end, { once: true });
      sent.setSocketKeepAlive(true, KEEPALIVE_MS);
      sent.setTimeout(silence, () => {
        const silent = new Error(`the server has said nothing for ${silence / 1000} s`);
        (answered ?? sent).destroy(silent);
      });
      sent.on('error', reject);
      sent.on('response', (response) => {
        answered = response;
        stop.removeEventListener('abort', end);
        // From here on only who asked ends it, and the connection when it is done.
        const leave = () => void response.destroy(signal.reason);
        signal.addEventListener('abort', leave, { once: true });
        response.on('close', () => signal.removeEventListener('abort', leave));
        if (signal.aborted) leave();
        resolve(response);
      });
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function defaultPort({ protocol }: URL): number {
  return protocol === 'http:' ? 80 : 443;
}

/** Rejects with the signal's reason once it aborts; never resolves. */
function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

async function bodyOf(response: IncomingMessage, largest: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > largest) throw new RangeError(`an answer of more than ${largest} octets`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function* parsedLines(response: IncomingMessage): AsyncGenerator<unknown, void, undefined> {
  try {
    for await (const line of linesOf(response)) if (line.trim() !== '') yield JSON.parse(line);
  } finally {
    response.destroy();
  }
}

/** A proxy in between, or a server without such a path, answers in words of its own. */
function statusIn(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return { message: body.trim().split('\n')[0] };
  }
}
