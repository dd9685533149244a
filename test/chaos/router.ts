/** A real gobgpd at the far end of a fabric, and what it is told to announce. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Gobgpd, type GobgpdVersion, startGobgpd } from '../support/gobgpd.js';
import { scratchDirectory } from '../support/leftovers.js';
import type { Netns } from '../support/netns.js';
import { until } from '../support/wait.js';
import type { Ballast } from './ballast.js';
import { familyOf, NODE_AS, REMOTE, SIDE, type SideName } from './network.js';

export interface Announcement {
  readonly nextHop: 'own' | 'remote';
  /** AS numbers beyond its own. */
  readonly prepend: number;
}

export type Announcements = ReadonlyMap<string, Announcement>;

export interface RouterOptions {
  readonly side: SideName;
  readonly netns: Netns;
  readonly version: GobgpdVersion;
  readonly gracefulRestart: boolean;
  readonly ballast: Ballast | undefined;
}

const RESTART_SECONDS = 120;
/** Until gobgpd has its share of the ballast; 60,000 routes take it 1.5 s (4.8) and 2.4 s (3.10). */
const BALLAST_MS = 120_000;
/** `gobgp` processes at once. */
const AT_ONCE = 6;

export const gracefulRestart = { gracefulRestart: { restartTime: RESTART_SECONDS } };

export class Router implements AsyncDisposable {
  readonly #wanted = new Map<string, Announcement>();
  /** What its gobgpd has been told. */
  readonly #told = new Map<string, Announcement>();
  #suspended = false;

  private constructor(
    readonly options: RouterOptions,
    private readonly gobgpd: Gobgpd,
    /** Of the file with its share of the ballast. */
    private readonly scratch: ReturnType<typeof scratchDirectory>,
  ) {}

  static async start(options: RouterOptions): Promise<Router> {
    const { side, netns, version } = options;
    const gobgpd = await startGobgpd({
      version,
      netns,
      as: SIDE[side].as,
      routerId: SIDE[side].router.ipv4,
      neighbors: [
        {
          address: SIDE[side].node.ipv4,
          as: NODE_AS,
          passive: false,
          ...(options.gracefulRestart ? gracefulRestart : {}),
          // Until it knows its routes: a session that opens without them would withdraw them.
          extra: {
            config: {
              'neighbor-address': SIDE[side].node.ipv4,
              'peer-as': NODE_AS,
              'admin-down': true,
            },
          },
        },
      ],
    });
    const router = new Router(options, gobgpd, scratchDirectory('router'));
    await router.#load();
    return router;
  }

  /** Of the ballast only the samples. As of now, whether its gobgpd has heard of it or not. */
  get announcements(): Announcements {
    const { side, ballast } = this.options;
    const samples = (ballast?.of(side) ?? []).map(
      (one) => [one.sample, { nextHop: 'own', prepend: ballast?.prepend(side, one) ?? 0 }] as const,
    );
    return new Map<string, Announcement>([...this.#wanted, ...samples]);
  }

  /** Told at once, or as soon as its gobgpd listens again; `undefined` withdraws. */
  async announce(
    prefixes: readonly string[],
    announcement: Announcement | undefined,
  ): Promise<void> {
    for (const prefix of prefixes) {
      if (announcement === undefined) this.#wanted.delete(prefix);
      else this.#wanted.set(prefix, announcement);
    }
    await this.#tell();
  }

  /** Opens the session, or closes it with a NOTIFICATION. */
  async session(up: boolean): Promise<void> {
    const { side } = this.options;
    await this.gobgpd.cli('neighbor', SIDE[side].node.ipv4, up ? 'enable' : 'disable');
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.gobgpd.stop(signal);
    this.#told.clear();
  }

  async launch(): Promise<void> {
    await this.gobgpd.launch();
    await this.#load();
    await this.#tell();
    await this.session(true);
  }

  suspend(): void {
    this.gobgpd.suspend();
    this.#suspended = true;
  }

  async resume(): Promise<void> {
    this.gobgpd.resume();
    this.#suspended = false;
    await this.#tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gobgpd[Symbol.asyncDispose]();
    this.scratch.remove();
  }

  /** The ballast, before anything else is announced and any session is open. */
  async #load(): Promise<void> {
    const { side, ballast } = this.options;
    if (ballast === undefined) return;
    const path = join(this.scratch.path, 'ballast.mrt');
    await writeFile(path, ballast.dump(side));
    await this.gobgpd.cli('mrt', 'inject', 'global', path);
    for (const family of ['ipv4', 'ipv6'] as const) {
      const wanted = ballast
        .of(side)
        .reduce((sum, one) => sum + (one.family === family ? one.size : 0), 0);
      await until(async () => (await this.gobgpd.ribSize(family)) === wanted, {
        what: `router ${side} has ${wanted} ${family} routes of the ballast`,
        deadlineMs: BALLAST_MS,
        everyMs: 50,
      });
    }
  }

  async #tell(): Promise<void> {
    if (this.#suspended || !this.gobgpd.running) return;
    const commands: string[][] = [];
    for (const prefix of new Set([...this.#told.keys(), ...this.#wanted.keys()])) {
      const wanted = this.#wanted.get(prefix);
      const told = this.#told.get(prefix);
      const same = wanted?.nextHop === told?.nextHop && wanted?.prepend === told?.prepend;
      if (!same) commands.push(this.#command(prefix, wanted));
      if (wanted === undefined) this.#told.delete(prefix);
      else this.#told.set(prefix, wanted);
    }
    while (commands.length > 0) {
      const some = commands.splice(0, AT_ONCE);
      await Promise.all(some.map((command) => this.gobgpd.cli(...command)));
    }
  }

  #command(prefix: string, announcement: Announcement | undefined): string[] {
    const { side } = this.options;
    const family = familyOf(prefix);
    const rib = ['global', 'rib', '-a', family];
    if (announcement === undefined) return [...rib, 'del', prefix];
    const { nextHop, prepend } = announcement;
    const path = Array.from({ length: prepend }, (_, i) => 64_600 + i).join(',');
    return [
      ...rib,
      ...['add', prefix],
      ...['nexthop', nextHop === 'own' ? SIDE[side].router[family] : REMOTE[family]],
      ...(path === '' ? [] : ['aspath', path]),
    ];
  }
}

export function nextHopOf(side: SideName, prefix: string, { nextHop }: Announcement): string {
  const family = familyOf(prefix);
  return nextHop === 'own' ? SIDE[side].router[family] : REMOTE[family];
}
