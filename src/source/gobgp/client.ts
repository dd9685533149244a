/**
 * One connection to gobgpd's gRPC API. Calls resolve or reject with
 * {@link GobgpError}, or at once with the reason of the connection's signal;
 * routes are handed over as undecoded messages. A stream may be kept waiting:
 * Node gives the connection's window back as data arrives, so that only the
 * stream's own fills, and answers come through beside it.
 */
import { fileURLToPath } from 'node:url';
import {
  type ChannelCredentials,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import type { Clock } from '../../clock.js';
import type { Family } from '../../net/family.js';
import type { Prefix } from '../../net/prefix.js';
import type { GlobalMessage, GobgpApi, PeerMessage } from './api.js';
import { apiV3 } from './api-v3.js';
import { apiV4 } from './api-v4.js';
import { diagnose } from './diagnose.js';
import type { Endpoint } from './endpoint.js';
import { GobgpError } from './gobgp-error.js';

/** For the first call on a new connection. */
const CONNECT_DEADLINE_MS = 5000;
/** For the others: gobgpd answers none of them while it works on a large table. */
const CALL_DEADLINE_MS = 30_000;

const CHANNEL_OPTIONS = {
  // The dump of a server that does not batch, and any list, may be one large message.
  'grpc.max_receive_message_length': -1,
  // gobgpd answers pings more frequent than every 5 minutes with GOAWAY too_many_pings.
  'grpc.keepalive_time_ms': 330_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.enable_http_proxy': 0,
  'grpc.enable_retries': 0,
  // HTTP/2's 64 KiB would have the server wait for us on every few hundred routes.
  'grpc-node.flow_control_window': 4 << 20,
  // A connection, and its back-off, of its own; none is left over from an earlier attempt.
  'grpc.use_local_subchannel_pool': 1,
};

/** Methods are called by name, and typed where they are called. */
type Method = MethodDefinition<object, object>;

/** Takes one message of a stream; where it returns a promise, the next is read once that has resolved. */
export type Take<Message> = (message: Message) => Promise<void> | undefined;

export class GobgpClient {
  readonly #service: ServiceDefinition;

  private constructor(
    readonly api: GobgpApi,
    private readonly client: Client,
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
  ) {
    this.#service = loadService(api);
  }

  /**
   * Connects and finds out which API is spoken. Rejects with a GobgpError that
   * says why it is not possible, or with the signal's reason. The signal is
   * the connection's life: when it aborts, whatever call runs ends then.
   */
  static async connect(
    endpoint: Endpoint,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<GobgpClient> {
    const channel = new Client(target(endpoint), credentialsOf(endpoint), CHANNEL_OPTIONS);
    try {
      for (const api of [apiV4, apiV3]) {
        const client = new GobgpClient(api, channel, clock, signal);
        if (await client.#answers()) return client;
      }
      throw new GobgpError('not-gobgp', `${endpoint.address} answers gRPC, but is not GoBGP`);
    } catch (error) {
      channel.close();
      if (error instanceof GobgpError && error.kind === 'broken') {
        const message =
          (await diagnose(endpoint, signal)) ?? `${endpoint.address}: ${error.message}`;
        throw new GobgpError('unreachable', message, { cause: error });
      }
      throw error;
    }
  }

  close(): void {
    this.client.close();
  }

  async getBgp(): Promise<GlobalMessage> {
    const { global } = await this.#unary<{ global: GlobalMessage | null }>('GetBgp', {});
    return global ?? { asn: 0, useMultiplePaths: false, confederation: null };
  }

  async listPeers(): Promise<readonly PeerMessage[]> {
    const method = this.#method('ListPeer');
    const peers: PeerMessage[] = [];
    const take = (message: object) => {
      const { peer } = message as { peer: PeerMessage | null };
      if (peer !== null) peers.push(peer);
      return undefined;
    };
    const { responseDeserialize } = method;
    await this.#stream('ListPeer', {}, responseDeserialize, take, CALL_DEADLINE_MS);
    return peers;
  }

  async disablePeer(address: string, communication: string): Promise<void> {
    await this.#unary('DisablePeer', { address, communication });
  }

  async enablePeer(address: string): Promise<void> {
    await this.#unary('EnablePeer', { address });
  }

  /** ListPathResponses of the global table, one a prefix; without `prefixes`, of every one. */
  listPaths(
    family: Family,
    prefixes: readonly Prefix[] | undefined,
    take: Take<Buffer>,
  ): Promise<void> {
    const request = this.api.listRequest(family, prefixes);
    return this.#stream('ListPath', request, asBytes, take);
  }

  /** WatchEventResponses; resolves when the server ends the stream. */
  watch(paths: 'best' | 'all', take: Take<Buffer>): Promise<void> {
    const request = this.api.watchRequest(paths);
    return this.#stream('WatchEvent', request, asBytes, take);
  }

  /** Whether this API is implemented there. */
  async #answers(): Promise<boolean> {
    try {
      await this.#unary('GetBgp', {}, CONNECT_DEADLINE_MS);
      return true;
    } catch (error) {
      if (error instanceof GobgpError && isUnimplemented(error.cause)) return false;
      throw error;
    }
  }

  #unary<Response>(
    name: string,
    request: object,
    deadlineMs = CALL_DEADLINE_MS,
  ): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = this.#method(name);
    return this.#call((resolve, reject) =>
      this.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        new Metadata(),
        { deadline: this.#deadline(deadlineMs) },
        (error, response) => {
          if (error === null) resolve(response as Response);
          else reject(callError(name, error));
        },
      ),
    );
  }

  #stream<Message>(
    name: string,
    request: object,
    deserialize: (bytes: Buffer) => Message,
    take: Take<Message>,
    deadlineMs?: number,
  ): Promise<void> {
    const { path, requestSerialize } = this.#method(name);
    return this.#call((resolve, reject) => {
      const stream: ClientReadableStream<Message> = this.client.makeServerStreamRequest(
        path,
        requestSerialize,
        deserialize,
        request,
        new Metadata(),
        deadlineMs === undefined ? {} : { deadline: this.#deadline(deadlineMs) },
      );
      stream.on('data', (message: Message) => {
        if (this.signal.aborted) return;
        try {
          const room = take(message);
          if (room === undefined) return;
          stream.pause();
          room.then(() => stream.resume(), reject);
        } catch (error) {
          reject(error);
          stream.cancel();
        }
      });
      stream.once('end', () => resolve());
      stream.on('error', (error: ServiceError) => reject(callError(name, error)));
      return stream;
    });
  }

  /** Runs one call, at the longest until the connection's signal aborts. */
  async #call<T>(
    begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => { cancel(): void },
  ): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    let end: (() => void) | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const call = begin(resolve, reject);
        end = () => {
          reject(signal.reason);
          call.cancel();
        };
        signal.addEventListener('abort', end, { once: true });
      });
    } finally {
      if (end !== undefined) signal.removeEventListener('abort', end);
    }
  }

  /** gRPC takes deadlines by the wall clock, and turns them into a timer at once. */
  #deadline(ms: number): number {
    return this.clock.now() + ms;
  }

  #method(name: string): Method {
    const method = this.#service[name];
    if (method === undefined) throw new Error(`${this.api.proto} has no ${name}`);
    return method;
  }
}

