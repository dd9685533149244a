/** Short ways to write prefixes, paths and rules in tests. */
import assert from 'node:assert/strict';
import type { FilterRule, PrefixListEntry } from '../../../src/config/config.js';
import { Address } from '../../../src/net/address.js';
import { familyBits } from '../../../src/net/family.js';
import { Prefix } from '../../../src/net/prefix.js';
import type { Attributes, Path } from '../../../src/rib/path.js';

export function address(text: string): Address {
  const parsed = Address.parse(text);
  assert.ok(parsed, text);
  return parsed;
}

export function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  assert.ok(parsed instanceof Prefix, text);
  return parsed;
}

export function attributes(given: Partial<Attributes> = {}): Attributes {
  return {
    origin: 'igp',
    asPath: [],
    communities: [],
    largeCommunities: [],
    med: undefined,
    localPref: undefined,
    linkBandwidth: undefined,
    originatorId: undefined,
    clusterLength: 0,
    ...given,
  };
}

/** An AS_SEQUENCE. */
export function sequence(...asns: number[]): Attributes['asPath'] {
  return [{ type: 'sequence', asns }];
}

/** `nextHop` is `10.9.0.2`, or `fe80::1%eth1`. */
export function path(given: Partial<Omit<Path, 'nextHop'>> & { nextHop?: string } = {}): Path {
  const [hop = '', name] = (given.nextHop ?? '10.9.0.2').split('%');
  return {
    peer: '10.9.0.2',
    peerAs: 65001,
    pathId: 0,
    attributes: attributes(),
    session: undefined,
    receivedAt: undefined,
    ...given,
    nextHop: { address: address(hop), interface: name },
  };
}

/** `10.0.0.0/8 ge 16 le 24`, resolved as the configuration resolves it. */
export function range(text: string): NonNullable<FilterRule['prefix']> {
  const { prefix, ge, le } = words(text);
  const exact = ge === 0 && le === 0;
  return {
    prefix,
    minLength: ge === 0 ? prefix.length : ge,
    maxLength: exact ? prefix.length : le === 0 ? familyBits(prefix.family) : le,
  };
}

/** `seq 5 permit 10.0.0.0/8 ge 16 le 24`. */
export function entry(text: string): PrefixListEntry {
  const match = /^seq (\d+) (permit|deny) (.+)$/.exec(text);
  assert.ok(match?.[3] !== undefined, text);
  const action = match[2] === 'permit' ? 'permit' : 'deny';
  return { seq: Number(match[1]), action, ...words(match[3]) };
}

export function rule(
  action: FilterRule['action'],
  id: string,
  given: Partial<Omit<FilterRule, 'prefix'>> & { prefix?: string } = {},
): FilterRule {
  return {
    family: undefined,
    prefixList: undefined,
    peer: undefined,
    peerAs: undefined,
    originAs: undefined,
    asPath: undefined,
    community: undefined,
    largeCommunity: undefined,
    text: id,
    ...given,
    action,
    id,
    prefix: given.prefix === undefined ? undefined : range(given.prefix),
  };
}

/** Runs `work` and counts the `Map` look-ups it makes: what an index costs, without a clock. */
export function countMapGets(work: () => void): number {
  const { get } = Map.prototype;
  let gets = 0;
  Map.prototype.get = function (key) {
    gets++;
    return get.call(this, key);
  };
  try {
    work();
  } finally {
    Map.prototype.get = get;
  }
  return gets;
}

function words(text: string): { prefix: Prefix; ge: number; le: number } {
  const [word = ''] = text.split(' ');
  const bound = (name: string) => Number(new RegExp(` ${name} (\\d+)`).exec(text)?.[1] ?? 0);
  return { prefix: prefix(word), ge: bound('ge'), le: bound('le') };
}
