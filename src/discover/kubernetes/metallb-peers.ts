/**
 * MetalLB's BGPPeer, v1beta2: the routers of a node, as gateways. Three labels, or annotations of the
 * same names, which may hold what no label can, an IPv6 address: `rib2fib/enabled` (`false`, `no` and
 * `0` leave the peer out), `rib2fib/address` (another gateway than the peer's address) and `rib2fib/weight` (1 to
 * 256). An annotation goes before a label. Pure.
 */
import type { LabelSelector, StaticLeg } from '../../config/config.js';
import { Address } from '../../net/address.js';
import type { Fields } from './fields.js';
import { anySelects, selectorOf } from './label-selector.js';
import { type Metadata, metadataOf } from './metadata.js';

export interface MetallbPeer extends Metadata {
  readonly nodeSelectors: readonly LabelSelector[];
  readonly leg: StaticLeg;
}

/**
 * `undefined` of a peer that is left out, or has no address that could be a gateway: one in a VRF, or
 * unnumbered without `rib2fib/address`.
 * @throws ObjectFault
 */
export function parseMetallbPeer(object: Fields): MetallbPeer | undefined {
  const metadata = metadataOf(object);
  const marks = { ...metadata.labels, ...object.mapping('metadata').record('annotations') };
  const spec = object.mapping('spec');
  const enabled = (marks['rib2fib/enabled'] ?? 'true').toLowerCase();
  if (![...YES, ...NO].includes(enabled)) {
    throw object.fault('rib2fib/enabled', `is neither true nor false: ${enabled}`);
  }
  const address = marks['rib2fib/address'] ?? spec.text('peerAddress') ?? '';
  if (NO.includes(enabled) || spec.text('vrf') || address === '') return undefined;
  const gateway = Address.parse(address);
  if (gateway === undefined || gateway.isUnspecified)
    throw object.fault('peerAddress', `is no address: ${address}`);
  const way = spec.text('interface') || undefined;
  if (gateway.isLinkLocal && way === undefined) {
    throw object.fault('peerAddress', `is link-local, and there is no interface: ${address}`);
  }
  const weight = marks['rib2fib/weight'] ?? '1';
  if (!/^[1-9][0-9]{0,2}$/.test(weight) || Number(weight) > 256) {
    throw object.fault('rib2fib/weight', `is not from 1 to 256: ${weight}`);
  }
  return {
    ...metadata,
    nodeSelectors: spec.mappings('nodeSelectors').map(selectorOf),
    leg: { gateway, interface: way, weight: Number(weight) },
  };
}

const YES: readonly string[] = ['true', 'yes', '1'];
const NO: readonly string[] = ['false', 'no', '0'];

/** The gateways of a node with these labels, none twice, in the order of their text; `undefined`: labels not known. */
export function gatewaysOf(
  peers: readonly MetallbPeer[],
  node: Metadata['labels'] | undefined,
): readonly StaticLeg[] {
  const legs = new Map<string, StaticLeg>();
  for (const { nodeSelectors, leg } of peers) {
    if (nodeSelectors.length > 0 && (node === undefined || !anySelects(nodeSelectors, node))) {
      continue;
    }
    const key = `${leg.gateway}%${leg.interface ?? ''}`;
    const known = legs.get(key);
    // Two sessions with one router are one way there.
    if (known === undefined || known.weight < leg.weight) legs.set(key, leg);
  }
  return [...legs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, leg]) => leg);
}
