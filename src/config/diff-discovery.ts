/** What a reload changed in what is asked of the cluster, one short line a change. */
import type {
  Config,
  KubernetesConfig,
  LabelRequirement,
  LabelSelector,
  RuleDiscovery,
  TableConfig,
} from './config.js';

/** Lines that begin with `discovery`; empty when nothing changed. */
export function diffDiscovery(before: Config, after: Config): readonly string[] {
  const [from, to] = [before.discovery.kubernetes, after.discovery.kubernetes];
  const path = 'discovery.kubernetes';
  if (from === undefined || to === undefined) {
    if (from === to) return [];
    return [`${path}: ${from === undefined ? 'added' : 'removed'}`];
  }
  const [old, current] = [textsOf(from), textsOf(to)];
  return (Object.keys(old) as (keyof typeof old)[]).flatMap((key) =>
    old[key] === current[key]
      ? []
      : [`${path}.${key}: ${old[key] || 'none'} -> ${current[key] || 'none'}`],
  );
}

function textsOf({ kubeconfig, inCluster, node, protect, status }: KubernetesConfig) {
  const server = inCluster && `${inCluster.host} ${inCluster.port}`;
  return {
    ...{ kubeconfig: kubeconfig ?? '', inCluster: server ?? '', node: node ?? '' },
    ...{ protect: protect.join(' '), status: String(status) },
  };
}

/** The entries of `rules.discover`, each in one word or some: `ciliumPools a,b tier=edge`. */
export function discoveryTexts({ rules }: TableConfig): readonly string[] {
  return (rules?.discover ?? []).map(discoveryText);
}

function discoveryText(entry: RuleDiscovery): string {
  const words = (): readonly string[] => {
    switch (entry.kind) {
      case 'ciliumPools':
        return [entry.names.join(','), selectorText(entry.selector)];
      case 'metallbPools':
        return [entry.names.join(','), entry.advertised ? '' : 'advertised or not'];
      case 'services':
        return [
          entry.class === undefined ? '' : `class ${entry.class}`,
          selectorText(entry.selector),
          entry.namespaces.length === 0 ? '' : `in ${entry.namespaces.join(',')}`,
          entry.externalIPs ? 'externalIPs' : '',
        ];
    }
  };
  return [entry.kind, ...words()].filter((word) => word !== '').join(' ');
}

/** As kubectl takes one: `tier=edge,zone in (a,b),!old`. */
function selectorText(selector: LabelSelector | undefined): string {
  if (selector === undefined) return '';
  const labels = Object.entries(selector.matchLabels).map(([key, value]) => `${key}=${value}`);
  return [...labels, ...selector.matchExpressions.map(requirementText)].join(',');
}

function requirementText(requirement: LabelRequirement): string {
  const { key } = requirement;
  switch (requirement.operator) {
    case 'In':
      return `${key} in (${requirement.values.join(',')})`;
    case 'NotIn':
      return `${key} notin (${requirement.values.join(',')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
  }
}
