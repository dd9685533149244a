/**
 * A node in a real cluster, with a BGP router on its fabric: rib2fib as a pod of a service account, over the
 * route to the API server that can be disturbed.
 */
import type { ResourceStatus } from '../../../src/discover/discovered.js';
import { announcement, endOfRib } from '../bgp-wire.js';
import { type Daemon, startDaemon } from '../daemon.js';
import type { IpRule } from '../kernel-view.js';
import { connect, createNetns, type Netns } from '../netns.js';
import { RawBgp, type RawConnection } from '../raw-bgp.js';
import { until } from '../wait.js';
import type { KubeObject } from './client.js';
import { KubeCluster } from './cluster.js';
import { node as nodeObject } from './objects.js';
import { mayWatch, type ServiceAccount } from './service-account.js';

const NODE = '10.9.0.1';
export const ROUTER = '10.9.0.2';
export const ROUTER2 = '10.9.0.3';
/** From a change in the cluster to the node's kernel. */
export const SOON_MS = 2_000;

/** All that {@link CONFIG} needs. */
export const ALL = [
  mayWatch('', 'nodes', 'services'),
  mayWatch('discovery.k8s.io', 'endpointslices'),
  mayWatch('networking.k8s.io', 'servicecidrs'),
  mayWatch('cilium.io', 'ciliumloadbalancerippools', 'ciliumnodes', 'ciliumpodippools'),
  mayWatch('metallb.io', 'ipaddresspools', 'bgpadvertisements', 'bgppeers'),
];

/** Every kind of rule that is found, and static routes over the peers. */
export const CONFIG = {
  source: {
    bgp: {
      ...{ listen: `${NODE}:179`, as: 65000, routerId: '10.255.0.1' },
      peers: [{ address: ROUTER, as: 65001 }],
    },
  },
  discovery: { kubernetes: { status: false } },
  tables: [
    {
      ...{ id: 100, name: 'fabric', filters: [{ permit: {} }] },
      static: [{ prefix: '0.0.0.0/0', discover: { metallbPeers: {} } }],
      rules: {
        priority: 10000,
        discover: [
          { ciliumPools: { selector: { matchLabels: { fabric: 'a' } } } },
          { metallbPools: {} },
          { services: { class: 'example.org/exact', externalIPs: true } },
        ],
      },
    },
  ],
};

/** Of the fabric whose pools {@link CONFIG} takes. */
export function ciliumPool(name: string, blocks: readonly object[], more: object = {}): KubeObject {
  return {
    ...{ apiVersion: 'cilium.io/v2', kind: 'CiliumLoadBalancerIPPool' },
    metadata: { name, labels: { fabric: 'a' } },
    spec: { blocks, ...more },
  };
}

/** In the namespace `default`. */
export function metallb(kind: string, name: string, spec: object, labels = {}): KubeObject {
  const version = kind === 'BGPPeer' ? 'v1beta2' : 'v1beta1';
  const metadata = { name, namespace: 'default', labels };
  return { apiVersion: `metallb.io/${version}`, kind, metadata, spec };
}

export class DiscoveryLab implements AsyncDisposable {
  private constructor(
    readonly cluster: KubeCluster,
    readonly node: Netns,
    readonly account: ServiceAccount,
    readonly daemon: Daemon,
    private readonly router: RawConnection,
    private readonly made: readonly AsyncDisposable[],
  ) {}

  /** Resolves once rib2fib is ready, with {@link CONFIG} and {@link ALL}. */
  static async start(): Promise<DiscoveryLab> {
    const made: AsyncDisposable[] = [];
    const keep = <T extends AsyncDisposable>(part: T): T => {
      made.unshift(part);
      return part;
    };
    try {
      const cluster = keep(await KubeCluster.start());
      await cluster.define(
        ...['ciliumloadbalancerippools', 'ciliumnodes', 'ciliumpodippools'],
        ...['ipaddresspools', 'bgpadvertisements', 'bgppeers'],
      );
      await cluster.apply([
        nodeObject('node-a', {
          podCIDRs: ['10.244.1.0/24'],
          labels: { zone: 'a' },
          internalIPs: ['192.0.2.101'],
        }),
        nodeObject('node-b', { podCIDRs: ['10.244.2.0/24'], internalIPs: ['192.0.2.102'] }),
      ]);
      const fabric = keep(await createNetns('fabric'));
      const node = keep(await createNetns('node'));
      const addresses = [`${ROUTER}/24`, `${ROUTER2}/24`];
      const port = { name: 'eth1', addresses: [`${NODE}/24`] };
      await connect(fabric, { name: 'f0', addresses }, node, port);
      await cluster.join(node);
      const account = await cluster.account('rib2fib', ALL);
      const { wrap, env } = await cluster.pod(account, 'fragile');
      const daemon = keep(
        await startDaemon({
          ...{ netns: node, until: 'admin', wrap, env: { ...env, NODE_NAME: 'node-a' } },
          config: CONFIG,
        }),
      );
      const raw = keep(RawBgp.start(fabric));
      // The source begins once it is known what is never learned.
      const called = async () => {
        const connection = await raw.connect(ROUTER, NODE);
        return connection.state === 'open' && connection;
      };
      const router = await until(called, { what: 'it listens', deadlineMs: 20_000 });
      await router.establish({ as: 65001, routerId: '10.255.0.2' });
      const lab = new DiscoveryLab(cluster, node, account, daemon, router, made);
      lab.announce('10.64.0.0/16');
      router.send(...[endOfRib('ipv4'), endOfRib('ipv6')]);
      await until(async () => (await daemon.status()).ready, {
        ...{ what: 'ready', deadlineMs: 30_000 },
      });
      return lab;
    } catch (error) {
      for (const part of made) await part[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** By the router. */
  announce(...prefixes: readonly string[]): void {
    const attributes = { nextHop: ROUTER, asPath: [65010] };
    const session = { localAs: 65001, internal: false };
    this.router.send(...announcement('ipv4', prefixes, attributes, session));
  }

  async resources(): Promise<readonly ResourceStatus[]> {
    return (await this.daemon.status()).discovery?.resources ?? [];
  }

  async stateOf(resource: string): Promise<ResourceStatus | undefined> {
    return (await this.resources()).find((one) => one.resource === resource);
  }

  /** Sources of our rules, of both families, in order. */
  async sources(): Promise<string> {
    const rules = await Promise.all(
      ['-4', '-6'].map((family) => this.node.ipJson<IpRule>(family, 'rule', 'show')),
    );
    return rules
      .flat()
      .filter(({ table, protocol }) => table === '100' && protocol === '178')
      .map(({ src, srclen }) => (srclen === undefined ? src : `${src}/${srclen}`))
      .sort()
      .join(' ');
  }

  async rulesBecome(wanted: string, deadlineMs = SOON_MS): Promise<void> {
    await until(async () => (await this.sources()) === wanted, {
      what: `rules from ${wanted || 'nothing'}, not ${await this.sources()}`,
      deadlineMs,
    });
  }

  async everySynced(deadlineMs = 60_000): Promise<void> {
    await until(async () => (await this.resources()).every(({ state }) => state === 'synced'), {
      ...{ what: 'every resource is synced', deadlineMs },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.made) await part[Symbol.asyncDispose]();
  }
}
