/** BGP sessions to a daemon that announce nothing, and keep what it says: how the codec's corpus is captured. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Capability } from '../../src/source/bgp/message/message.js';
import type { Netns } from './netns.js';
import { until } from './wait.js';

export interface RecorderSession {
  readonly name: string;
  /** IPv4; the router id too. */
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly as: number;
  /** None of type `unknown`: they travel as JSON. */
  readonly capabilities: readonly Capability[];
}

/** Every message of a session in hexadecimal, the peer's OPEN first. */
export interface RecordedSession {
  readonly name: string;
  readonly ended: boolean;
  readonly messages: readonly string[];
}

export type RecorderCommand = { readonly id: number } & (
  | { readonly do: 'tell' }
  | { readonly do: 'refresh'; readonly afi: number }
);

export interface RecorderReply {
  readonly id: number;
  readonly sessions: readonly RecordedSession[];
}

type Order = RecorderCommand extends infer C ? (C extends unknown ? Omit<C, 'id'> : never) : never;

const PROGRAM = fileURLToPath(new URL('./recorder-process.ts', import.meta.url));
const QUIET_MS = 3000;

export class Recorder implements AsyncDisposable {
  #serial = 0;

  private constructor(private readonly child: ChildProcess) {}

  /** Starts the sessions; they open by themselves once the peer is there. */
  static start(netns: Netns, sessions: readonly RecorderSession[]): Recorder {
    const command = [process.execPath, '--import', 'tsx', PROGRAM, JSON.stringify(sessions)];
    const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const;
    return new Recorder(netns.spawn(command, { stdio: [...stdio] }));
  }

  sessions(): Promise<readonly RecordedSession[]> {
    return this.#ask({ do: 'tell' });
  }

  /** Asks every peer for its routes again (RFC 2918). */
  async refresh(afi: number): Promise<void> {
    await this.#ask({ do: 'refresh', afi });
  }

  /** Resolves once every session has at least `least` messages, and nothing has come for a while. */
  async quiet(least: number): Promise<void> {
    let before = '';
    let since = Date.now();
    await until(
      async () => {
        const sessions = await this.sessions();
        const updates = sessions.map(({ messages }) => messages.filter((one) => !isKeepalive(one)));
        const now = JSON.stringify(updates);
        if (now !== before || updates.some(({ length }) => length < least)) since = Date.now();
        before = now;
        return Date.now() - since >= QUIET_MS;
      },
      {
        what: `${least} messages in every session, and then silence`,
        deadlineMs: 60_000,
        everyMs: 200,
      },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.disconnect();
    await exit;
  }

  async #ask(command: Order): Promise<readonly RecordedSession[]> {
    const id = ++this.#serial;
    const answer = new Promise<readonly RecordedSession[]>((resolve, reject) => {
      const end = () => reject(new Error('the recorder has ended'));
      const listen = (reply: RecorderReply) => {
        if (reply.id !== id) return;
        this.child.off('message', listen);
        this.child.off('exit', end);
        resolve(reply.sessions);
      };
      this.child.on('message', listen);
      this.child.once('exit', end);
    });
    this.child.send({ id, ...command });
    return answer;
  }
}

function isKeepalive(hex: string): boolean {
  return hex.endsWith('001304') && hex.length === 38;
}
