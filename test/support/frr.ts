/** Real FRR (zebra, bgpd and what they need), of each version the project supports, in namespaces. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Family } from '../../src/net/family.js';
import { scratchDirectory } from './leftovers.js';
import type { Netns } from './netns.js';
import { inRoot, type PeerRoot } from './peer-root.js';
import { until } from './wait.js';

export type FrrVersion = '8.4' | '10.3';

/** Every test with FRR runs against each of these. */
export const FRR_VERSIONS: readonly FrrVersion[] = ['8.4', '10.3'];

export type FrrDaemon = 'mgmtd' | 'zebra' | 'staticd' | 'bgpd' | 'bfdd';

const ROOTS: Readonly<Record<FrrVersion, PeerRoot>> = { '8.4': 'frr-8', '10.3': 'frr-10' };
/** In the order FRR's own scripts start them; mgmtd came with FRR 9. */
const DAEMONS: Readonly<Record<FrrVersion, readonly FrrDaemon[]>> = {
  '8.4': ['zebra', 'bgpd', 'staticd'],
  '10.3': ['mgmtd', 'zebra', 'bgpd', 'staticd'],
};
/** What FRR keeps its configuration, sockets and pid files in. */
const PLACES = ['/etc/frr', '/run/frr'];

export interface FrrOptions {
  readonly version: FrrVersion;
  readonly netns: Netns;
  /** The whole of `/etc/frr/frr.conf`, read as FRR's own start does: by `vtysh -b`. */
  readonly config: string;
  /** Default: zebra, bgpd, staticd, and mgmtd where there is one. */
  readonly daemons?: readonly FrrDaemon[];
  /** Options of single daemons: `{ zebra: ['-M', 'dplane_fpm_nl'] }`, as `/etc/frr/daemons` gives them. */
  readonly args?: Readonly<Partial<Record<FrrDaemon, readonly string[]>>>;
}

/** `show bgp … json`, as far as tests look. */
interface BgpTable {
  readonly routes: Record<
    string,
    readonly {
      readonly bestpath?: boolean;
      readonly multipath?: boolean;
      /** A global one of IPv6, and a link-local one beside it. */
      readonly nexthops: readonly { readonly ip: string; readonly scope?: string }[];
    }[]
  >;
}

export class Frr implements AsyncDisposable {
  readonly #children = new Map<FrrDaemon, ChildProcess>();

  private constructor(
    readonly options: FrrOptions,
    private readonly scratch: ReturnType<typeof scratchDirectory>,
  ) {}

  static async start(options: FrrOptions): Promise<Frr> {
    const frr = new Frr(options, scratchDirectory('frr'));
    try {
      await chmod(frr.scratch.path, 0o777); // The daemons run as a user that only their root knows.
      await writeFile(join(frr.scratch.path, 'vtysh.conf'), 'service integrated-vtysh-config\n');
      await frr.configure(options.config);
      for (const daemon of frr.daemons) await frr.#spawn(daemon);
      await frr.load();
    } catch (error) {
      await frr[Symbol.asyncDispose]();
      throw error;
    }
    return frr;
  }

  get daemons(): readonly FrrDaemon[] {
    return this.options.daemons ?? DAEMONS[this.options.version];
  }

  pid(daemon: FrrDaemon): number {
    const pid = this.#children.get(daemon)?.pid;
    if (pid === undefined) throw new Error(`${daemon} does not run`);
    return pid;
  }

  running(daemon: FrrDaemon): boolean {
    return this.#children.has(daemon);
  }

  /** A daemon's own log so far, with what it wrote to its terminal. */
  log(daemon: FrrDaemon): Promise<string> {
    return readFile(join(this.scratch.path, `${daemon}.log`), 'utf8');
  }

  /** Writes another `frr.conf`; nothing reads it before {@link load} or {@link launch}. */
  async configure(config: string): Promise<void> {
    await writeFile(join(this.scratch.path, 'frr.conf'), config);
  }

  /** `vtysh -b`: gives `frr.conf` to every daemon, or to one; rejects with the lines that were refused. */
  async load(daemon?: FrrDaemon): Promise<void> {
    const args = ['-b', ...(daemon === undefined ? [] : ['-d', daemon])];
    const said = await until(
      async () => {
        const text = await this.#vtysh(...args).catch((error: Error) => `error: ${error.message}`);
        // vtysh gives all daemons theirs at once; in FRR 10 one may hold mgmtd's lock meanwhile.
        return /locked by another session/.test(text) ? undefined : { text };
      },
      { what: 'frr.conf is loaded', everyMs: 200 },
    );
    if (/^%|^line \d+:|error|fail/im.test(said.text)) {
      throw new Error(`frr.conf: ${said.text.trim()}`);
    }
  }

