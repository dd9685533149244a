/** A node with a management uplink and two fabrics, where routes come from a file: no daemon beside rib2fib. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConfigValue, type Daemon, type DaemonOptions, startDaemon } from './daemon.js';
import { scratchDirectory } from './leftovers.js';
import { connect, createNetns, type Netns } from './netns.js';
import { until } from './wait.js';

/** The routers' addresses, as routes name them as next hops. */
export const ROUTER1 = '10.9.0.2';
export const ROUTER2 = '10.9.1.2';
export const ROUTER1_V6 = '2001:db8:9::2';
export const ROUTER2_V6 = '2001:db8:a::2';
/** Where the node's default routes lead. */
export const GATEWAY = '192.0.2.1';
export const GATEWAY_V6 = '2001:db8:2::1';
/** An address of the node on `lo`, within {@link POOL}. */
export const SERVICE = '203.0.113.10';
export const SERVICE_V6 = '2001:db8:100::10';
export const POOL = '203.0.113.0/24';
export const POOL_V6 = '2001:db8:100::/56';

/** An entry of source `file`. */
export interface FileRoute {
  readonly prefix: string;
  readonly nextHop: string | readonly string[];
  readonly peer?: string;
  readonly asPath?: string;
  readonly communities?: readonly string[];
}

/**
 * ```
 *             mgmt
 *              | eth0 192.0.2.10/24, default route
 * router1 --- node --- router2
 *         eth1    eth2
 *  10.9.0.0/24    10.9.1.0/24
 * ```
 */
export class TwoFabrics implements AsyncDisposable {
  readonly #scratch = scratchDirectory('routes');
  readonly #daemons: Daemon[] = [];
  /** The file of {@link feed}, and a configuration's `source` that names it. */
  readonly routesFile = join(this.#scratch.path, 'routes.yaml');
  readonly source = { file: { path: this.routesFile } };

  private constructor(
    readonly node: Netns,
    readonly mgmt: Netns,
    readonly router1: Netns,
    readonly router2: Netns,
  ) {}

  static async create(): Promise<TwoFabrics> {
    const lab = new TwoFabrics(
      await createNetns('node'),
      await createNetns('mgmt'),
      await createNetns('router1'),
      await createNetns('router2'),
    );
    await lab.#cable('eth0', ['192.0.2.10/24', '2001:db8:2::10/64'], lab.mgmt, [
      ...[`${GATEWAY}/24`, `${GATEWAY_V6}/64`],
    ]);
    await lab.#cable('eth1', ['10.9.0.1/24', '2001:db8:9::1/64'], lab.router1, [
      ...[`${ROUTER1}/24`, `${ROUTER1_V6}/64`],
    ]);
    await lab.#cable('eth2', ['10.9.1.1/24', '2001:db8:a::1/64'], lab.router2, [
      ...[`${ROUTER2}/24`, `${ROUTER2_V6}/64`],
    ]);
    await lab.node.ipBatch([
      `address add ${SERVICE}/32 dev lo`,
      `address add ${SERVICE_V6}/128 dev lo`,
      `route add default via ${GATEWAY}`,
      `route add ::/0 via ${GATEWAY_V6}`,
    ]);
    // The kernel makes link-local addresses in its own time, and a route with each.
    await until(
      async () => (await lab.node.ipJson('-6', 'route', 'show', 'fe80::/64')).length === 3,
      { what: 'link-local addresses on the node' },
    );
    await lab.feed([]);
    return lab;
  }

  /** Puts these routes in the place of all there were, as one rename. */
  async feed(routes: readonly FileRoute[]): Promise<void> {
    const next = `${this.routesFile}.next`;
    await writeFile(next, JSON.stringify(routes)); // JSON is YAML.
    await rename(next, this.routesFile);
  }

  /** Starts rib2fib on the node with {@link source}; it ends with the lab at the latest. */
  async daemon(config: ConfigValue, options: Partial<DaemonOptions> = {}): Promise<Daemon> {
    const { node: netns, source } = this;
    const daemon = await startDaemon({ netns, config: { source, ...config }, ...options });
    this.#daemons.push(daemon);
    return daemon;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons) await daemon[Symbol.asyncDispose]();
    for (const netns of [this.node, this.mgmt, this.router1, this.router2]) {
      await netns[Symbol.asyncDispose]();
    }
    this.#scratch.remove();
  }

  #cable(name: string, addresses: string[], far: Netns, farAddresses: string[]): Promise<void> {
    return connect(this.node, { name, addresses }, far, { name: 'n0', addresses: farAddresses });
  }
}
