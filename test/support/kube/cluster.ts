/**
 * A cluster without nodes: etcd and kube-apiserver, real, in a namespace of their own, with
 * RBAC. There is no scheduler and no controller: what those would write (Nodes, EndpointSlices,
 * a Service's status) the test writes. Up in seconds, gone with all it made.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scratchDirectory } from '../leftovers.js';
import { connect, createNetns, type Netns } from '../netns.js';
import { API_PORT, ApiServer } from './api-server.js';
import { CertificateAuthority } from './certificates.js';
import { type Credentials, KubeClient, type KubeObject } from './client.js';
import { Door } from './door.js';
import { ETCD_ADDRESS, Etcd } from './etcd.js';
import { kubeconfig } from './kubeconfig.js';
import { type PolicyRule, ServiceAccount } from './service-account.js';

/** Where the API server is, in the cluster's own namespace and in each that joined. */
export const API_ADDRESS = '192.0.2.10';
const FRAGILE_PORT = 16443;
const CRDS = new URL('../../kube/crds/', import.meta.url);

/** How the API server is reached: `direct`, or by a port whose connections {@link KubeCluster.cut} and the like disturb. */
export type Route = 'direct' | 'fragile';

/** Of a command line and its environment, as `startDaemon` takes them. */
export interface Pod {
  readonly wrap: (argv: readonly string[]) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Mounts end with the process; the pid stays the command's. `/var/run` is `/run`. */
const ENTER_POD = `set -e
own=$1
shift
place=/run/secrets/kubernetes.io/serviceaccount
mount -t tmpfs tmpfs /run
mkdir -p "$place"
mount --bind "$own" "$place"
exec "$@"`;

export interface KubeClusterOptions {
  /** More arguments for kube-apiserver: `--watch-cache=false`. */
  readonly args?: readonly string[];
}

interface Parts {
  readonly netns: Netns;
  readonly directory: string;
  readonly ca: CertificateAuthority;
  readonly door: Door;
  readonly etcd: Etcd;
  readonly api: ApiServer;
}

export class KubeCluster implements AsyncDisposable {
  readonly #clients: KubeClient[] = [];
  #kubeconfigs = 0;
  #pods = 0;
  #nodes = 0;

  private constructor(
    private readonly parts: Parts,
    private readonly dispose: () => Promise<void>,
  ) {}

  /** Resolves once the API server is ready. */
  static async start({ args = [] }: KubeClusterOptions = {}): Promise<KubeCluster> {
    const made: AsyncDisposable[] = [];
    const scratch = scratchDirectory('kube');
    const dispose = async () => {
      for (const part of made.toReversed()) await part[Symbol.asyncDispose]();
      scratch.remove();
    };
    const keep = <T extends AsyncDisposable>(part: T): T => {
      made.push(part);
      return part;
    };
    try {
      const directory = scratch.path;
      const netns = keep(await createNetns('kube'));
      await netns.ip('address', 'add', `${API_ADDRESS}/32`, 'dev', 'lo');
      const socket = (name: string) => join(directory, `${name}.sock`);
      const api = { host: API_ADDRESS, port: API_PORT };
      const door = keep(
        await Door.open(netns, [
          { from: { path: socket('api') }, to: api, disturbed: false },
          { from: { path: socket('etcd') }, to: ETCD_ADDRESS, disturbed: false },
          { from: { host: API_ADDRESS, port: FRAGILE_PORT }, to: api, disturbed: true },
        ]),
      );
      const ca = await CertificateAuthority.create(directory);
      const etcd = keep(await Etcd.start(netns, directory, socket('etcd')));
      const options = { netns, directory, ca, address: API_ADDRESS, socket: socket('api'), args };
      const server = keep(await ApiServer.create(options));
      await server.launch();
      return new KubeCluster({ netns, directory, ca, door, etcd, api: server }, dispose);
    } catch (error) {
      await dispose();
      throw error;
    }
  }

  /** Where etcd and the API server run. */
  get netns(): Netns {
    return this.parts.netns;
  }

  /** May do everything. */
  get admin(): KubeClient {
    return this.parts.api.admin;
  }

  /** PEM of who has signed the API server's certificate. */
  get ca(): string {
    return this.parts.ca.pem;
  }