  /** `vtysh -C`: what FRR refuses of `frr.conf` by its own grammar; empty where nothing. */
  async dryRun(): Promise<string> {
    return (await this.#vtysh('-C')).trim();
  }

  /** Starts a daemon that was stopped, and gives it its configuration as FRR's watchfrr does. */
  async launch(daemon: FrrDaemon): Promise<void> {
    await this.#spawn(daemon);
    await this.load(daemon);
  }

  /** SIGTERM by default; resolves once it has ended. Idempotent. */
  async stop(daemon: FrrDaemon, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#children.get(daemon);
    if (child === undefined) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    if (signal === 'SIGTERM') child.kill('SIGCONT');
    await exit;
  }

  /** SIGSTOP: alive, but nothing answers. */
  suspend(daemon: FrrDaemon): void {
    process.kill(this.pid(daemon), 'SIGSTOP');
  }

  resume(daemon: FrrDaemon): void {
    process.kill(this.pid(daemon), 'SIGCONT');
  }

  /** Commands one after another in one vtysh: `vtysh('configure terminal', 'no fpm use-next-hop-groups')`. */
  vtysh(...commands: string[]): Promise<string> {
    return this.#vtysh(...commands.flatMap((command) => ['-c', command]));
  }

  /** A `show … json` command, parsed; shapes differ by version. */
  async vtyshJson<T = unknown>(command: string): Promise<T> {
    return JSON.parse(await this.vtysh(command)) as T;
  }

  /** What bgpd calls best, multipath included: prefix to the global next hops, sorted. */
  async bestPaths(family: Family): Promise<ReadonlyMap<string, readonly string[]>> {
    const { routes } = await this.vtyshJson<BgpTable>(`show bgp ${family} unicast json`);
    return new Map(
      Object.entries(routes).map(([prefix, paths]) => [
        prefix,
        paths
          .filter(({ bestpath, multipath }) => bestpath === true || multipath === true)
          .map(({ nexthops }) => nexthops.find(({ scope }) => scope !== 'link-local')?.ip ?? '')
          .sort(),
      ]),
    );
  }

  /** Resolves once BGP is established with all these neighbours. */
  async established(neighbors: readonly string[], deadlineMs = 30_000): Promise<void> {
    type Neighbors = Record<string, { readonly bgpState?: string }>;
    await until(
      async () => {
        const known = await this.vtyshJson<Neighbors>('show bgp neighbors json');
        return neighbors.every((address) => known[address]?.bgpState === 'Established');
      },
      {
        what: `FRR ${this.options.version} established with ${neighbors.join(', ')}`,
        ...{ deadlineMs, everyMs: 50 },
      },
    );
  }

  /** Kills what runs and removes its directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of [...this.daemons].reverse()) await this.stop(daemon, 'SIGKILL');
    this.scratch.remove();
  }

  async #spawn(daemon: FrrDaemon): Promise<void> {
    const { netns, args, version } = this.options;
    if (this.#children.has(daemon)) throw new Error(`${daemon} runs already`);
    const given = args?.[daemon] ?? [];
    const address = given.includes('-A') ? [] : ['-A', '127.0.0.1'];
    const common = [...address, '--log', 'stdout', '--log-level', 'informational'];
    const argv = [`/usr/lib/frr/${daemon}`, ...common, ...given];
    const child = netns.spawn(inRoot(ROOTS[version], this.scratch.path, PLACES, argv), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = createWriteStream(join(this.scratch.path, `${daemon}.log`), { flags: 'a' });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once('close', () => log.end());
    child.once('exit', () => {
      if (this.#children.get(daemon) === child) this.#children.delete(daemon);
    });
    this.#children.set(daemon, child);
    await until(
      async () => {
        if (!this.running(daemon)) return true;
        await this.#vtysh('-d', daemon, '-c', 'show version');
        return true;
      },
      { what: `${daemon} of FRR ${version} answers`, deadlineMs: 20_000 },
    );
    if (!this.running(daemon)) {
      throw new Error(`${daemon} ended: ${(await this.log(daemon)).slice(-500)}`);
    }
  }

  #vtysh(...args: string[]): Promise<string> {
    const { netns, version } = this.options;
    return netns.exec(...inRoot(ROOTS[version], this.scratch.path, PLACES, ['vtysh', ...args]));
  }
}

/** Starts FRR and resolves once it has taken its configuration. */
export function startFrr(options: FrrOptions): Promise<Frr> {
  return Frr.start(options);
}
