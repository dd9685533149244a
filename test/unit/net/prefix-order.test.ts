import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Prefix } from '../../../src/net/prefix.js';
import { inOrder } from '../../../src/net/prefix-order.js';
import { address, prefix } from '../desired/build.js';

test('by family, address and length, whatever order they come in', () => {
  const ordered = [
    ...['0.0.0.0/0', '0.0.0.0/8', '10.0.0.0/8', '10.0.0.0/16', '10.0.1.0/24', '127.255.255.255/32'],
    ...['128.0.0.0/1', '200.0.0.0/8', '255.255.255.255/32'],
    ...['::/0', '2001:db8::/32', '2001:db8::/48', '2001:db8:0:1::/64', 'ff00::/8'],
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(ordered, { minLength: ordered.length }), (texts) => {
      assert.deepEqual(
        [...inOrder(texts.map((text) => prefix(text)))].map(({ text }) => text),
        ordered,
      );
    }),
  );
});

test('every IPv4 prefix comes back as it was', () => {
  const anyPrefix = fc
    .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
    .map(([text, length]) => Prefix.of(address(text), length));
  fc.assert(
    fc.property(anyPrefix, (one) => {
      const [again] = inOrder([one]);
      assert.ok(again?.equals(one));
    }),
  );
});
