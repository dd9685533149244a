/** Kubernetes' API over plain HTTPS, by way of a unix socket: no client library, so that it can judge one. */
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { until } from '../wait.js';

/** Any object of the API. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly resourceVersion?: string;
    readonly uid?: string;
  };
  readonly [field: string]: unknown;
}

export interface KubeList<T = KubeObject> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

/** `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`; of `ERROR` the object is a Status with its `code`. */
export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject & { readonly code?: number; readonly reason?: string };
}

/** As whom the API is asked: by certificate or by token, or as nobody. */
export interface Credentials {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/** What `kubectl get` prints, by the server's own account. */
export interface KubeTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The server's refusal. */
export class KubeError extends Error {
  constructor(
    what: string,
    /** HTTP's status. */
    readonly code: number,
    /** In one word: `Forbidden`, `Invalid`, `Expired`. */
    readonly reason: string,
    message: string,
  ) {
    super(`${what}: ${code} ${reason}: ${message}`);
  }
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

interface Sending {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
}

const MANAGER = 'rib2fib-test';
const ATTEMPTS = 10;
const JSON_TYPE = 'application/json';
const APPLY_TYPE = 'application/apply-patch+yaml';

export class KubeClient implements Disposable {
  readonly #agent: Agent;

  /**
   * @param socket a unix socket that leads to the API server.
   * @param ca PEM of who has signed its certificate.
   */
  constructor(
    private readonly socket: string,
    ca: string,
    private readonly credentials: Credentials,
  ) {
    const { cert, key } = credentials;
    this.#agent = new Agent({
      ca,
      servername: 'kubernetes.default.svc',
      keepAlive: false,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  }

  get<T = KubeObject>(path: string): Promise<T> {
    return this.send('GET', path);
  }

  list<T = KubeObject>(path: string): Promise<KubeList<T>> {
    return this.send('GET', path);
  }

  /**
   * Applies objects in their order, given as such or as YAML of any number of documents, as
   * `kubectl apply --server-side` does: unknown fields are refused. A `status` is written as a
   * controller would. Resolves with what the server made of them; a definition is served then.
   */
  async apply(
    manifest: string | KubeObject | readonly KubeObject[],
  ): Promise<readonly KubeObject[]> {
    const applied: KubeObject[] = [];
    for (const object of objectsOf(manifest)) {
      const query = `fieldManager=${MANAGER}&force=true&fieldValidation=Strict`;
      const path = await this.path(object);
      const patch = (body: unknown, part = '') =>
        this.send<KubeObject>('PATCH', `${path}${part}?${query}`, { body, type: APPLY_TYPE });
      const { status, ...rest } = object;
      let made = await patch(status === undefined ? object : rest);
      if (status !== undefined) made = await patch(object, '/status');
      if (object.kind === 'CustomResourceDefinition') await this.#served(object);
      applied.push(made);
    }
    return applied;
  }

  /** As `kubectl create` does: unknown fields are refused, and so is an object that is there already. */
  async create(object: KubeObject): Promise<KubeObject> {
    const path = (await this.path(object)).replace(/\/[^/]+$/, '');
    const query = `fieldManager=${MANAGER}&fieldValidation=Strict`;
    return this.send('POST', `${path}?${query}`, { body: object });
  }

  /** Deletes an object; a {@link KubeError} of code 404 where there is none. */
  async delete(object: KubeObject): Promise<void> {
    await this.send('DELETE', await this.path(object));
  }

