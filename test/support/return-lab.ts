/**
 * Two fabrics with a client behind each, and a node with services behind every kind of address
 * translation; what is counted is the replies that reach each neighbour, by the address they bear there.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Backend, type LoadBalanced, proxy } from './kube-proxy.js';
import { connect, createNetns, type Netns } from './netns.js';
import { keepLedger, type Ledger, watchRouting } from './reply-ledger.js';
import { CLIENT, echo, KNOCK, roam } from './return-programs.js';
import {
  type FileRoute,
  ROUTER1,
  ROUTER1_V6,
  ROUTER2,
  ROUTER2_V6,
  SERVICE,
  SERVICE_V6,
  TwoFabrics,
} from './two-fabrics.js';
import { answerAs } from './who-answers.js';

/** The port of every service, and of what answers behind it. */
const PORT = 7;

export type Fabric = 'router1' | 'router2';

export const CLIENTS: Readonly<Record<Fabric, readonly [ipv4: string, ipv6: string]>> = {
  router1: ['198.51.100.10', '2001:db8:c1::10'],
  router2: ['198.51.101.10', '2001:db8:c2::10'],
};
/** One address behind both routers: what tells a reply's way is where its request came from. */
export const ROAMING = ['198.51.102.10', '2001:db8:c3::10'] as const;

/** The routes to the clients, each through its own fabric. */
export const ROUTES: readonly FileRoute[] = [
  { prefix: '198.51.100.0/24', nextHop: ROUTER1 },
  { prefix: '198.51.101.0/24', nextHop: ROUTER2 },
  { prefix: '2001:db8:c1::/48', nextHop: ROUTER1_V6 },
  { prefix: '2001:db8:c2::/48', nextHop: ROUTER2_V6 },
];

export const PODS = ['10.42.0.0/16', 'fd00:42::/32'] as const;
/** Of the pod on this node. */
export const POD = ['10.42.0.10', 'fd00:42::10'] as const;
/** Of one on another node. */
export const FAR_POD = ['10.42.1.10', 'fd00:42:1::10'] as const;
const POD_GATEWAY = ['10.42.0.1', 'fd00:42::1'] as const;
/** The node's own addresses. */
export const NODE = ['192.0.2.10', '2001:db8:2::10'] as const;

/** A service, and how it is reached. */
export interface Plane {
  readonly service: readonly [ipv4: string, ipv6: string];
  readonly answers: 'node' | 'pod' | 'far';
  /** How kube-proxy gets there; absent: it is routed. */
  readonly proxied?: {
    readonly backend: Backend;
    readonly endpoint: readonly [ipv4: string, ipv6: string];
    readonly policy: LoadBalanced['policy'];
  };
}

/** Addresses of the pool, IPv4 and IPv6. */
export function service(last: number): readonly [string, string] {
  return [`203.0.113.${last}`, `2001:db8:100::${last}`];
}

/** With a pod on this node, and externalTrafficPolicy Local. */
export function local(last: number, backend: Backend): Plane {
  return {
    service: service(last),
    answers: 'pod',
    proxied: { backend, endpoint: POD, policy: 'Local' },
  };
}

/** Every data plane of this kernel; ipvs takes another (ipvs-planes.ts). */
export const PLANES = {
  'a service of the host itself': { service: [SERVICE, SERVICE_V6], answers: 'node' },
  'kube-proxy, iptables (nf_tables)': local(20, 'iptables-nft'),
  'kube-proxy, iptables (legacy)': local(21, 'iptables-legacy'),
  'kube-proxy, nftables': local(22, 'nftables'),
  'externalTrafficPolicy Cluster, pod here': {
    ...local(23, 'iptables-nft'),
    proxied: { backend: 'iptables-nft', endpoint: POD, policy: 'Cluster' },
  },
  'externalTrafficPolicy Cluster, pod elsewhere': {
    service: service(24),
    answers: 'far',
    proxied: { backend: 'nftables', endpoint: FAR_POD, policy: 'Cluster' },
  },
  'a pod in the network of the host': {
    service: service(25),
    answers: 'node',
    proxied: { backend: 'iptables-nft', endpoint: NODE, policy: 'Local' },
  },
  'direct server return': { service: service(26), answers: 'pod' },
} as const satisfies Record<string, Plane>;

export type PlaneName = keyof typeof PLANES;
export const PLANE_NAMES = Object.keys(PLANES) as readonly PlaneName[];

