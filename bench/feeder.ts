/**
 * The router that feeds every contestant: a process of its own, with the bytes of
 * its whole table built before any clock starts. `test/support/feeder.ts` is told
 * what to announce and encodes it then; this one only writes.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Family } from '../src/net/family.js';
import type { Netns } from '../test/support/netns.js';

/** Part of a feeder's table: {@link fullTable} of that size. */
export interface Feed {
  readonly family: Family;
  readonly count: number;
  readonly nextHop: string;
}

export interface FeederSetting {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly localAs: number;
  readonly feeds: readonly Feed[];
}

/**
 * Changes of whole sets of the first feed's table, one UPDATE each, evenly over
 * the time. Each goes on in the table where the last one ended.
 */
export interface Churn {
  /** At least so many prefixes. */
  readonly changes: number;
  readonly changesASecond: number;
  /** Announced with this next hop from now on. */
  readonly nextHop: string;
}

/** One UPDATE of a {@link Churn}. */
export interface Change {
  /** CLOCK_MONOTONIC just before it was written, ns. */
  readonly at: bigint;
  readonly prefixes: readonly string[];
}

export type FeederCommand =
  /** Until established; then the table and End-of-RIB at once where `table` says so. */
  | { readonly do: 'connect'; readonly table: boolean }
  | { readonly do: 'table' }
  | { readonly do: 'churn'; readonly churn: Churn }
  /** Loses the connection without a word. */
  | { readonly do: 'drop' };

export interface FeederRequest {
  readonly id: number;
  readonly command: FeederCommand;
}

export type FeederReply =
  | { readonly id: number; readonly changes: readonly Change[] }
  | { readonly id: number; readonly error: string };

const PROGRAM = fileURLToPath(new URL('./feeder-process.ts', import.meta.url));

export class BenchFeeder implements AsyncDisposable {
  readonly #waiting = new Map<number, (reply: FeederReply) => void>();
  #serial = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (reply: FeederReply) => {
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    child.once('exit', () => {
      for (const [id, settle] of this.#waiting) settle({ id, error: 'the feeder has ended' });
      this.#waiting.clear();
    });
  }

  /** Resolves once its bytes are built; it calls nobody yet. */
  static async start(netns: Netns, setting: FeederSetting): Promise<BenchFeeder> {
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), PROGRAM];
    const child = netns.spawn([...command, JSON.stringify(setting)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    const [ready] = await Promise.race([once(child, 'message'), once(child, 'exit')]);
    if (ready !== 'ready') throw new Error('the feeder ended before its table was built');
    return new BenchFeeder(child);
  }

  /** Resolves once the session is established; nothing is announced yet. */
  async connect(): Promise<void> {
    await this.#ask({ do: 'connect', table: false });
  }

  /** As a router does whose peer is back: the table follows the session at once. Resolves with when, CLOCK_MONOTONIC in ns. */
  async connectAndFeed(): Promise<bigint> {
    return first(await this.#ask({ do: 'connect', table: true }));
  }

  /** The whole table and End-of-RIB. Resolves with when its first byte was written, CLOCK_MONOTONIC in ns. */
  async feed(): Promise<bigint> {
    return first(await this.#ask({ do: 'table' }));
  }

  /** Resolves once all changes are written. */
  churn(churn: Churn): Promise<readonly Change[]> {
    return this.#ask({ do: 'churn', churn });
  }

  /** Resolves with when the connection was closed, CLOCK_MONOTONIC in ns; nothing where there is none. */
  async drop(): Promise<bigint> {
    return first(await this.#ask({ do: 'drop' }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  async #ask(command: FeederCommand): Promise<readonly Change[]> {
    const id = ++this.#serial;
    const reply = await new Promise<FeederReply>((resolve) => {
      this.#waiting.set(id, resolve);
      this.child.send({ id, command } satisfies FeederRequest, (error) => {
        if (error !== null) resolve({ id, error: error.message });
      });
    });
    if ('error' in reply) throw new Error(`feeder: ${command.do}: ${reply.error}`);
    return reply.changes;
  }
}

function first(changes: readonly Change[]): bigint {
  const [change] = changes;
  if (change === undefined) throw new Error('the feeder does not say when');
  return change.at;
}