  /** Where that object is, or would be. */
  async path({ apiVersion, kind, metadata }: KubeObject): Promise<string> {
    const group = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { resources } = await this.get<{ resources: readonly Resource[] }>(group);
    const found = resources.find(({ kind: other, name }) => other === kind && !name.includes('/'));
    if (found === undefined) throw new Error(`the server has no ${kind} in ${apiVersion}`);
    const namespace = found.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${group}${namespace}/${found.name}/${metadata.name}`;
  }

  /** A collection as `kubectl get` would print it. */
  async table(path: string): Promise<KubeTable> {
    const accept = `${JSON_TYPE};as=Table;v=v1;g=meta.k8s.io`;
    const { columnDefinitions, rows } = await this.send<{
      columnDefinitions: readonly { name: string; priority: number }[];
      rows: readonly { cells: readonly unknown[] }[];
    }>('GET', path, { accept });
    const shown = columnDefinitions.map(({ priority }) => priority === 0);
    return {
      columns: columnDefinitions.filter((_, i) => shown[i]).map(({ name }) => name),
      rows: rows.map(({ cells }) => cells.filter((_, i) => shown[i]).map(String)),
    };
  }

  /** Events of a collection from a resourceVersion on, until the server ends it; a lost connection is thrown. */
  async *watch(
    path: string,
    { resourceVersion }: { readonly resourceVersion: string },
  ): AsyncGenerator<WatchEvent, void, undefined> {
    const query = `${path.includes('?') ? '&' : '?'}watch=1&resourceVersion=${resourceVersion}`;
    const response = await this.#request('GET', `${path}${query}`, {});
    let rest = '';
    for await (const chunk of response.setEncoding('utf8')) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line) as WatchEvent;
    }
  }

  /** A call of the API; the answer's body, parsed. Rejects with a {@link KubeError} where it is refused. */
  async send<T>(method: string, path: string, sending: Sending = {}): Promise<T> {
    const response = await this.#request(method, path, sending);
    return JSON.parse(await textOf(response)) as T;
  }

  /** What a path that is no object of the API answers: `/readyz`, `/metrics`. */
  async text(path: string): Promise<string> {
    return textOf(await this.#request('GET', path, { accept: '*/*' }));
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #served({ spec }: KubeObject): Promise<void> {
    const { group, names, versions } = spec as {
      group: string;
      names: { plural: string };
      versions: readonly { name: string; served: boolean }[];
    };
    for (const { name } of versions.filter(({ served }) => served)) {
      await until(() => this.list(`/apis/${group}/${name}/${names.plural}`), {
        what: `${names.plural}.${group} is served`,
      });
    }
  }

  /** As client libraries do, comes again after `429` when the server says: its caches are being filled. */
  async #request(method: string, path: string, sending: Sending): Promise<IncomingMessage> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.#once(method, path, sending);
      const { statusCode: code = 0, headers } = response;
      if (code < 300) return response;
      const refusal = await textOf(response);
      const seconds = Number(headers['retry-after']);
      if (code !== 429 || !(seconds > 0) || attempt === ATTEMPTS) {
        throw refused(`${method} ${path}`, code, refusal);
      }
      await pause(seconds * 1000);
    }
  }

  #once(method: string, path: string, sending: Sending): Promise<IncomingMessage> {
    const { body, type = JSON_TYPE, accept = JSON_TYPE } = sending;
    const { token } = this.credentials;
    return new Promise((resolve, reject) => {
      const sent = request({
        ...{ socketPath: this.socket, agent: this.#agent, method, path },
        headers: {
          accept,
          ...(body === undefined ? {} : { 'content-type': type }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      });
      sent.on('response', resolve).on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function refused(what: string, code: number, body: string): KubeError {
  try {
    const { reason = '', message = '' } = JSON.parse(body) as { reason?: string; message?: string };
    return new KubeError(what, code, reason, message);
  } catch {
    return new KubeError(what, code, '', body);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  return (await response.setEncoding('utf8').toArray()).join('');
}

function objectsOf(manifest: string | KubeObject | readonly KubeObject[]): readonly KubeObject[] {
  if (typeof manifest !== 'string') return [manifest].flat() as readonly KubeObject[];
  return parseAllDocuments(manifest).flatMap((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) throw fault;
    return (document.toJS() as KubeObject | null) ?? [];
  });
}
