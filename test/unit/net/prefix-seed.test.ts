/** In a process of its own: the seed is one for all, and is given once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';
import { PrefixSlots, seedPrefixHash } from '../../../src/net/prefix-slots.js';

test('no other seed is taken once a prefix is kept, which would not be found any more', () => {
  seedPrefixHash(1);
  seedPrefixHash(2);
  const slots = new PrefixSlots('ipv4');
  const prefix = Prefix.of(new Address('ipv4', 0x0a000000), 8);
  const slot = slots.add(prefix);
  assert.throws(() => seedPrefixHash(3), /before any is kept/);
  assert.equal(slots.find(prefix), slot);
});
