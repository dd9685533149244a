/**
 * MetalLB's IPAddressPool and BGPAdvertisement, v1beta1: which ranges there are, and which of them a
 * node announces over BGP. Pure.
 */
import type { LabelSelector, RuleDiscovery } from '../../config/config.js';
import type { Prefix } from '../../net/prefix.js';
import { parseCidrOrRange } from './address-text.js';
import type { Fields } from './fields.js';
import { anySelects, selectorOf, selects } from './label-selector.js';
import { type Metadata, metadataOf } from './metadata.js';

export interface MetallbPool extends Metadata {
  readonly prefixes: readonly Prefix[];
}

/** @throws ObjectFault */
export function parseMetallbPool(object: Fields): MetallbPool {
  const spec = object.mapping('spec');
  const prefixes = spec.texts('addresses').flatMap((text) => {
    const found = parseCidrOrRange(text);
    if (found === undefined) throw spec.fault('addresses', `has no CIDR and no range: ${text}`);
    return found;
  });
  return { ...metadataOf(object), prefixes };
}

/** Of a BGPAdvertisement; what it says of services and communities narrows no range. */
export interface Advertisement extends Metadata {
  readonly pools: readonly string[];
  readonly poolSelectors: readonly LabelSelector[];
  readonly nodeSelectors: readonly LabelSelector[];
}

/** @throws ObjectFault */
export function parseAdvertisement(object: Fields): Advertisement {
  const spec = object.mapping('spec');
  return {
    ...metadataOf(object),
    pools: spec.texts('ipAddressPools'),
    poolSelectors: spec.mappings('ipAddressPoolSelectors').map(selectorOf),
    nodeSelectors: spec.mappings('nodeSelectors').map(selectorOf),
  };
}

/** The pools that an entry asks for; `node`: the labels of this one, absent while they are not known. */
export function chosenMetallbPools(
  { names, advertised }: Extract<RuleDiscovery, { kind: 'metallbPools' }>,
  pools: readonly MetallbPool[],
  advertisements: readonly Advertisement[],
  node: Metadata['labels'] | undefined,
): readonly MetallbPool[] {
  return pools.filter(
    (pool) =>
      (names.length === 0 || names.includes(pool.name)) &&
      (!advertised || advertisements.some((one) => isAnnounced(pool, one, node))),
  );
}

/** MetalLB takes names and selectors together: a pool that either names. Neither names all. */
function isAnnounced(
  pool: MetallbPool,
  { namespace, pools, poolSelectors, nodeSelectors }: Advertisement,
  node: Metadata['labels'] | undefined,
): boolean {
  if (namespace !== pool.namespace) return false;
  if (nodeSelectors.length > 0 && (node === undefined || !anySelects(nodeSelectors, node))) {
    return false;
  }
  if (pools.length + poolSelectors.length === 0) return true;
  return (
    pools.includes(pool.name) || poolSelectors.some((selector) => selects(selector, pool.labels))
  );
}
