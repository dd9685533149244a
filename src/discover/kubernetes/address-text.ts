/**
 * Addresses and ranges as objects of the API write them. The whole address space is none of them: a
 * rule from it would take all traffic of the node. Pure.
 */

import { Address } from '../../net/address.js';
import { parseRange, rangePrefixes } from '../../net/address-range.js';
import { Prefix } from '../../net/prefix.js';

/** `10.0.0.0/24`; host bits are cut off, as Kubernetes, Cilium and MetalLB do. `undefined` where it is none. */
export function parseCidr(text: string): Prefix | undefined {
  const parsed = Prefix.parse(text.trim());
  const prefix = 'fault' in parsed && parsed.fault === 'host-bits' ? parsed.meant : parsed;
  return prefix instanceof Prefix && !prefix.isDefault ? prefix : undefined;
}

/** A CIDR or a range `a-b`, as MetalLB's pools have them. */
export function parseCidrOrRange(text: string): readonly Prefix[] | undefined {
  if (text.includes('-')) return notAll(parseRange(text));
  const prefix = parseCidr(text);
  return prefix && [prefix];
}

/** From `start` to `stop`, both included; a missing `stop` is `start`. */
export function parseStartStop(
  start: string,
  stop: string | undefined,
): readonly Prefix[] | undefined {
  const [first, last] = [Address.parse(start), Address.parse(stop || start)];
  if (first === undefined || last === undefined) return undefined;
  const prefixes = rangePrefixes(first, last);
  return 'fault' in prefixes ? undefined : notAll(prefixes);
}

function notAll(prefixes: readonly Prefix[] | undefined): readonly Prefix[] | undefined {
  return prefixes?.some(({ isDefault }) => isDefault) === true ? undefined : prefixes;
}

/** The prefix of one address. */
export function parseHost(text: string): Prefix | undefined {
  const address = Address.parse(text);
  return address && Prefix.host(address);
}
