/** The peers of table.ts, each with a session to every port that is called, in one process of their own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SpeakerOptions } from '../support/feeder-protocol.js';
import type { Netns } from '../support/netns.js';
import type { RouteSet } from '../support/routes.js';
import type { PeersReply, PeersRequest } from './peers-process.js';
import { NODE_AS, PEERS } from './table.js';

const PROGRAM = fileURLToPath(new URL('./peers-process.ts', import.meta.url));

export class Peers implements AsyncDisposable {
  private constructor(private readonly child: ChildProcess) {}

  /** Resolves once every session is up: somebody listens at each of the ports of `node`. */
  static async start(netns: Netns, node: string, ports: readonly number[]): Promise<Peers> {
    const sessions = PEERS.map(({ address, as, routerId }) =>
      ports.map(
        (peerPort): SpeakerOptions => ({
          ...{ localAddress: address, peerAddress: node, peerPort, localAs: as, peerAs: NODE_AS },
          ...{ routerId, holdTime: 90, families: ['ipv4'], addPath: false },
          ...{ gracefulRestart: undefined, endOfRib: 'auto' },
        }),
      ),
    );
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), PROGRAM];
    const child = netns.spawn([...command, JSON.stringify(sessions)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    const peers = new Peers(child);
    try {
      await peers.#ask({ announce: undefined });
    } catch (error) {
      await peers[Symbol.asyncDispose]();
      throw error;
    }
    return peers;
  }

  /** Resolves once the bytes are with the kernel, in every session of the peer. */
  announce(peer: number, sets: readonly RouteSet[]): Promise<void> {
    return this.#ask({ announce: { peer, sets } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  /** One at a time. */
  async #ask(request: PeersRequest): Promise<void> {
    const ended = new AbortController();
    this.child.once('exit', () => ended.abort(new Error('the peers have ended')));
    const answered = once(this.child, 'message', { signal: ended.signal });
    this.child.send(request);
    const [{ error }] = (await answered) as [PeersReply];
    if (error !== undefined) throw new Error(`peers: ${error}`);
  }
}
