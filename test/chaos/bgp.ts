/** BGP of the run: the node's gobgpd, the two routers, and what it offers by the rules of BGP. */
import { type Gobgpd, type GobgpdVersion, startGobgpd } from '../support/gobgpd.js';
import type { Netns } from '../support/netns.js';
import type { Ballast } from './ballast.js';
import type { Offers } from './model.js';
import { DESTINATIONS, familyOf, NODE_AS, SIDE, SIDES, type SideName } from './network.js';
import { type Announcements, gracefulRestart, nextHopOf, Router } from './router.js';

export interface BgpOptions {
  readonly version: GobgpdVersion;
  readonly node: Netns;
  readonly fabrics: Readonly<Record<SideName, Netns>>;
  readonly multipath: boolean;
  readonly gracefulRestart: boolean;
  readonly ballast: Ballast | undefined;
}

const FAMILIES = ['ipv4', 'ipv6'] as const;
/** All that is announced but the ballast. */
const BESIDE = { ipv4: '10.0.0.0/8', ipv6: '2001:db8::/32' } as const;

/** Only a gobgpd that serves hears of changes, and can be asked. */
type GobgpdState = 'serving' | 'suspended' | 'dead';

export class Bgp implements AsyncDisposable {
  #state: GobgpdState = 'serving';
  #rearranged = false;
  /** Sides whose routes gobgpd has lost with the session. */
  readonly gone = new Set<SideName>();
  /** Of them, those whose session is to come back, which takes gobgpd its own time. */
  readonly returning = new Set<SideName>();
  /** What gobgpd has of a side that it does not hear now: that restarts (RFC 4724), or is cut off. */
  readonly retained = new Map<SideName, Announcements>();
  #offers: Offers = new Map();

  private constructor(
    readonly options: BgpOptions,
    readonly gobgpd: Gobgpd,
    readonly routers: Readonly<Record<SideName, Router>>,
  ) {}

  /** With the {@link DESTINATIONS} announced. */
  static async start(options: BgpOptions): Promise<Bgp> {
    const { version, node, fabrics, multipath } = options;
    const gobgpd = await startGobgpd({
      ...{ version, netns: node, as: NODE_AS, multipath },
      neighbors: SIDES.map((side) => ({
        address: SIDE[side].router.ipv4,
        as: SIDE[side].as,
        ...(options.gracefulRestart ? gracefulRestart : {}),
      })),
    });
    const start = (side: SideName) =>
      Router.start({
        ...{ side, version, netns: fabrics[side] },
        gracefulRestart: options.gracefulRestart,
        ballast: options.ballast,
      });
    const bgp = new Bgp(options, gobgpd, { a: await start('a'), b: await start('b') });
    for (const { prefix, from } of DESTINATIONS) {
      const nextHop = from === 'remote' ? 'remote' : 'own';
      const second = multipath ? 0 : 1;
      if (from !== 'b') await bgp.routers.a.announce([prefix], { nextHop, prepend: 0 });
      if (from === 'b' || from === 'both')
        await bgp.routers.b.announce([prefix], { nextHop, prepend: second });
    }
    for (const side of SIDES) await bgp.routers[side].session(true);
    return bgp;
  }

  get serving(): boolean {
    return this.#state === 'serving';
  }

  /**
   * A gobgpd that was told to stop took its peers down one by one: prefixes of several
   * went over to the paths that were left, before the last were withdrawn.
   */
  get rearranged(): boolean {
    return this.#rearranged;
  }

  async takeGobgpd(signal: 'SIGSTOP' | 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#offers = this.offers;
    this.#state = signal === 'SIGSTOP' ? 'suspended' : 'dead';
    this.#rearranged = signal === 'SIGTERM';
    if (signal === 'SIGSTOP') this.gobgpd.suspend();
    else await this.gobgpd.stop(signal);
  }

  async bringGobgpd(): Promise<void> {
    if (this.#state === 'suspended') this.gobgpd.resume();
    else await this.gobgpd.launch();
    this.#state = 'serving';
    this.#rearranged = false;
  }

  /** What rib2fib hears; as it was, while gobgpd hears nothing itself. */
  get offers(): Offers {
    return this.serving ? best(this.#heard(), this.options.multipath) : this.#offers;
  }

  /** Of {@link offers}, those that no session has to come back for. */
  get steadyOffers(): Offers {
    if (this.returning.size === 0 || !this.serving) return this.offers;
    const heard = this.#heard().filter(([side]) => !this.returning.has(side));
    return best(heard, this.options.multipath);
  }

  /** gobgpd's own table is what the rules of BGP make of the announcements. */
  async converged(): Promise<boolean> {
    if (!(await this.#counted())) return false;
    const { missing, surplus } = await this.#difference();
    const equal = missing.length + surplus.length === 0;
    if (equal) this.returning.clear();
    return equal;
  }

  /** For a failure: what gobgpd has not, and has too much, and its sessions. */
  async account(): Promise<string> {
    const { missing, surplus } = await this.#difference();
    return [
      ...missing.map((line) => `- ${line}`),
      ...surplus.map((line) => `+ ${line}`),
      await this.gobgpd.cli('neighbor'),
    ].join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const side of SIDES) await this.routers[side][Symbol.asyncDispose]();
    await this.gobgpd[Symbol.asyncDispose]();
  }

  #heard(): readonly (readonly [SideName, Announcements])[] {
    return SIDES.filter((side) => !this.gone.has(side)).map(
      (side) => [side, this.retained.get(side) ?? this.routers[side].announcements] as const,
    );
  }

  #paths() {
    return this.#heard().flatMap(([side, announcements]) =>
      [...announcements].map(([prefix, announcement]) => ({ side, prefix, announcement })),
    );
  }

