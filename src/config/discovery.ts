/** Parsed `discovery`, and what tables ask of it -> frozen values, with what one key means for another checked. */
import type { KubernetesConfig, LabelSelector, RuleDiscovery } from './config.js';
import type { FaultPath, Tell } from './fault.js';
import type { ParsedDiscovery, ParsedRuleDiscovery, ParsedSelector } from './schema-discovery.js';

/** What a pod finds in its environment. */
export type Environment = Readonly<
  Partial<Record<'NODE_NAME' | 'KUBERNETES_SERVICE_HOST' | 'KUBERNETES_SERVICE_PORT', string>>
>;

/** `kubeconfig` is the absolute path of the file, which is known to be readable. */
export function buildKubernetes(
  parsed: NonNullable<ParsedDiscovery['kubernetes']>,
  kubeconfig: string | undefined,
  environment: Environment,
  path: FaultPath,
  tell: Tell,
): KubernetesConfig {
  for (const [index, kind] of parsed.protect.entries()) {
    if (parsed.protect.indexOf(kind) < index) tell([...path, index], 'stands above already');
  }
  const { NODE_NAME, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
  return {
    kubeconfig,
    inCluster: host && /^[0-9]{1,5}$/.test(port ?? '') ? { host, port: Number(port) } : undefined,
    node: parsed.node ?? (NODE_NAME || undefined),
    protect: parsed.protect,
    status: parsed.status,
  };
}

/** The entries of `rules.discover`; `path` is that of the list. */
export function buildRuleDiscovery(
  parsed: readonly ParsedRuleDiscovery[],
  path: FaultPath,
  tell: Tell,
): readonly RuleDiscovery[] {
  return parsed.flatMap((entry, index): readonly RuleDiscovery[] => {
    const at = [...path, index];
    const { ciliumPools, metallbPools, services } = entry;
    if (Object.values(entry).filter((one) => one !== undefined).length !== 1) {
      tell(at, 'must have exactly one of ciliumPools, metallbPools and services');
    }
    const selectorOf = (key: string, selector: ParsedSelector | undefined) =>
      selector && buildSelector(selector, [...at, key, 'selector'], tell);
    if (ciliumPools !== undefined) {
      const { names, selector } = ciliumPools;
      return [{ kind: 'ciliumPools', names, selector: selectorOf('ciliumPools', selector) }];
    }
    if (metallbPools !== undefined) return [{ kind: 'metallbPools', ...metallbPools }];
    if (services === undefined) return [];
    const { class: name, selector, namespaces, externalIPs } = services;
    return [
      {
        kind: 'services',
        class: name === '' ? undefined : name,
        selector: selectorOf('services', selector),
        ...{ namespaces, externalIPs },
      },
    ];
  });
}

function buildSelector(parsed: ParsedSelector, path: FaultPath, tell: Tell): LabelSelector {
  const matchExpressions = parsed.matchExpressions.map((requirement, index) => {
    const at = [...path, 'matchExpressions', index, 'values'];
    const { key, operator, values } = requirement;
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) tell(at, `${operator} needs one value at least`);
      return { key, operator, values };
    }
    if (values.length > 0) tell(at, `does not go with ${operator}`);
    return { key, operator };
  });
  return { matchLabels: parsed.matchLabels, matchExpressions };
}
