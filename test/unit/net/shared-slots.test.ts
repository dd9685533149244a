import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';
import { SharedSlots } from '../../../src/net/shared-slots.js';

test('a hint beyond all that is in use is not believed, though the room there is zeros, as a default route is', () => {
  const slots = new SharedSlots('ipv4');
  slots.add(Prefix.of(new Address('ipv4', 1), 32));
  const route = Prefix.of(new Address('ipv4', 0), 0);
  route.slotHint = slots.end + 3;
  assert.equal(slots.find(route), -1);
  assert.equal(slots.add(route), 1);
  assert.equal(slots.find(route), 1);
});
