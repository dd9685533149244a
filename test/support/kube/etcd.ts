/** Debian's etcd, alone, on the loopback of a namespace; what it holds goes with its directory. */
import { request } from 'node:http';
import { join } from 'node:path';
import type { Netns } from '../netns.js';
import { until } from '../wait.js';
import { type LoggedProcess, startLogged } from './logged-process.js';
import { ETCD } from './programs.js';

export const ETCD_ADDRESS = { host: '127.0.0.1', port: 2379 } as const;
const CLIENTS = 'http://127.0.0.1:2379';
const PEERS = 'http://127.0.0.1:2380';

export class Etcd implements AsyncDisposable {
  private constructor(
    private readonly child: LoggedProcess,
    private readonly socket: string,
  ) {}

  /** @param socket a unix socket that leads to {@link ETCD_ADDRESS} in that namespace. */
  static async start(netns: Netns, directory: string, socket: string): Promise<Etcd> {
    const command = [
      ...[ETCD, '--data-dir', join(directory, 'etcd'), '--unsafe-no-fsync'],
      ...['--listen-client-urls', CLIENTS, '--advertise-client-urls', CLIENTS],
      ...['--listen-peer-urls', PEERS, '--initial-advertise-peer-urls', PEERS],
      ...['--initial-cluster', `default=${PEERS}`, '--logger', 'zap', '--log-level', 'warn'],
    ];
    const child = startLogged(netns, command, join(directory, 'etcd.log'));
    const etcd = new Etcd(child, socket);
    await until(
      async () => {
        await child.mustRun();
        return (await etcd.revision()) > 0;
      },
      { what: 'etcd answers', deadlineMs: 30_000, everyMs: 50 },
    );
    return etcd;
  }

  /** The revision of the last write: what Kubernetes calls resourceVersion. */
  async revision(): Promise<number> {
    const { header } = await this.#post('kv/range', { key: 'YQ==' });
    return Number(header?.revision);
  }

  /** Forgets all that was before the present revision, and gives that. */
  async compact(): Promise<number> {
    const revision = await this.revision();
    await this.#post('kv/compaction', { revision: String(revision), physical: true });
    return revision;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop('SIGKILL');
  }

  /** etcd's own JSON gateway; rejects with what it says is wrong. */
  #post(call: string, body: unknown): Promise<{ header?: { revision: string } }> {
    return new Promise((resolve, reject) => {
      const call3 = { socketPath: this.socket, method: 'POST', path: `/v3/${call}` };
      const sent = request(call3, async (response) => {
        response.setEncoding('utf8').on('error', reject);
        const text = (await response.toArray()).join('');
        if (response.statusCode === 200) resolve(JSON.parse(text));
        else reject(new Error(`etcd ${call}: ${text}`));
      });
      sent.on('error', reject).end(JSON.stringify(body));
    });
  }
}