/** A connection's name in {@link Answers}. */
export function connectionName(plane: string, family: 0 | 1): string {
  return `${plane}, ${family === 0 ? 'IPv4' : 'IPv6'}`;
}

export interface ReturnLabOptions {
  /** The services. Default: {@link PLANES}. */
  readonly planes?: Readonly<Record<string, Plane>>;
  /** Milliseconds until a client hears silence. Default 1500. */
  readonly patience?: number;
}

export interface Visit {
  /** Default: the fabric's own client. */
  readonly from?: readonly [ipv4: string, ipv6: string];
  readonly port?: number;
  /** Milliseconds. Default: the lab's. */
  readonly patience?: number;
}

/** What became of each connection: who answered, or `silence`, or an error's code. */
export type Answers = ReadonlyMap<string, string>;

/** Where nothing listens. */
export const CLOSED_PORT = 8;

/**
 * ```
 *    client 198.51.100.10      mgmt (default)      client 198.51.101.10
 *         router1 ------ eth1  node  eth2 ------ router2
 *                       pod0 /      \ eth3
 *            pod 10.42.0.10          far, with pod 10.42.1.10
 * ```
 * Every router leads the pool to the node. mgmt leads nowhere: what is sent there is lost.
 */
export class ReturnLab implements AsyncDisposable {
  readonly #servers: AsyncDisposable[] = [];
  readonly #ledgers = new Map<Fabric | 'mgmt' | 'node', Ledger>();

  private constructor(
    readonly fabrics: TwoFabrics,
    readonly pod: Netns,
    readonly far: Netns,
    readonly planes: Readonly<Record<string, Plane>>,
    private readonly patience: number,
  ) {}

  static async create({
    planes = PLANES,
    patience = 1500,
  }: ReturnLabOptions = {}): Promise<ReturnLab> {
    const lab = new ReturnLab(
      await TwoFabrics.create(),
      await createNetns('pod'),
      await createNetns('far'),
      planes,
      patience,
    );
    await lab.#build();
    return lab;
  }

  get node(): Netns {
    return this.fabrics.node;
  }

  router(fabric: Fabric): Netns {
    return this.fabrics[fabric];
  }

  /** Connects from a fabric's client to a service of every plane, in both families, all at once. */
  async visit(
    fabric: Fabric,
    { from = CLIENTS[fabric], port = PORT, patience = this.patience }: Visit = {},
  ): Promise<Answers> {
    const targets = Object.entries(this.planes).flatMap(([name, { service: to }]) =>
      ([0, 1] as const).map((i) => ({ to: to[i], from: from[i], name: connectionName(name, i) })),
    );
    const command = [
      process.execPath,
      '-e',
      CLIENT,
      JSON.stringify(targets),
      `${port}`,
      `${patience}`,
    ];
    const answers = JSON.parse(await this.router(fabric).exec(...command)) as Record<
      string,
      string
    >;
    return new Map(Object.entries(answers));
  }

  /** Sends a datagram to a port of the host's own service where nothing listens; resolves to the error that comes back, or `silence`. */
  async knock(fabric: Fabric, family: 0 | 1): Promise<string> {
    const [to, from] = [[SERVICE, SERVICE_V6][family] ?? '', CLIENTS[fabric][family]];
    const type = family === 0 ? 'udp4' : 'udp6';
    return (
      await this.router(fabric).exec(
        process.execPath,
        '-e',
        KNOCK,
        type,
        to,
        from,
        `${CLOSED_PORT}`,
      )
    ).trim();
  }

  /** A datagram of the roaming client's, from behind a fabric; resolves to `echo` where it comes back there. */
  async roam(fabric: Fabric): Promise<string> {
    return (
      await this.router(fabric).exec(process.execPath, '-e', roam(ROAMING[0], SERVICE, PORT))
    ).trim();
  }

  /** Replies that a neighbour has got since the last call, by their source address. */
  replies(at: Fabric | 'mgmt'): Promise<ReadonlyMap<string, number>> {
    return this.#read(at);
  }