  /** Its tables are of the size they ought to have: asked first, since listing costs a large gobgpd more. */
  async #counted(): Promise<boolean> {
    if (!this.serving || this.options.ballast === undefined) return true;
    const counts = new Set(await this.#counts());
    return countsOf(this.#paths(), this.options.ballast).every((line) => counts.has(line));
  }

  async #difference(): Promise<{ missing: readonly string[]; surplus: readonly string[] }> {
    if (!this.serving) return { missing: [], surplus: [] };
    const { ballast } = this.options;
    const actual = new Set([...(await this.#table()), ...(await this.#counts())]);
    const heard = this.#paths();
    const expected = new Set(
      heard
        .filter(({ prefix }) => ballast?.sampleOf(prefix) === undefined)
        .map(({ side, prefix, announcement }) => {
          const path = `${SIDE[side].as}${' +'.repeat(announcement.prepend)}`;
          return `${prefix} ${nextHopOf(side, prefix, announcement)} ${path}`;
        }),
    );
    for (const line of countsOf(heard, ballast)) expected.add(line);
    return {
      missing: [...expected].filter((line) => !actual.has(line)),
      surplus: [...actual].filter((line) => !expected.has(line)),
    };
  }

  /** With ballast: `FAMILY: N destinations, M paths`, of its whole tables. */
  async #counts(): Promise<readonly string[]> {
    if (this.options.ballast === undefined) return [];
    const texts = await Promise.all(
      FAMILIES.map((family) => this.gobgpd.cli('global', 'rib', 'summary', '-a', family)),
    );
    return texts.map((text, i) => {
      const [, destinations, paths] = /Destination: (\d+), Path: (\d+)/.exec(text) ?? [];
      return `${FAMILIES[i]}: ${destinations} destinations, ${paths} paths`;
    });
  }

  /** Without the ballast. `PREFIX NEXT-HOP AS + +`, with a plus for each further AS. */
  async #table(): Promise<readonly string[]> {
    const ballast = this.options.ballast !== undefined;
    const texts = await Promise.all(
      FAMILIES.map((family) =>
        ballast
          ? this.gobgpd.cli('global', 'rib', BESIDE[family], 'longer-prefixes', '-a', family)
          : this.gobgpd.cli('global', 'rib', '-a', family),
      ),
    );
    return texts.flatMap((text) =>
      text.split('\n').flatMap((line) => {
        const match = /^\S*?\*\S?\s*(\S+\/\d+)\s+(\S+)\s+(\d+(?: \d+)*)\s/.exec(line);
        if (match === null) return [];
        const [, prefix = '', nextHop = '', path = ''] = match;
        const [as = '', ...more] = path.split(' ');
        return [`${prefix} ${nextHop} ${as}${' +'.repeat(more.length)}`];
      }),
    );
  }
}

/** As `Bgp` reads them of gobgpd, for what is heard; `prefix` is a sample where it is ballast. */
function countsOf(
  heard: readonly { readonly prefix: string }[],
  ballast: Ballast | undefined,
): readonly string[] {
  if (ballast === undefined) return [];
  const sizes = new Map(ballast.classes.map(({ sample, size }) => [sample, size]));
  const sum = (prefixes: readonly string[]) =>
    prefixes.reduce((total, prefix) => total + (sizes.get(prefix) ?? 1), 0);
  return FAMILIES.map((family) => {
    const paths = heard.map(({ prefix }) => prefix).filter((one) => familyOf(one) === family);
    return `${family}: ${sum([...new Set(paths)])} destinations, ${sum(paths)} paths`;
  });
}

/** The shortest AS path wins; under multipath all of the shortest. The run makes no other tie. */
function best(heard: readonly (readonly [SideName, Announcements])[], multipath: boolean): Offers {
  const offers = new Map<string, { prepend: number; nextHops: string[] }>();
  for (const [side, announcements] of heard) {
    for (const [prefix, announcement] of announcements) {
      const { prepend } = announcement;
      const nextHop = nextHopOf(side, prefix, announcement);
      const known = offers.get(prefix);
      if (known === undefined || prepend < known.prepend)
        offers.set(prefix, { prepend, nextHops: [nextHop] });
      else if (multipath && prepend === known.prepend) known.nextHops.push(nextHop);
    }
  }
  return new Map([...offers].map(([prefix, { nextHops }]) => [prefix, nextHops]));
}
