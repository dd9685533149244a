/** Service, v1: the very addresses that services are reached at. Pure. */
import type { RuleDiscovery } from '../../config/config.js';
import type { Prefix } from '../../net/prefix.js';
import { parseHost } from './address-text.js';
import type { Fields } from './fields.js';
import { selects } from './label-selector.js';
import { type Metadata, metadataOf } from './metadata.js';

export interface Service extends Metadata {
  readonly isLoadBalancer: boolean;
  /** `loadBalancerClass`. */
  readonly class: string | undefined;
  /** Host prefixes, of `status.loadBalancer.ingress` of a LoadBalancer service. */
  readonly ingress: readonly Prefix[];
  readonly externalIPs: readonly Prefix[];
  readonly clusterIPs: readonly Prefix[];
}

/** Names in place of addresses are left aside. @throws ObjectFault */
export function parseService(object: Fields): Service {
  const spec = object.mapping('spec');
  const isLoadBalancer = spec.text('type') === 'LoadBalancer';
  const ingress = object.mapping('status').mapping('loadBalancer').mappings('ingress');
  return {
    ...metadataOf(object),
    isLoadBalancer,
    class: spec.text('loadBalancerClass'),
    ingress: isLoadBalancer ? ingress.flatMap((one) => hosts(one, 'ip', [one.text('ip')])) : [],
    externalIPs: hosts(spec, 'externalIPs', spec.texts('externalIPs')),
    clusterIPs: hosts(
      spec,
      'clusterIPs',
      spec.texts('clusterIPs').filter((text) => text !== 'None'),
    ),
  };
}

function hosts(
  fields: Fields,
  key: string,
  texts: readonly (string | undefined)[],
): readonly Prefix[] {
  return texts.flatMap((text) => {
    if (!text) return [];
    const prefix = parseHost(text);
    if (prefix === undefined) throw fields.fault(key, `is no address: ${text}`);
    return [prefix];
  });
}

/** The addresses of a service that an entry asks for; none of one that it does not ask for. */
export function askedAddresses(
  entry: Extract<RuleDiscovery, { kind: 'services' }>,
  service: Service,
): readonly Prefix[] {
  const { namespaces, selector, externalIPs } = entry;
  if (namespaces.length > 0 && !namespaces.includes(service.namespace)) return [];
  if (selector !== undefined && !selects(selector, service.labels)) return [];
  if (entry.class !== undefined && service.class !== entry.class) return [];
  return externalIPs ? [...service.ingress, ...service.externalIPs] : service.ingress;
}