  /** As {@link KubeClient.apply}, as admin. */
  apply(manifest: string | KubeObject | readonly KubeObject[]): Promise<readonly KubeObject[]> {
    return this.admin.apply(manifest);
  }

  /** Applies definitions of `test/kube/crds`: `bgppeers`, `before-1.18/ciliumloadbalancerippools`. */
  async define(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.apply(await readFile(fileURLToPath(new URL(`${name}.yaml`, CRDS)), 'utf8'));
    }
  }

  /** A service account with these rights in the whole cluster. */
  account(name: string, rules: readonly PolicyRule[], namespace?: string): Promise<ServiceAccount> {
    return ServiceAccount.create(this.admin, name, rules, namespace);
  }

  /** The API as somebody else sees it; nobody without credentials. */
  as(credentials: Credentials = {}): KubeClient {
    const socket = join(this.parts.directory, 'api.sock');
    const client = new KubeClient(socket, this.ca, credentials);
    this.#clients.push(client);
    return client;
  }

  /** Path of a kubeconfig, for programs in this namespace and in those that {@link join}ed it. Default: admin's. */
  async kubeconfig(
    credentials: Credentials = this.parts.api.adminPair,
    route: Route = 'direct',
  ): Promise<string> {
    const server = `https://${API_ADDRESS}:${portOf(route)}`;
    const file = join(this.parts.directory, `kubeconfig-${++this.#kubeconfigs}`);
    await writeFile(file, kubeconfig({ server, ca: this.ca, credentials }), { mode: 0o600 });
    return file;
  }

  /**
   * How a program is run as in a pod of that account, in this namespace and those that
   * {@link join}ed it: `startDaemon({ …, ...(await cluster.pod(account)) })`. What it finds in
   * `/run` is that account's directory alone.
   */
  async pod(account: ServiceAccount, route: Route = 'direct'): Promise<Pod> {
    const directory = join(this.parts.directory, `pod-${++this.#pods}`);
    await account.mount(directory, this.ca);
    return {
      wrap: (argv) => ['unshare', '--mount', 'sh', '-c', ENTER_POD, 'sh', directory, ...argv],
      env: {
        KUBERNETES_SERVICE_HOST: API_ADDRESS,
        KUBERNETES_SERVICE_PORT: String(portOf(route)),
      },
    };
  }

  /**
   * Gives a node's namespace an uplink to the cluster, of that name, with a route to the API
   * server. Resolves with the node's address: `10.250.N.2` (/24) for the Nth that joins.
   */
  async join(node: Netns, port = 'mgmt0'): Promise<string> {
    const net = `10.250.${++this.#nodes}`;
    await connect(
      ...([this.netns, { name: `node${this.#nodes}`, addresses: [`${net}.1/24`] }] as const),
      ...([node, { name: port, addresses: [`${net}.2/24`] }] as const),
    );
    await node.ip('route', 'add', `${API_ADDRESS}/32`, 'via', `${net}.1`);
    return `${net}.2`;
  }

  /** As {@link ApiServer.stop}. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    return this.parts.api.stop(signal);
  }

  /** Starts the API server again, and resolves once it is ready. */
  launch(): Promise<void> {
    return this.parts.api.launch();
  }

  /**
   * From now on whoever goes on from a resourceVersion of before is told `410 Expired`: etcd's
   * history is dropped, and the API server, which keeps a part of it, started anew.
   */
  async expire(): Promise<void> {
    await this.stop('SIGKILL');
    await this.parts.etcd.compact();
    await this.launch();
  }

  /** Drops etcd's history; with `--watch-cache=false` that is all there is. */
  async compact(): Promise<void> {
    await this.parts.etcd.compact();
  }

  /** Resets all connections of the fragile route. */
  cut(): Promise<void> {
    return this.parts.door.cut();
  }

  /** Nothing more passes on the fragile route, and nothing is closed, until {@link resume}. */
  stall(): Promise<void> {
    return this.parts.door.stall();
  }

  resume(): Promise<void> {
    return this.parts.door.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client[Symbol.dispose]();
    await this.dispose();
  }
}

function portOf(route: Route): number {
  return route === 'direct' ? API_PORT : FRAGILE_PORT;
}
