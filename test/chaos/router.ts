/** A real gobgpd at the far end of a fabric, and what it is told to announce. */
import { type Gobgpd, type GobgpdVersion, startGobgpd } from '../support/gobgpd.js';
import type { Netns } from '../support/netns.js';
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
}

const RESTART_SECONDS = 120;
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
    return new Router(options, gobgpd);
  }

  /** As of now, whether its gobgpd has heard of it or not. */
  get announcements(): Announcements {
    return new Map(this.#wanted);
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.gobgpd[Symbol.asyncDispose]();
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
