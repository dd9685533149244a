/**
 * The project's own BGP router for tests: a process in a namespace that opens
 * one session and announces what it is told. Several feeders with several local
 * addresses are several peers.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Family } from '../../src/net/family.js';
import type {
  Command,
  Reply,
  Request,
  Sent,
  SpeakerOptions,
  SpeakerState,
} from './feeder-protocol.js';
import { here, type Netns } from './netns.js';
import type { RouteOptions, RouteSet } from './routes.js';
import { until } from './wait.js';

export interface FeederOptions {
  readonly netns?: Netns;
  /** Own address, also the default router id (IPv4) and what the peer is configured with. */
  readonly localAddress: string;
  readonly peerAddress: string;
  /** Default 179. */
  readonly peerPort?: number;
  readonly localAs: number;
  /** Equal to `localAs`: an internal session, which carries local-pref. */
  readonly peerAs: number;
  readonly routerId?: string;
  /** Seconds. Default 90. */
  readonly holdTime?: number;
  /** Default both. */
  readonly families?: readonly Family[];
  /** Offer several paths of a prefix, announced as `10.1.0.0/16#1`, `10.1.0.0/16#2`. Default false. */
  readonly addPath?: boolean;
  readonly gracefulRestart?: { readonly restartTime: number };
  /** Default `auto`: End-of-RIB follows the routes known when the session opens. */
  readonly endOfRib?: 'auto' | 'manual';
  /** Resolve without waiting for the session. Default false. */
  readonly detached?: boolean;
}

const PROGRAM = fileURLToPath(new URL('./feeder-process.ts', import.meta.url));

export class Feeder implements AsyncDisposable {
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #serial = 0;

  constructor(
    readonly options: FeederOptions,
    private readonly child: ChildProcess,
  ) {
    child.on('message', (reply: Reply) => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    child.once('exit', () => {
      for (const [id, settle] of this.#waiting) settle({ id, error: 'the feeder has ended' });
      this.#waiting.clear();
    });
  }

  /**
   * Announces, or announces anew with other attributes; kept, and said again in
   * every later session. A set is of one family. Resolves once the bytes are
   * with the kernel, or at once while no session is up.
   */
  announce(sets: readonly RouteSet[]): Promise<Sent> {
    return this.#ask({ do: 'announce', sets });
  }

  /** `announce(routes(count, options))`, made in the feeder's own process: for large counts. */
  announceGenerated(count: number, options: RouteOptions): Promise<Sent> {
    return this.#ask({ do: 'announce-generated', count, options });
  }

  withdraw(prefixes: readonly string[] | 'all'): Promise<Sent> {
    return this.#ask({ do: 'withdraw', prefixes });
  }

  /** For `endOfRib: 'manual'`: both families' marks. */
  endOfRib(): Promise<Sent> {
    return this.#ask({ do: 'end-of-rib' });
  }

  /** Loses the TCP connection without a NOTIFICATION, and stays away until {@link connect}. */
  drop(): Promise<Sent> {
    return this.#ask({ do: 'drop' });
  }

  /** Ends the session with NOTIFICATION cease, and stays away until {@link connect}. */
  close(): Promise<Sent> {
    return this.#ask({ do: 'close' });
  }

  /** Comes back after {@link drop} or {@link close}; resolves once established (gobgpd idles 5 s first). */
  async connect(): Promise<void> {
    await this.#ask({ do: 'connect' });
    await this.established();
  }

  async state(): Promise<SpeakerState> {
    return (await this.#request({ do: 'state' })).state;
  }

  async established(deadlineMs = 30_000): Promise<void> {
    const { localAddress, peerAddress } = this.options;
    await until(async () => (await this.state()).established, {
      what: `BGP session ${localAddress} to ${peerAddress}`,
      deadlineMs,
    });
  }

  /** Kills the process: the peer sees the connection end. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  async #ask(command: Command): Promise<Sent> {
    return (await this.#request(command)).sent;
  }

  async #request(command: Command): Promise<Extract<Reply, { sent: Sent }>> {
    const id = ++this.#serial;
    const reply = await new Promise<Reply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.child.send({ id, command } satisfies Request, (error) => {
        if (error !== null) resolve({ id, error: error.message });
      });
    });
    if ('error' in reply) throw new Error(`feeder: ${command.do}: ${reply.error}`);
    return reply;
  }
}

/** Starts a feeder and resolves once its session is established (unless `detached`). */
export async function startFeeder(options: FeederOptions): Promise<Feeder> {
  const { localAddress, peerAddress, localAs, peerAs } = options;
  const speaker: SpeakerOptions = {
    localAddress,
    peerAddress,
    peerPort: options.peerPort ?? 179,
    localAs,
    peerAs,
    routerId: options.routerId ?? (localAddress.includes(':') ? '10.255.255.2' : localAddress),
    holdTime: options.holdTime ?? 90,
    families: options.families ?? ['ipv4', 'ipv6'],
    addPath: options.addPath ?? false,
    gracefulRestart: options.gracefulRestart,
    endOfRib: options.endOfRib ?? 'auto',
  };
  const command = [process.execPath, '--import', import.meta.resolve('tsx'), PROGRAM];
  const child = (options.netns ?? here).spawn([...command, JSON.stringify(speaker)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const feeder = new Feeder(options, child);
  try {
    if (options.detached !== true) await feeder.established();
  } catch (error) {
    await feeder[Symbol.asyncDispose]();
    throw error;
  }
  return feeder;
}
