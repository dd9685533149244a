/** Which resources a configuration needs: of what it says nothing, nothing is asked. Pure. */
import type { Config, ProtectedRange, TableConfig } from '../../config/config.js';
import type { ClusterView, ResourceKey } from './resources.js';

type Needs = ReadonlySet<ResourceKey>;

/** Of the whole configuration; what `view` knows may add to it. */
export function neededResources(config: Config, view: ClusterView): Needs {
  const needed = new Set([
    ...neededForKept(config, view),
    ...config.tables.flatMap((table) => [...neededForTable(table, config)]),
  ]);
  return needed;
}

/** What the rules and static routes of a table come from. */
export function neededForTable(table: TableConfig, config: Config): Needs {
  const needed = new Set<ResourceKey>();
  const discover = table.rules?.discover ?? [];
  // No rule may take what the node itself sends.
  if (discover.length > 0) needed.add(nodeResource(config));
  for (const entry of discover) {
    switch (entry.kind) {
      case 'ciliumPools':
        needed.add('ciliumPools');
        break;
      case 'metallbPools':
        needed.add('metallbPools');
        if (entry.advertised) needed.add('advertisements');
        break;
      case 'services':
        needed.add('services');
        break;
    }
  }
  if (table.static.some(({ discover }) => discover === 'metallbPeers')) {
    needed.add('peers').add(nodeResource(config));
  }
  if (asksEndpoints(table)) needed.add('services').add('endpoints');
  return needed;
}

/** What the ranges that are kept come from. */
export function neededForKept(config: Config, view: ClusterView): Needs {
  const protect = config.discovery.kubernetes?.protect ?? [];
  return new Set(
    protect.flatMap((range) => [
      ...KEPT_NEEDS[range],
      // Before ServiceCIDR (Kubernetes 1.31) no object told the range: what services have of it is known.
      ...(range === 'serviceCidrs' && view.absent('serviceCidrs') ? (['services'] as const) : []),
    ]),
  );
}

const KEPT_NEEDS: Readonly<Record<ProtectedRange, readonly ResourceKey[]>> = {
  podCidrs: ['nodes', 'ciliumNodes'],
  podPools: ['podPools'],
  serviceCidrs: ['serviceCidrs'],
  nodeAddresses: ['nodes', 'ciliumNodes'],
  apiServer: ['apiService', 'apiEndpoints'],
};

/** Where the labels and addresses of this node are: in all Nodes, where those are needed anyway. */
export function nodeResource({ discovery }: Config): 'nodes' | 'ownNode' {
  const protect = discovery.kubernetes?.protect ?? [];
  return protect.includes('podCidrs') || protect.includes('nodeAddresses') ? 'nodes' : 'ownNode';
}

/** Its rules follow the endpoints of services. */
export function asksEndpoints({ rules }: TableConfig): boolean {
  return rules?.returnPath.by === 'endpoints';
}