  /** By service address, the source that its replies to clients bore when their route was looked up, since the last call. */
  async routedBy(): Promise<ReadonlyMap<string, string>> {
    const pairs = await this.#read('node');
    return new Map([...pairs.keys()].map((pair) => pair.split(' ') as [string, string]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server[Symbol.asyncDispose]();
    await this.fabrics[Symbol.asyncDispose]();
    await this.pod[Symbol.asyncDispose]();
    await this.far[Symbol.asyncDispose]();
  }

  #read(at: Fabric | 'mgmt' | 'node'): Promise<ReadonlyMap<string, number>> {
    const ledger = this.#ledgers.get(at);
    if (ledger === undefined) throw new Error(`no ledger at ${at}`);
    return ledger();
  }

  async #build(): Promise<void> {
    const { fabrics, node, pod, far } = this;
    await connect(
      node,
      { name: 'pod0', addresses: [`${POD_GATEWAY[0]}/24`, `${POD_GATEWAY[1]}/64`] },
      pod,
      { name: 'eth0', addresses: [`${POD[0]}/24`, `${POD[1]}/64`] },
    );
    await connect(node, { name: 'eth3', addresses: ['10.8.0.1/24', 'fd00:8::1/64'] }, far, {
      name: 'eth0',
      addresses: ['10.8.0.2/24', 'fd00:8::2/64'],
    });
    const direct = PLANES['direct server return'].service;
    await pod.ipBatch([
      ...direct.map((address) => `address add ${address} dev lo`),
      `route add default via ${POD_GATEWAY[0]}`,
      `route add ::/0 via ${POD_GATEWAY[1]}`,
    ]);
    await far.ipBatch([
      ...FAR_POD.map((address) => `address add ${address} dev lo`),
      'route add 10.42.0.0/16 via 10.8.0.1',
      'route add fd00:42::/32 via fd00:8::1',
    ]);
    await node.ipBatch([
      `route add 10.42.1.0/24 via 10.8.0.2`,
      `route add fd00:42:1::/48 via fd00:8::2`,
      `route add ${direct[0]} via ${POD[0]}`,
      `route add ${direct[1]} via ${POD[1]}`,
    ]);
    await node.sysctl('net/ipv4/ip_forward', 1);
    await node.sysctl('net/ipv6/conf/all/forwarding', 1);
    for (const [fabric, [ipv4, ipv6]] of [
      ['router1', ['10.9.0.1', '2001:db8:9::1']],
      ['router2', ['10.9.1.1', '2001:db8:a::1']],
    ] as const) {
      const addresses = [...CLIENTS[fabric], ...ROAMING];
      await this.router(fabric).ipBatch([
        ...addresses.map((address) => `address add ${address} dev lo`),
        `route add 203.0.113.0/24 via ${ipv4}`,
        `route add 2001:db8:100::/56 via ${ipv6}`,
      ]);
      this.#ledgers.set(fabric, await keepLedger(this.router(fabric)));
    }
    this.#ledgers.set('mgmt', await keepLedger(fabrics.mgmt));
    this.#ledgers.set('node', await watchRouting(node));
    for (const backend of ['iptables-nft', 'iptables-legacy', 'nftables', 'ipvs'] as const) {
      for (const family of [0, 1] as const) {
        const services = loadBalanced(this.planes, backend, family);
        if (services.length > 0) await proxy(node, backend, services);
      }
    }
    for (const name of ['node', 'pod', 'far'] as const) {
      // Nobody repeats in one look what got lost in the one before.
      await this[name].sysctl('net/ipv4/tcp_synack_retries', 0);
      this.#servers.push(await answerAs(name, this[name]));
    }
    const echoing = node.spawn([process.execPath, '-e', echo(SERVICE, PORT)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (echoing.stdout !== null) {
      await once(createInterface({ input: echoing.stdout }), 'line');
    }
    this.#servers.push({
      async [Symbol.asyncDispose]() {
        const exit = once(echoing, 'exit');
        echoing.kill('SIGKILL');
        await exit;
      },
    });
    await fabrics.feed(ROUTES);
  }
}

function loadBalanced(
  planes: Readonly<Record<string, Plane>>,
  backend: Backend,
  family: 0 | 1,
): readonly LoadBalanced[] {
  return Object.values(planes).flatMap(({ service: addresses, proxied }, index) => {
    if (proxied?.backend !== backend) return [];
    const { endpoint, policy } = proxied;
    return [
      {
        name: `S${index}`,
        address: addresses[family],
        port: PORT,
        endpoint: { address: endpoint[family], port: PORT },
        policy,
      },
    ];
  });
}
