/** How an API server is reached, and as whom: by a pod's service account, or by a kubeconfig file. */
import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesConfig } from '../../config/config.js';
import { identityOf } from '../../config/file-identity.js';
import { hostPortText } from '../../net/host-port.js';

export interface ApiAccess {
  /** For people: `https://10.96.0.1:443`, or the path of the kubeconfig. */
  readonly name: string;
  /** The API server's address as configured, where it is one: not resolved. */
  readonly host: string | undefined;
  /**
   * For one request: where to, and with which credentials; read anew, as they change in place.
   * Rejects where they cannot be had.
   */
  target(): Promise<ApiTarget>;
  /** The server did not take the credentials: they are not to be taken from a memory. */
  refused(): void;
}

export interface ApiTarget {
  /** With a path below which the API is, mostly `/`. */
  readonly url: URL;
  /** TLS, headers, an agent. */
  readonly options: RequestOptions;
}

/** `undefined` where the configuration names neither, and the environment is no pod's. */
export function accessOf({ kubeconfig, inCluster }: KubernetesConfig): ApiAccess | undefined {
  if (kubeconfig !== undefined) return new KubeconfigAccess(kubeconfig);
  return inCluster && inClusterAccess(inCluster);
}

/** Where a kubelet puts the credentials of a pod's service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * A pod's. Without the client library, which would take as much memory again as the whole daemon
 * (docs/decisions/001-dependencies.md).
 */
export function inClusterAccess(
  { host, port }: { readonly host: string; readonly port: number },
  directory = SERVICE_ACCOUNT,
): ApiAccess {
  const name = `https://${hostPortText({ host, port })}`;
  const url = new URL(name);
  return {
    name,
    host,
    // The kubelet renews the token in its file.
    async target() {
      const [token, ca] = await Promise.all([
        readFile(join(directory, 'token'), 'utf8'),
        readFile(join(directory, 'ca.crt')),
      ]);
      const headers = { authorization: `Bearer ${token.trim()}` };
      return { url, options: { ca, headers, agent: false } };
    },
    refused() {},
  };
}

/** The current context of a kubeconfig, with all the ways to log in that the client library knows. */
class KubeconfigAccess implements ApiAccess {
  readonly name: string;
  #loaded: { readonly identity: string; readonly config: KubeConfig } | undefined;

  constructor(private readonly file: string) {
    this.name = file;
  }

  get host(): string | undefined {
    const server = this.#loaded?.config.getCurrentCluster()?.server;
    return server === undefined || !URL.canParse(server) ? undefined : new URL(server).hostname;
  }

  async target(): Promise<ApiTarget> {
    const config = await this.#config();
    const server = config.getCurrentCluster()?.server;
    if (server === undefined || !URL.canParse(server)) {
      throw new Error(`${this.file} has no server for its current context`);
    }
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    return { url: new URL(server), options };
  }

  refused(): void {
    this.#loaded = undefined;
  }

  /** Kept while the file is the same: a token that a program printed is good for a while. */
  async #config(): Promise<KubeConfig> {
    const identity = identityOf([this.file]);
    if (this.#loaded?.identity === identity) return this.#loaded.config;
    const library = await clientLibrary();
    const config = new library.KubeConfig();
    config.loadFromFile(this.file);
    this.#loaded = { identity, config };
    return config;
  }
}

/** 80 MB and a second: for those only who have a kubeconfig. */
async function clientLibrary(): Promise<typeof import('@kubernetes/client-node')> {
  return await import('@kubernetes/client-node');
}
