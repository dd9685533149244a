/** The configured discovery, made but not started. */
import type { Clock } from '../clock.js';
import type { Config } from '../config/config.js';
import type { Log } from '../log-port.js';
import type { Discovery } from './discovery.js';

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

/**
 * `undefined` where the configuration asks for none: nothing of it is loaded then. Rejects with an
 * Error for what {@link discoveryFaults} tells of.
 */
export async function createDiscovery(
  config: Config,
  dependencies: DiscoveryDependencies,
): Promise<Discovery | undefined> {
  const { kubernetes } = config.discovery;
  if (kubernetes === undefined) return undefined;
  const [{ accessOf }, { ApiClient }, { KubernetesDiscovery }] = await Promise.all([
    import('./kubernetes/api-access.js'),
    import('./kubernetes/api-client.js'),
    import('./kubernetes/kubernetes-discovery.js'),
  ]);
  const access = accessOf(kubernetes);
  const { node } = kubernetes;
  if (access === undefined || node === undefined)
    throw new Error(discoveryFaults(config).join('; '));
  return new KubernetesDiscovery(config, { api: new ApiClient(access), node, ...dependencies });
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
