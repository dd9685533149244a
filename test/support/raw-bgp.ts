/** A BGP peer octet by octet: what no well-behaved speaker would do, from within a namespace. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { keepalive, MESSAGE, MessageReader, type OpenOptions, open } from './bgp-wire.js';
import type { Netns } from './netns.js';
import { until } from './wait.js';

export type RawRequest = { readonly id: number } & (
  | {
      readonly do: 'connect';
      readonly host: string;
      readonly port: number;
      readonly localAddress: string;
      readonly reads: boolean;
    }
  /** The ids of those that call are counted down from -1, over all listeners. */
  | { readonly do: 'listen'; readonly host: string; readonly port: number }
  | { readonly do: 'send'; readonly bytes: Buffer }
  /** RST. */
  | { readonly do: 'reset' }
  /** FIN. */
  | { readonly do: 'end' }
);

export type RawEvent = { readonly id: number } & (
  | { readonly event: 'connected' | 'closed' | 'sent' | 'listening' }
  /** `id` is the listener's. */
  | { readonly event: 'called'; readonly connection: number; readonly remote: string | undefined }
  | { readonly event: 'error'; readonly reason: string }
  | { readonly event: 'data'; readonly chunk: Buffer }
);

const PROGRAM = fileURLToPath(new URL('./raw-bgp-process.ts', import.meta.url));

/** All connections from one process in the namespace; they end with it. */
export class RawBgp implements AsyncDisposable {
  readonly #connections = new Map<number, RawConnection>();
  /** By the listener's id: who has called, and has not been asked for yet. */
  readonly #calls = new Map<number, RawConnection[]>();
  readonly #listening = new Set<number>();
  #serial = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (event: RawEvent) => this.#hear(event));
  }

  #hear(event: RawEvent): void {
    const { id } = event;
    if (event.event === 'listening') this.#listening.add(id);
    if (event.event === 'called') {
      const connection = this.#connection(event.connection);
      connection.state = 'open';
      connection.remote = event.remote;
      this.#calls.get(id)?.push(connection);
    } else this.#connections.get(id)?.hear(event);
  }

  #connection(id: number): RawConnection {
    const connection = new RawConnection((request) => this.child.send({ id, ...request }));
    this.#connections.set(id, connection);
    return connection;
  }

  static start(netns: Netns): RawBgp {
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), PROGRAM];
    return new RawBgp(
      netns.spawn(command, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        serialization: 'advanced',
      }),
    );
  }

  /** `reads`: false is a peer that never takes an octet. */
  async connect(
    localAddress: string,
    host: string,
    { port = 179, reads = true }: { readonly port?: number; readonly reads?: boolean } = {},
  ): Promise<RawConnection> {
    const id = ++this.#serial;
    const connection = this.#connection(id);
    this.child.send({ id, do: 'connect', host, port, localAddress, reads } satisfies RawRequest);
    await until(() => connection.state !== 'connecting', { what: `${localAddress} calls ${host}` });
    return connection;
  }

  /** Waits to be called; each call of the answer gives the next that has called. */
  async listen(host: string, port = 179): Promise<() => Promise<RawConnection>> {
    const id = ++this.#serial;
    const calls: RawConnection[] = [];
    this.#calls.set(id, calls);
    this.child.send({ id, do: 'listen', host, port } satisfies RawRequest);
    await until(() => this.#listening.has(id), { what: `something listens at ${host}` });
    return async () => {
      await until(() => calls.length > 0, { what: `${host} is called`, deadlineMs: 40_000 });
      return calls.shift() as RawConnection;
    };
  }

  /** SIGKILL: the kernel ends its connections, where it can reach the other side. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }
}

type Order =
  | { readonly do: 'send'; readonly bytes: Buffer }
  | { readonly do: 'reset' }
  | { readonly do: 'end' };

export class RawConnection {
  state: 'connecting' | 'open' | 'closed' = 'connecting';
  /** Of one that has called: from where. */
  remote: string | undefined;
  /** Heard so far: `open`, `update`, `keepalive`, `notification 6/2 …data in hex`. */
  readonly heard: string[] = [];
  readonly #reader = new MessageReader();

  constructor(private readonly order: (order: Order) => void) {}

  hear(event: RawEvent): void {
    switch (event.event) {
      case 'connected':
        this.state = 'open';
        return;
      case 'closed':
        this.state = 'closed';
        return;
      case 'data':
        for (const { type, body } of this.#reader.push(event.chunk)) {
          this.heard.push(wordOf(type, body));
        }
        return;
      case 'error':
      case 'sent':
      case 'listening':
      case 'called':
        return;
    }
  }

  send(...bytes: readonly Buffer[]): void {
    this.order({ do: 'send', bytes: Buffer.concat(bytes) });
  }

  /** One octet at a time, with a pause behind each. */
  async trickle(bytes: Buffer, everyMs: number): Promise<void> {
    for (const octet of bytes) {
      this.send(Buffer.from([octet]));
      await pause(everyMs);
    }
  }

  /** OPEN and KEEPALIVE; resolves once the other side has said both. */
  async establish(options: Partial<OpenOptions> = {}): Promise<void> {
    this.send(rawOpen(options), keepalive());
    await this.hears('keepalive');
  }

  reset(): void {
    this.order({ do: 'reset' });
  }

  end(): void {
    this.order({ do: 'end' });
  }

  async hears(word: string, deadlineMs = 10_000): Promise<void> {
    await until(() => this.heard.some((one) => one === word || one.startsWith(`${word} `)), {
      what: `the peer is told ${word}; it was told ${this.heard.join(', ')}`,
      deadlineMs,
    });
  }

  async isClosed(deadlineMs = 10_000): Promise<void> {
    await until(() => this.state === 'closed', { what: 'the connection is closed', deadlineMs });
  }
}

/** Of AS 65001, router id 10.255.0.2, hold time 90 s. */
export function rawOpen(options: Partial<OpenOptions> = {}): Buffer {
  return open({
    ...{ as: 65001, holdTime: 90, routerId: '10.255.0.2', families: ['ipv4', 'ipv6'] },
    gracefulRestart: undefined,
    ...options,
  });
}

function wordOf(type: number, body: Buffer): string {
  if (type !== MESSAGE.notification) {
    return Object.entries(MESSAGE).find(([, code]) => code === type)?.[0] ?? `type ${type}`;
  }
  const data = body.toString('hex', 2);
  return `notification ${body[0]}/${body[1]}${data === '' ? '' : ` ${data}`}`;
}
