/** EndpointSlice, discovery.k8s.io/v1: who answers for a service, and where. Pure. */
import type { Prefix } from '../../net/prefix.js';
import { parseHost } from './address-text.js';
import type { Fields } from './fields.js';
import { keyOf, metadataOf } from './metadata.js';

export interface EndpointSlice {
  /** `NAMESPACE/NAME`. */
  readonly service: string;
  /** Host prefixes. */
  readonly addresses: readonly Prefix[];
}

/**
 * The endpoints on `node` that are ready, serve, or are terminating: those still answer whom they
 * answered before. `undefined` where there is none. @throws ObjectFault
 */
export function parseEndpointsOn(node: string, object: Fields): EndpointSlice | undefined {
  return parseEndpoints(object, (endpoint) => {
    if (endpoint.text('nodeName') !== node) return false;
    const conditions = endpoint.mapping('conditions');
    const flags = (['serving', 'terminating'] as const).map((key) => conditions.flag(key));
    return conditions.flag('ready') !== false || flags.includes(true);
  });
}

/** Every endpoint, wherever it is. @throws ObjectFault */
export function parseAllEndpoints(object: Fields): EndpointSlice | undefined {
  return parseEndpoints(object, () => true);
}

function parseEndpoints(
  object: Fields,
  counts: (endpoint: Fields) => boolean,
): EndpointSlice | undefined {
  const { namespace, labels } = metadataOf(object);
  const name = labels['kubernetes.io/service-name'];
  if (name === undefined || object.text('addressType') === 'FQDN') return undefined;
  const addresses = object.mappings('endpoints').flatMap((endpoint) => {
    if (!counts(endpoint)) return [];
    return endpoint.texts('addresses').map((text) => {
      const prefix = parseHost(text);
      if (prefix === undefined) throw endpoint.fault('addresses', `has no address: ${text}`);
      return prefix;
    });
  });
  return addresses.length === 0 ? undefined : { service: keyOf({ name, namespace }), addresses };
}
