/** A source `fpm` that runs over real TCP, what it said, and zebras to speak to it; time is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Family } from '../../../../src/net/family.js';
import { nextHopText } from '../../../../src/rib/path.js';
import { createFpmSource } from '../../../../src/source/fpm/fpm-source.js';
import type { FpmNode } from '../../../../src/source/fpm/node.js';
import type { SourceEvent } from '../../../../src/source/source.js';
import { until } from '../../../support/wait.js';
import { FakeClock } from '../fake-clock.js';

/** Nobody listens there now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface Given {
  readonly tables?: readonly number[];
  readonly node?: Partial<FpmNode>;
  readonly syncTimeout?: number;
}

export class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly told: string[] = [];
  readonly warnings: string[] = [];
  readonly #stop = new AbortController();
  readonly #sockets: Socket[] = [];

  private constructor(
    readonly port: number,
    given: Given,
  ) {
    const log = { debug() {}, info() {}, warn: this.#warn, error() {} };
    this.source = createFpmSource({
      config: { listen: { host: '127.0.0.1', port }, tables: given.tables ?? [254] },
      syncTimeout: given.syncTimeout ?? 60_000,
      node: {
        interfaces: async () => new Map([[2, 'eth1']]),
        routes: async () => [],
        ...given.node,
      },
      clock: this.clock,
      log,
    });
    this.#done = this.#consume();
  }

  readonly source;
  readonly #done: Promise<void>;

  static async start(given: Given = {}): Promise<Scene> {
    const scene = new Scene(await freePort(), given);
    await until(() => scene.complaint().includes('no zebra'), { what: 'it listens' });
    return scene;
  }

  static async startAt(port: number): Promise<Scene> {
    return new Scene(port, {});
  }

  complaint(): string {
    const state = this.source.state();
    return state.state === 'connecting' ? (state.lastError ?? '') : '';
  }

  async zebra(...bytes: readonly Buffer[]): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1');
    this.#sockets.push(socket);
    socket.on('error', () => {}); // Being turned away is what some tests wait for.
    await once(socket, 'connect');
    for (const each of bytes) socket.write(each);
    return socket;
  }

  /** Resolves once this has been said. */
  async says(...words: string[]): Promise<void> {
    await until(
      () => {
        assert.deepEqual(this.told, words);
        return true;
      },
      { what: words.join(', ') },
    );
  }

  async is(state: string): Promise<void> {
    await until(() => this.source.state().state === state, { what: `it is ${state}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#stop.abort();
    await this.#done;
  }

  readonly #warn = (_: object, message: string): void => void this.warnings.push(message);

  async #consume(): Promise<void> {
    for await (const events of this.source.events(this.#stop.signal)) {
      for (const event of events) this.told.push(...wordsOf(event));
    }
  }
}

function wordsOf(event: SourceEvent): string[] {
  switch (event.type) {
    case 'updates':
      return event.updates.map(
        ({ prefix: { text }, paths }) =>
          `${text} ${paths.map(({ nextHop }) => nextHopText(nextHop)).join('+') || 'gone'}`,
      );
    case 'synced':
      return [event.family satisfies Family];
    default:
      return [event.type];
  }
}

/** Resolves once the other side has closed it. */
export async function ended(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
}
