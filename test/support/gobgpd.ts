/** Real gobgpd daemons, of each version the project supports, in namespaces. */
import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Family } from '../../src/net/family.js';
import { scratchDirectory } from './leftovers.js';
import { here, type Netns } from './netns.js';
import { until } from './wait.js';

export type GobgpdVersion = '3.10' | '4.8';

/** Every e2e test runs against each of these. 3.10 speaks the v3 API, 4.8 the v4 one. */
export const GOBGPD_VERSIONS: readonly GobgpdVersion[] = ['3.10', '4.8'];

const PEERS: Readonly<Record<GobgpdVersion, string>> = {
  '3.10': fileURLToPath(new URL('../../.cache/peers/gobgp-3/usr/bin/', import.meta.url)),
  '4.8': fileURLToPath(new URL('../../.cache/peers/gobgp-4/usr/bin/', import.meta.url)),
};

/** Path of a program of that version, as `scripts/setup` unpacked it. */
export function gobgpBinary(version: GobgpdVersion, program: 'gobgpd' | 'gobgp'): string {
  return `${PEERS[version]}${program}`;
}

export interface NeighborOptions {
  readonly address: string;
  readonly as: number;
  /** Wait for the neighbour to connect. Default true: a feeder connects by itself. */
  readonly passive?: boolean;
  readonly localAddress?: string;
  readonly remotePort?: number;
  /** Default both. */
  readonly families?: readonly Family[];
  /** Seconds; absent: the capability is not offered. */
  readonly gracefulRestart?: { readonly restartTime: number };
  /** Seconds. Default 90. */
  readonly holdTime?: number;
  /** More keys of gobgpd's own `[[neighbors]]` table, merged over the above. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export interface GobgpdOptions {
  readonly version: GobgpdVersion;
  readonly netns?: Netns;
  /** 0 or absent: BGP is not started; the API answers all the same. */
  readonly as?: number;
  readonly routerId?: string;
  readonly neighbors?: readonly NeighborOptions[];
  /** Global use-multiple-paths. */
  readonly multipath?: boolean;
  /** BGP listening port. Default 179; -1: none. */
  readonly port?: number;
  /** Addresses BGP listens on. Default every one. */
  readonly listen?: readonly string[];
  /** Default `unix`. */
  readonly api?: 'unix' | { readonly host: string; readonly port: number };
  /** PEM files; `clientCa` (mutual TLS) needs 4.8. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
  /** Start with -r: tell the peers that this is a graceful restart. */
  readonly restarting?: boolean;
  /** More keys of gobgpd's own `[global]` table, merged over what the above make of it. */
  readonly global?: Readonly<Record<string, unknown>>;
  /** More keys of gobgpd's configuration, merged at the top level: policies and the like. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** What `gobgp neighbor -j` tells, of both versions, as far as tests look. */
export interface GobgpNeighbor {
  readonly address: string;
  readonly established: boolean;
  readonly received: number;
  readonly accepted: number;
}

export class Gobgpd implements AsyncDisposable {
  #child: ChildProcess | undefined;

  private constructor(
    readonly options: GobgpdOptions,
    private readonly scratch: ReturnType<typeof scratchDirectory>,
    readonly netns: Netns,
    /** As rib2fib's `source.gobgp.address` takes it: `unix:///…` or `host:port`. */
    readonly address: string,
  ) {}

