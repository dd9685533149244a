/**
 * A node whose zebra feeds rib2fib over FPM, and routers on two fabrics, router
 * i alone on `eth<i+1>`: 10.9.i.2 and 2001:db8:9:i+1::2, AS 65001+i.
 */
import { type ConfigValue, type Daemon, type DaemonOptions, startDaemon } from './daemon.js';
import { type Feeder, startFeeder } from './feeder.js';
import { type Frr, type FrrVersion, startFrr } from './frr.js';
import { connect, createNetns, type Netns } from './netns.js';

/** The module with which zebra speaks FPM as rib2fib reads it. */
export const FPM_ARGS = { zebra: ['-M', 'dplane_fpm_nl'] };

const ROUTERS = [0, 1] as const;

export function fpmRouter(i: number): string {
  return `10.9.${i}.2`;
}

export function fpmRouter6(i: number): string {
  return `2001:db8:9:${i + 1}::2`;
}

/** A leg over router i, as `ownRoutes` words it. */
export function over(i: number): string {
  return `via ${fpmRouter(i)} dev eth${i + 1}`;
}

export function over6(i: number): string {
  return `via ${fpmRouter6(i)} dev eth${i + 1}`;
}

function neighbors(line: (address: string, i: number) => string): string {
  return ROUTERS.map((i) => line(fpmRouter(i), i)).join('\n');
}

/** An `frr.conf` that takes both families from both routers and tells zebra's routes over FPM. */
export function fpmConfig(options: { fpm?: string; bgp?: string; more?: string } = {}): string {
  return `
fpm address 127.0.0.1
${options.fpm ?? 'no fpm use-next-hop-groups'}
router bgp 65000
 bgp router-id 10.9.0.1
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 bgp bestpath as-path multipath-relax
${neighbors((address, i) => ` neighbor ${address} remote-as ${65001 + i}\n neighbor ${address} passive\n neighbor ${address} timers 3 9`)}
${options.bgp ?? ''}
 address-family ipv4 unicast
${neighbors((address) => `  neighbor ${address} activate`)}
 exit-address-family
 address-family ipv6 unicast
${neighbors((address) => `  neighbor ${address} activate`)}
 exit-address-family
exit
${options.more ?? ''}
`;
}

export class FpmLab implements AsyncDisposable {
  readonly #daemons: Daemon[] = [];
  readonly #routers: Feeder[] = [];

  private constructor(
    readonly node: Netns,
    readonly fabrics: readonly Netns[],
    readonly frr: Frr,
  ) {}

  /** FRR runs; no router has a session yet. */
  static async start(version: FrrVersion, config = fpmConfig()): Promise<FpmLab> {
    const node = await createNetns('node');
    const fabrics: Netns[] = [];
    for (const i of ROUTERS) {
      const fabric = await createNetns(`fabric${i}`);
      fabrics.push(fabric);
      await connect(
        fabric,
        { name: 'f0', addresses: [`${fpmRouter(i)}/24`, `${fpmRouter6(i)}/64`] },
        node,
        { name: `eth${i + 1}`, addresses: [`10.9.${i}.1/24`, `2001:db8:9:${i + 1}::1/64`] },
      );
      // An interface that comes back has its IPv6 addresses still.
      await node.sysctl(`net/ipv6/conf/eth${i + 1}/keep_addr_on_down`, 1);
    }
    const frr = await startFrr({ version, netns: node, config, args: FPM_ARGS });
    return new FpmLab(node, fabrics, frr);
  }

  /** Router i opens its session, and keeps what it announces. */
  async router(i: number): Promise<Feeder> {
    const netns = this.fabrics[i];
    if (netns === undefined) throw new Error(`no fabric ${i}`);
    const feeder = await startFeeder({
      ...{ netns, localAddress: fpmRouter(i), peerAddress: `10.9.${i}.1` },
      ...{ localAs: 65001 + i, peerAs: 65000, detached: true },
    });
    this.#routers.push(feeder);
    await this.frr.established([fpmRouter(i)]);
    return feeder;
  }

  /** Starts rib2fib on the node with source `fpm`; it ends with the lab at the latest. */
  async daemon(config: ConfigValue, options: Partial<DaemonOptions> = {}): Promise<Daemon> {
    const daemon = await startDaemon({
      netns: this.node,
      config: { source: { fpm: {} }, ...config },
      ...options,
    });
    this.#daemons.push(daemon);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon[Symbol.asyncDispose]();
    for (const router of this.#routers) await router[Symbol.asyncDispose]();
    await this.frr[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    for (const fabric of this.fabrics) await fabric[Symbol.asyncDispose]();
  }
}
