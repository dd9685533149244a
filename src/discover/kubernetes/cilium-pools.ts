/**
 * CiliumLoadBalancerIPPool, v2 and v2alpha1: the ranges that Cilium gives service addresses from.
 * A `disabled` pool gives none, but what it gave stays in use, so its ranges count; so do the first
 * and last addresses that `allowFirstLastIPs` spares. `serviceSelector` says who may be given an
 * address, not which addresses there are. Pure.
 */
import type { RuleDiscovery } from '../../config/config.js';
import type { Prefix } from '../../net/prefix.js';
import { parseCidr, parseStartStop } from './address-text.js';
import type { Fields } from './fields.js';
import { selects } from './label-selector.js';
import { type Metadata, metadataOf } from './metadata.js';

export interface CiliumPool extends Metadata {
  readonly prefixes: readonly Prefix[];
}

/** @throws ObjectFault */
export function parseCiliumPool(object: Fields): CiliumPool {
  const spec = object.mapping('spec');
  // Up to Cilium 1.15 `cidrs` was the name of `blocks`.
  const blocks = [...spec.mappings('blocks'), ...spec.mappings('cidrs')];
  return { ...metadataOf(object), prefixes: blocks.flatMap(blockPrefixes) };
}

function blockPrefixes(block: Fields): readonly Prefix[] {
  const [cidr, start, stop] = [block.text('cidr'), block.text('start'), block.text('stop')];
  if (cidr) {
    const prefix = parseCidr(cidr);
    if (prefix === undefined) throw block.fault('cidr', `is no CIDR: ${cidr}`);
    return [prefix];
  }
  if (!start) throw block.fault('start', 'is missing, and so is cidr');
  const prefixes = parseStartStop(start, stop);
  if (prefixes === undefined)
    throw block.fault('start', `to stop is no range: ${start} to ${stop}`);
  return prefixes;
}

/** The pools that an entry asks for. */
export function chosenCiliumPools(
  { names, selector }: Extract<RuleDiscovery, { kind: 'ciliumPools' }>,
  pools: readonly CiliumPool[],
): readonly CiliumPool[] {
  return pools.filter(
    ({ name, labels }) =>
      (names.length === 0 || names.includes(name)) &&
      (selector === undefined || selects(selector, labels)),
  );
}
