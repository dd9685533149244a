/** Short ways to write what a cluster says, in tests of the flow's second half. */
import type {
  Config,
  KubernetesConfig,
  RulesConfig,
  StaticRoute,
  TableConfig,
} from '../../../src/config/config.js';
import type { Discovered, DiscoveredTable, KeptRange } from '../../../src/discover/discovered.js';
import { address, config, prefix, rulesFrom, staticRoute } from './build.js';

const KUBERNETES: KubernetesConfig = {
  kubeconfig: '/etc/kubernetes/kubelet.conf',
  inCluster: undefined,
  node: 'node-a',
  protect: ['podCidrs'],
  status: false,
};

/** A configuration in a cluster. */
export function clusterConfig(...tables: TableConfig[]): Config {
  return { ...config(...tables), discovery: { kubernetes: KUBERNETES } };
}

/** Rules from these prefixes, and from what pools say. */
export function poolRules(...prefixes: string[]): RulesConfig {
  const discover = [{ kind: 'ciliumPools', names: [], selector: undefined }] as const;
  return { ...rulesFrom(...prefixes), discover };
}

/** A static route over what peers there are. */
export function peerRoute(to: string, ...ways: string[]): StaticRoute {
  return { ...staticRoute(to, ...ways), discover: 'metallbPeers' };
}

export interface FoundShape {
  readonly settled?: boolean;
  /** `203.0.113.0/24 blue`: of that pool. */
  readonly from?: readonly string[];
  readonly gateways?: readonly string[];
  /** `192.0.2.0/24 wide 192.0.2.10`: of that pool, with that address of the node. */
  readonly leftOut?: readonly string[];
}

/** Of table 100; `kept` is `10.244.1.0/24 node-a`: its pod CIDR. */
export function discovered(
  shape: FoundShape,
  kept: readonly string[] = [],
  keptSettled = true,
): Discovered {
  return { tables: new Map([[100, part(shape)]]), kept: kept.map(range), keptSettled };
}

function part({
  settled = true,
  from = [],
  gateways = [],
  leftOut = [],
}: FoundShape): DiscoveredTable {
  const pools = from.map((text) => text.split(' '));
  return {
    settled,
    from: pools.map(([text = '']) => prefix(text)),
    origins: new Map(
      pools.map(([text = '', pool]) => [prefix(text).key, `CiliumLoadBalancerIPPool ${pool}`]),
    ),
    endpoints: [],
    leftOut: leftOut.map((text) => {
      const [range = '', pool, own = ''] = text.split(' ');
      const origin = `CiliumLoadBalancerIPPool ${pool}`;
      return { prefix: prefix(range), origin, address: address(own) };
    }),
    gateways: gateways.map((text) => ({
      ...{ gateway: address(text), interface: undefined, weight: 1 },
    })),
  };
}

function range(text: string): KeptRange {
  const [to = '', name = ''] = text.split(' ');
  return { prefix: prefix(to), what: 'pod-cidr', name };
}