  /** Writes the configuration, starts the daemon and resolves once its API answers. */
  static async start(options: GobgpdOptions): Promise<Gobgpd> {
    const scratch = scratchDirectory('gobgpd');
    const address =
      typeof options.api === 'object'
        ? `${options.api.host}:${options.api.port}`
        : `unix://${scratch.path}/api.sock`;
    const daemon = new Gobgpd(options, scratch, options.netns ?? here, address);
    try {
      await daemon.launch();
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    return daemon;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('gobgpd does not run');
    return pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The daemon's own log so far. */
  log(): Promise<string> {
    return readFile(join(this.scratch.path, 'log'), 'utf8');
  }

  /** Starts it, at first or after a stop, with the same configuration and API address. */
  async launch(change: Partial<GobgpdOptions> = {}): Promise<void> {
    if (this.#child !== undefined) throw new Error('gobgpd runs already');
    const options = { ...this.options, ...change };
    const config = join(this.scratch.path, 'gobgpd.json');
    await writeFile(config, JSON.stringify(configuration(options), null, 2));
    await rm(join(this.scratch.path, 'api.sock'), { force: true });
    const { tls } = options;
    const args = [
      ...((options.as ?? 0) === 0 ? [] : ['-t', 'json', '-f', config]),
      ...['-l', 'info', '-p', '--pprof-disable'],
      ...['--api-hosts', this.address],
      ...(options.restarting === true ? ['-r'] : []),
      ...(tls === undefined
        ? []
        : ['--tls', '--tls-cert-file', tls.cert, '--tls-key-file', tls.key]),
      ...(tls?.clientCa === undefined ? [] : ['--tls-client-ca-file', tls.clientCa]),
    ];
    const child = this.netns.spawn([gobgpBinary(options.version, 'gobgpd'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(join(this.scratch.path, 'log'), { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once('close', () => log.end());
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    this.#child = child;
    await until(
      async () => {
        if (!this.running) throw new Error(`gobgpd ended: ${(await this.log()).slice(-500)}`);
        if (tls === undefined) await this.cli('global', '-j');
        return true;
      },
      { what: `gobgpd ${options.version} answers at ${this.address}` },
    );
  }

  /** SIGTERM by default; resolves once it has ended. Idempotent. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGTERM') child.kill('SIGCONT');
    await exit;
  }

  /** SIGSTOP: alive, but nothing answers. */
  suspend(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  /** `gobgp ARGS` of the daemon's own version, over its plaintext API; resolves with stdout. */
  cli(...args: string[]): Promise<string> {
    const { api, version } = this.options;
    const where =
      typeof api === 'object'
        ? ['-u', api.host.replace(/^\[(.*)\]$/, '$1'), '-p', String(api.port)]
        : ['--target', this.address];
    const [file, ...rest] = this.netns.argv([gobgpBinary(version, 'gobgp'), ...where, ...args]);
    return new Promise((resolve, reject) => {
      execFile(file, rest, { maxBuffer: 1 << 30 }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`gobgp ${args.join(' ')}: ${stdout}${stderr}`.trim()));
      });
    });
  }

  /** `gobgp ARGS -j`, parsed; shapes differ by version. */
  async cliJson<T = unknown>(...args: string[]): Promise<T> {
    return JSON.parse(await this.cli(...args, '-j')) as T;
  }

  /** Peers with their session's state and the counts of one family as `gobgp neighbor` prints them. */
  async neighbors(): Promise<readonly GobgpNeighbor[]> {
    const table = await this.cli('neighbor');
    return table
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const match = /^(\S+)\s+\d+\s+.*?(\w+)\S*\s*\|\s*(\d+)\s+(\d+)/.exec(line);
        if (match === null) return [];
        const [, address = '', state = '', received, accepted] = match;
        return [
          {
            address,
            established: /^Establ/.test(state),
            received: Number(received),
            accepted: Number(accepted),
          },
        ];
      });
  }

  /** Resolves once the sessions with all these neighbours (default: all configured) are established. */
  async established(addresses?: readonly string[], deadlineMs = 30_000): Promise<void> {
    const wanted = addresses ?? (this.options.neighbors ?? []).map(({ address }) => address);
    await until(
      async () => {
        const up = (await this.neighbors()).filter((peer) => peer.established);
        return wanted.every((address) => up.some((peer) => peer.address === address));
      },
      { what: `gobgpd established with ${wanted.join(', ')}`, deadlineMs, everyMs: 50 },
    );
  }

  /** Number of destinations in the global table of one family. */
  async ribSize(family: Family): Promise<number> {
    const summary = await this.cli('global', 'rib', 'summary', '-a', family);
    return Number(/Destination: (\d+)/.exec(summary)?.[1] ?? 0);
  }

  /** Kills it and removes its directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    this.scratch.remove();
  }
}

/** Starts a gobgpd and resolves once its API answers. */
export function startGobgpd(options: GobgpdOptions): Promise<Gobgpd> {
  return Gobgpd.start(options);
}

function configuration(options: GobgpdOptions): Record<string, unknown> {
  return {
    global: {
      config: {
        as: options.as,
        'router-id': options.routerId ?? '10.255.255.1',
        port: options.port ?? 179,
        ...(options.listen === undefined ? {} : { 'local-address-list': options.listen }),
      },
      'use-multiple-paths': { config: { enabled: options.multipath ?? false } },
      ...options.global,
    },
    neighbors: (options.neighbors ?? []).map(neighbor),
    ...options.extra,
  };
}

function neighbor(options: NeighborOptions): Record<string, unknown> {
  const { gracefulRestart } = options;
  return {
    config: { 'neighbor-address': options.address, 'peer-as': options.as },
    timers: {
      config: {
        'hold-time': options.holdTime ?? 90,
        'keepalive-interval': Math.floor((options.holdTime ?? 90) / 3),
        'connect-retry': 1,
        'idle-hold-time-after-reset': 1,
      },
    },
    transport: {
      config: {
        'passive-mode': options.passive ?? true,
        ...(options.localAddress === undefined ? {} : { 'local-address': options.localAddress }),
        ...(options.remotePort === undefined ? {} : { 'remote-port': options.remotePort }),
      },
    },
    ...(gracefulRestart === undefined
      ? {}
      : {
          'graceful-restart': {
            config: { enabled: true, 'restart-time': gracefulRestart.restartTime },
          },
        }),
    'afi-safis': (options.families ?? ['ipv4', 'ipv6']).map((family) => ({
      config: { 'afi-safi-name': `${family}-unicast` },
      ...(gracefulRestart === undefined
        ? {}
        : { 'mp-graceful-restart': { config: { enabled: true } } }),
    })),
    ...options.extra,
  };
}
