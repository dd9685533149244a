/** Nodes, CiliumNodes, CiliumPodIPPools and ServiceCIDRs: the ranges that are the cluster's own. Pure. */
import type { Prefix } from '../../net/prefix.js';
import { parseCidr, parseHost } from './address-text.js';
import type { Fields } from './fields.js';
import { type Metadata, metadataOf } from './metadata.js';

export interface ClusterNode extends Metadata {
  readonly podCidrs: readonly Prefix[];
  /** Host prefixes; names are left aside. */
  readonly addresses: readonly Prefix[];
}

/** Node, v1. @throws ObjectFault */
export function parseNode(object: Fields): ClusterNode {
  const spec = object.mapping('spec');
  const addresses = object.mapping('status').mappings('addresses');
  const texts = addresses
    .filter((one) => ADDRESS_TYPES.has(one.text('type') ?? ''))
    .map((one) => one.text('address') ?? '');
  return {
    ...metadataOf(object),
    // `podCIDR` is the first of `podCIDRs`, and alone in very old clusters.
    podCidrs: distinct(
      cidrs(spec, 'podCIDRs', [spec.text('podCIDR') ?? '', ...spec.texts('podCIDRs')]),
    ),
    addresses: hosts(object, 'status.addresses', texts),
  };
}

const ADDRESS_TYPES = new Set(['InternalIP', 'ExternalIP']);
const CILIUM_ADDRESS_TYPES = new Set([...ADDRESS_TYPES, 'CiliumInternalIP']);

/** CiliumNode, v2: of the cluster-pool and the multi-pool mode. @throws ObjectFault */
export function parseCiliumNode(object: Fields): ClusterNode {
  const spec = object.mapping('spec');
  const ipam = spec.mapping('ipam');
  const allocated = ipam.mapping('pools').mappings('allocated');
  const texts = spec
    .mappings('addresses')
    .filter((one) => CILIUM_ADDRESS_TYPES.has(one.text('type') ?? ''))
    .map((one) => one.text('ip') ?? '');
  return {
    ...metadataOf(object),
    podCidrs: distinct([
      ...cidrs(ipam, 'podCIDRs', ipam.texts('podCIDRs')),
      ...allocated.flatMap((pool) => cidrs(pool, 'cidrs', pool.texts('cidrs'))),
    ]),
    addresses: hosts(spec, 'addresses', texts),
  };
}

/** Ranges under one name. */
export interface NamedRanges extends Metadata {
  readonly prefixes: readonly Prefix[];
}

/** CiliumPodIPPool: of v2alpha1 each CIDR is a text, of v2 a mapping with one. @throws ObjectFault */
export function parsePodPool(object: Fields): NamedRanges {
  const spec = object.mapping('spec');
  const prefixes = ['ipv4', 'ipv6'].flatMap((family) => {
    const part = spec.mapping(family);
    return cidrs(part, 'cidrs', part.textsOr('cidrs', 'cidr'));
  });
  return { ...metadataOf(object), prefixes };
}

/** ServiceCIDR, networking.k8s.io/v1 and v1beta1. @throws ObjectFault */
export function parseServiceCidr(object: Fields): NamedRanges {
  const spec = object.mapping('spec');
  return { ...metadataOf(object), prefixes: cidrs(spec, 'cidrs', spec.texts('cidrs')) };
}

function cidrs(fields: Fields, key: string, texts: readonly string[]): readonly Prefix[] {
  return texts
    .filter((text) => text !== '')
    .map((text) => {
      const prefix = parseCidr(text);
      if (prefix === undefined) throw fields.fault(key, `has no CIDR: ${text}`);
      return prefix;
    });
}

function hosts(fields: Fields, key: string, texts: readonly string[]): readonly Prefix[] {
  return texts
    .filter((text) => text !== '')
    .map((text) => {
      const prefix = parseHost(text);
      if (prefix === undefined) throw fields.fault(key, `has no address: ${text}`);
      return prefix;
    });
}

function distinct(prefixes: readonly Prefix[]): readonly Prefix[] {
  return [...new Map(prefixes.map((prefix) => [prefix.key, prefix])).values()];
}
