/** The configured discovery, made but not started. */
import type { Clock } from '../clock.js';
import type { Config } from '../config/config.js';
import type { Log } from '../log-port.js';
import type { Discovery } from './discovery.js';
import type { ApiClient } from './kubernetes/api-client.js';

export interface DiscoveryDependencies {
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** Why a configuration cannot be carried out in this environment, one line each; empty when nothing is amiss. */
export function discoveryFaults({ discovery: { kubernetes } }: Config): readonly string[] {
  if (kubernetes === undefined) return [];
  return [
    ...(kubernetes.node === undefined
      ? ['discovery.kubernetes.node is missing, and so is NODE_NAME in the environment']
      : []),
    ...(kubernetes.kubeconfig === undefined && kubernetes.inCluster === undefined
      ? [
          'discovery.kubernetes.kubeconfig is missing, and this is no pod: KUBERNETES_SERVICE_HOST and _PORT are not in the environment',
        ]
      : []),
  ];
}

/** The API server, and the name of this node there. */
export interface Cluster {
  readonly api: ApiClient;
  readonly node: string;
}

/**
 * How the cluster of a configuration is spoken to; `undefined` where it names none: nothing of it is
 * loaded then. Rejects with an Error for what {@link discoveryFaults} tells of.
 */
export async function clusterOf(config: Config): Promise<Cluster | undefined> {
  const { kubernetes } = config.discovery;
  if (kubernetes === undefined) return undefined;
  const [{ accessOf }, client] = await Promise.all([
    import('./kubernetes/api-access.js'),
    import('./kubernetes/api-client.js'),
  ]);
  const access = accessOf(kubernetes);
  const { node } = kubernetes;
  if (access === undefined || node === undefined)
    throw new Error(discoveryFaults(config).join('; '));
  return { api: new client.ApiClient(access), node };
}

/** `undefined`, and a rejection, as of {@link clusterOf}. */
export async function createDiscovery(
  config: Config,
  dependencies: DiscoveryDependencies,
): Promise<Discovery | undefined> {
  const cluster = await clusterOf(config);
  if (cluster === undefined) return undefined;
  const { KubernetesDiscovery } = await import('./kubernetes/kubernetes-discovery.js');
  return new KubernetesDiscovery(config, { ...cluster, ...dependencies });
}

/** Two configurations find the cluster in the same place, and are the same node there. */
export function sameCluster(one: Config, other: Config): boolean {
  const [a, b] = [one.discovery.kubernetes, other.discovery.kubernetes];
  return (
    a?.kubeconfig === b?.kubeconfig &&
    a?.node === b?.node &&
    a?.inCluster?.host === b?.inCluster?.host &&
    a?.inCluster?.port === b?.inCluster?.port &&
    (a === undefined) === (b === undefined)
  );
}
