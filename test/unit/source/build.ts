/** Values for the tests of sources. */
import assert from 'node:assert/strict';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';
import type { Attributes, Path } from '../../../src/rib/path.js';

export function prefix(text: string): Prefix {
  const parsed = Prefix.parse(text);
  assert.ok(parsed instanceof Prefix, text);
  return parsed;
}

export function address(text: string): Address {
  const parsed = Address.parse(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

export function path(peer: string, attributes: Partial<Attributes> = {}): Path {
  return {
    ...{ peer, peerAs: 65001, pathId: 0 },
    nextHop: { address: address(peer), interface: undefined },
    ...{ session: undefined, receivedAt: undefined },
    attributes: {
      ...{ origin: 'igp', asPath: [], communities: [], largeCommunities: [] },
      ...{ med: undefined, localPref: undefined, linkBandwidth: undefined },
      ...{ originatorId: undefined, clusterLength: 0 },
      ...attributes,
    },
  };
}
