/**
 * The network most e2e tests need: a node with a gobgpd, and routers on one
 * fabric behind its `eth1`, router i at 10.9.0.(2+i) and 2001:db8:9::(2+i), AS 65001+i.
 */
import { type ConfigValue, type Daemon, type DaemonOptions, startDaemon } from './daemon.js';
import { type Feeder, type FeederOptions, startFeeder } from './feeder.js';
import { type Gobgpd, type GobgpdOptions, type GobgpdVersion, startGobgpd } from './gobgpd.js';
import { connect, createNetns, type Netns } from './netns.js';
import { until } from './wait.js';

export interface LabOptions {
  readonly version: GobgpdVersion;
  /** Default 1. */
  readonly routers?: number;
  /** Over what the lab sets: `multipath`, neighbours' options. */
  readonly gobgpd?: Partial<GobgpdOptions>;
  readonly feeder?: Partial<FeederOptions>;
  /** Default true; false leaves `gobgpd` and `routers` to be started by {@link Lab.startRouting}. */
  readonly routing?: boolean;
}

/** IPv4 address of router i; also its next hop and its name as a peer. */
export function router(i: number): string {
  return `10.9.0.${2 + i}`;
}

export function router6(i: number): string {
  return `2001:db8:9::${2 + i}`;
}

/** The route in {@link ownRoutes}' words over the routers of these numbers, `weight` 1 each. */
export function legs(...routers: readonly number[]): string[] {
  return routers.map((i) => `via ${router(i)} dev eth1`);
}

export function legs6(...routers: readonly number[]): string[] {
  return routers.map((i) => `via ${router6(i)} dev eth1`);
}

export const NODE_AS = 65000;
export const NODE_ADDRESS = '10.9.0.1';

export class Lab implements AsyncDisposable {
  readonly #daemons: Daemon[] = [];
  #gobgpd: Gobgpd | undefined;
  #routers: readonly Feeder[] = [];

  private constructor(
    private readonly options: LabOptions,
    readonly node: Netns,
    readonly fabric: Netns,
  ) {}

  /** Resolves once every session is established. */
  static async start(options: LabOptions): Promise<Lab> {
    const fabric = await createNetns('fabric');
    const node = await createNetns('node');
    const lab = new Lab(options, node, fabric);
    const numbers = lab.#numbers;
    await connect(
      fabric,
      { name: 'f0', addresses: numbers.flatMap((i) => [`${router(i)}/24`, `${router6(i)}/64`]) },
      node,
      { name: 'eth1', addresses: [`${NODE_ADDRESS}/24`, '2001:db8:9::1/64'] },
    );
    if (options.routing !== false) await lab.startRouting();
    return lab;
  }

  /** `feeders`: of each router, over what the lab sets. */
  async startRouting(feeders: readonly Partial<FeederOptions>[] = []): Promise<void> {
    this.#gobgpd = await this.startGobgpd();
    this.#routers = await Promise.all(
      this.#numbers.map((i) =>
        startFeeder({
          netns: this.fabric,
          localAddress: router(i),
          peerAddress: NODE_ADDRESS,
          localAs: 65001 + i,
          peerAs: NODE_AS,
          ...this.options.feeder,
          ...feeders[i],
        }),
      ),
    );
    await this.#gobgpd.established();
  }

  /** A gobgpd as the lab's own is; what is started by hand is stopped by hand. */
  startGobgpd(change: Partial<GobgpdOptions> = {}): Promise<Gobgpd> {
    return startGobgpd({
      version: this.options.version,
      netns: this.node,
      as: NODE_AS,
      neighbors: this.#numbers.map((i) => ({ address: router(i), as: 65001 + i })),
      ...this.options.gobgpd,
      ...change,
    });
  }

  get gobgpd(): Gobgpd {
    if (this.#gobgpd === undefined) throw new Error('no gobgpd in this lab yet');
    return this.#gobgpd;
  }

  router(i: number): Feeder {
    const feeder = this.#routers[i];
    if (feeder === undefined) throw new Error(`no router ${i} in this lab`);
    return feeder;
  }

  /** Resolves once gobgpd holds so many destinations. */
  async hasRoutes(ipv4: number, ipv6 = 0, deadlineMs = 60_000): Promise<void> {
    const sizes = async () => [
      await this.gobgpd.ribSize('ipv4'),
      await this.gobgpd.ribSize('ipv6'),
    ];
    await until(async () => (await sizes()).join() === `${ipv4},${ipv6}`, {
      what: `gobgpd has ${ipv4} IPv4 and ${ipv6} IPv6 routes`,
      deadlineMs,
      everyMs: 100,
    });
  }

  /** `source` is this lab's gobgpd unless it is given. */
  config(rest: ConfigValue): ConfigValue {
    return { source: { gobgp: { address: this.gobgpd.address } }, ...rest };
  }

  /** Starts rib2fib on the node; it ends with the lab at the latest. */
  async daemon(config: ConfigValue, options: Partial<DaemonOptions> = {}): Promise<Daemon> {
    const daemon = await startDaemon({
      netns: this.node,
      config: this.config(config),
      ...options,
    });
    this.#daemons.push(daemon);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon[Symbol.asyncDispose]();
    for (const feeder of this.#routers) await feeder[Symbol.asyncDispose]();
    await this.#gobgpd?.[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    await this.fabric[Symbol.asyncDispose]();
  }

  get #numbers(): readonly number[] {
    return [...Array(this.options.routers ?? 1).keys()];
  }
}