const asBytes = (bytes: Buffer) => bytes;

const services = new Map<string, ServiceDefinition>();

function loadService({ proto, service }: GobgpApi): ServiceDefinition {
  const loaded = services.get(proto);
  if (loaded !== undefined) return loaded;
  const file = fileURLToPath(new URL(`../../../proto/${proto}`, import.meta.url));
  const definition = loadSync(file, { longs: Number, defaults: true })[
    service
  ] as ServiceDefinition;
  services.set(proto, definition);
  return definition;
}

function target({ dial, address }: Endpoint): string {
  return 'path' in dial ? `unix:${dial.path}` : address;
}

function channelCredentials({ tls }: Endpoint): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}

function callError(name: string, error: ServiceError): GobgpError {
  const code = (status[error.code] ?? 'unknown').toLowerCase().replaceAll('_', ' ');
  // grpc-js dates its connection errors, which would make every one a new one.
  const details = error.details.replace(/ \(\d{4}-[^)]*\)/, '').replace(/ Resolution note:.*$/, '');
  const message =
    details === 'Connection dropped'
      ? 'gobgpd closed the connection'
      : `gobgpd: ${name}: ${details} (${code})`;
  return new GobgpError('broken', message, { cause: error });
}

function isUnimplemented(error: unknown): boolean {
  return (error as ServiceError | undefined)?.code === status.UNIMPLEMENTED;
}

/** OpenSSL's words name no file: a certificate that does not fit its key, or is none, is told as such and tried again. */
function credentialsOf(endpoint: Endpoint): ChannelCredentials {
  try {
    return channelCredentials(endpoint);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new GobgpError('tls-files', `source.gobgp.tls (ca, cert, key): ${words}`, {
      cause: error,
    });
  }
}
