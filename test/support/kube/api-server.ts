/** kube-apiserver, as built by `scripts/kube-programs`, before an etcd in the same namespace. */
import { join } from 'node:path';
import type { Netns } from '../netns.js';
import { until } from '../wait.js';
import { type CertificateAuthority, createKey, type KeyPair } from './certificates.js';
import { KubeClient } from './client.js';
import { ETCD_ADDRESS } from './etcd.js';
import { type LoggedProcess, startLogged } from './logged-process.js';
import { KUBE_APISERVER } from './programs.js';

/** Where cluster IPs come from; its first address is that of the Service `default/kubernetes`. */
export const SERVICE_CIDRS = ['10.96.0.0/16', 'fd00:96::/112'] as const;
export const API_PORT = 6443;

const OWN_SLICE = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes';

export interface ApiServerOptions {
  readonly netns: Netns;
  readonly directory: string;
  readonly ca: CertificateAuthority;
  /** What it tells the cluster that it is reached at, and its certificate names. Not of 127.0.0.0/8. */
  readonly address: string;
  /** A unix socket that leads to it. */
  readonly socket: string;
  /** More arguments; of a flag that is given twice the later one counts. */
  readonly args?: readonly string[];
}

export class ApiServer implements AsyncDisposable {
  #process: LoggedProcess | undefined;

  private constructor(
    private readonly options: ApiServerOptions,
    private readonly command: readonly string[],
    /** May do everything: of the group `system:masters`. */
    readonly admin: KubeClient,
    /** As whom {@link admin} comes. */
    readonly adminPair: KeyPair,
  ) {}

  /** Makes what it needs; {@link launch} starts it. */
  static async create(options: ApiServerOptions): Promise<ApiServer> {
    const { ca, directory, address } = options;
    const names = [`IP:${address}`, 'IP:127.0.0.1', 'IP:10.96.0.1', 'DNS:kubernetes.default.svc'];
    const { files } = await ca.issue({ name: 'kube-apiserver', names });
    const adminPair = await ca.issue({ name: 'admin', organization: 'system:masters' });
    const tokenKey = await createKey(directory, 'service-accounts');
    const command = [
      ...[KUBE_APISERVER, `--etcd-servers=http://${ETCD_ADDRESS.host}:${ETCD_ADDRESS.port}`],
      ...['--bind-address=0.0.0.0', `--secure-port=${API_PORT}`, `--advertise-address=${address}`],
      ...[`--tls-cert-file=${files.cert}`, `--tls-private-key-file=${files.key}`],
      ...[`--client-ca-file=${ca.file}`, '--authorization-mode=RBAC', '--profiling=false'],
      ...['--service-account-issuer=https://kubernetes.default.svc'],
      ...[`--service-account-signing-key-file=${tokenKey}`],
      ...[`--service-account-key-file=${tokenKey}`],
      ...[`--service-cluster-ip-range=${SERVICE_CIDRS.join(',')}`, '--allow-privileged=true'],
      ...[`--cert-dir=${directory}`, '--shutdown-watch-termination-grace-period=1s'],
      ...(options.args ?? []),
    ];
    const admin = new KubeClient(options.socket, ca.pem, adminPair);
    return new ApiServer(options, command, admin, adminPair);
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  /** Starts it and resolves once it is ready: RBAC's roles, its namespaces and its own Service are there. */
  async launch(): Promise<void> {
    if (this.running) throw new Error('the API server runs already');
    const { netns, directory } = this.options;
    const child = startLogged(netns, this.command, join(directory, 'kube-apiserver.log'));
    this.#process = child;
    await until(
      async () => {
        await child.mustRun();
        return (await this.admin.text('/readyz')) === 'ok' && (await this.admin.get(OWN_SLICE));
      },
      { what: 'the API server is ready', deadlineMs: 90_000, everyMs: 50 },
    );
  }

  /** By SIGTERM it ends its watches in good order; by SIGKILL it does not. Idempotent. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#process?.stop(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    this.admin[Symbol.dispose]();
  }
}
