import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Address } from '../../../src/net/address.js';
import { Prefix } from '../../../src/net/prefix.js';
import { PrefixSet } from '../../../src/net/prefix-set.js';
import { anyAddress, anyPrefix } from './arbitrary.js';

test('covering is the longest member that contains, as a walk over all finds it', () => {
  // Dense, so that members do cover one another.
  const dense = fc
    .tuple(fc.nat(3), fc.nat(255), fc.integer({ min: 0, max: 32 }))
    .map(([a, b, length]) => Prefix.of(new Address('ipv4', (a << 24) | (b << 8)), length));
  const some = fc.oneof(dense, anyPrefix);
  fc.assert(
    fc.property(fc.array(some), fc.oneof(some, anyAddress), (members, of) => {
      const set = new PrefixSet(members);
      const longest = members
        .filter((member) => member.contains(of))
        .reduce<Prefix | undefined>(
          (a, b) => (a !== undefined && a.length >= b.length ? a : b),
          undefined,
        );
      assert.equal(set.covering(of)?.text, longest?.text);
      assert.equal(set.size, new Set(members.map(({ key }) => key)).size);
      for (const member of members) assert.ok(set.has(member));
    }),
  );
});

test('equal sets have the same members, in any order and however often given', () => {
  const set = (...texts: string[]) =>
    new PrefixSet(
      texts.map((text) => {
        const prefix = Prefix.parse(text);
        assert.ok(prefix instanceof Prefix);
        return prefix;
      }),
    );
  const one = set('10.0.0.0/8', '2001:db8::/32');
  const differs = (...texts: string[]) => one.difference(set(...texts)).map(String);
  assert.deepEqual(differs('2001:db8::/32', '10.0.0.0/8', '10.0.0.0/8'), []);
  assert.deepEqual(differs('10.0.0.0/8'), ['2001:db8::/32']);
  assert.deepEqual(differs('10.0.0.0/8', '2001:db8::/33'), ['2001:db8::/32', '2001:db8::/33']);
  assert.deepEqual(set().difference(set()), []);
  assert.equal(set('0.0.0.0/0').covering(Address.parse('::1') ?? assert.fail()), undefined);
});
