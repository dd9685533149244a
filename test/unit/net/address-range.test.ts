import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Address } from '../../../src/net/address.js';
import { parseRange, rangePrefixes } from '../../../src/net/address-range.js';
import { familyBits } from '../../../src/net/family.js';
import type { Prefix } from '../../../src/net/prefix.js';

const RANGES: readonly (readonly [range: string, prefixes: string | undefined])[] = [
  ['10.0.0.0-10.0.0.255', '10.0.0.0/24'],
  ['10.0.0.7-10.0.0.7', '10.0.0.7/32'],
  ['192.168.58.10 - 192.168.58.30', '10/31 12/30 16/29 24/30 28/31 30/32'],
  [
    '10.0.0.1-10.0.0.254',
    '1/32 2/31 4/30 8/29 16/28 32/27 64/26 128/26 192/27 224/28 240/29 248/30 252/31 254/32',
  ],
  ['0.0.0.0-255.255.255.255', '0.0.0.0/0'],
  ['127.255.255.255-128.0.0.0', '127.255.255.255/32 128.0.0.0/32'],
  ['2001:db8::-2001:db8::ff', '2001:db8::/120'],
  ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::/0'],
  ['fd00::1-fd00::2', 'fd00::1/128 fd00::2/128'],
  ['10.0.0.2-10.0.0.1', undefined],
  ['10.0.0.1-fd00::1', undefined],
  ['10.0.0.1', undefined],
  ['10.0.0.1-', undefined],
  ['10.0.0.1-10.0.0.2-10.0.0.3', undefined],
  ['10.0.0.1-10.0.0.256', undefined],
];

/** `10/31` is short for `192.168.58.10/31`, and so on. */
function textsOf(range: string, prefixes: readonly Prefix[]): string {
  const net = range.slice(0, range.split(/\s*-/)[0]?.lastIndexOf('.')) || '';
  const isShort = RANGES.find(([text]) => text === range)?.[1]?.match(/^\d+\/\d+ /) != null;
  return prefixes.map(({ text }) => (isShort ? text.slice(net.length + 1) : text)).join(' ');
}

describe('a range of addresses', () => {
  for (const [range, wanted] of RANGES) {
    it(`${range} is ${wanted ?? 'none'}`, () => {
      const prefixes = parseRange(range);
      assert.equal(prefixes && textsOf(range, prefixes), wanted);
    });
  }

  it('tells why two addresses are none', () => {
    const [a, b, c] = ['10.0.0.1', '10.0.0.2', 'fd00::1'].map((text) => Address.parse(text));
    assert.ok(a && b && c);
    assert.deepEqual(rangePrefixes(b, a), { fault: 'order' });
    assert.deepEqual(rangePrefixes(a, c), { fault: 'families' });
  });

  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  const ipv4 = word.map((w0) => new Address('ipv4', w0));
  const ipv6 = fc
    .tuple(word, word, word, word)
    .map(([w0, w1, w2, w3]) => new Address('ipv6', w0, w1, w2, w3));

  it('covers what is in it, in order, and nothing beside, with no two prefixes that are one', () => {
    const pairs = fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6));
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const [first, last] = one.compare(other) <= 0 ? [one, other] : [other, one];
        const prefixes = rangePrefixes(first, last);
        assert.ok(!('fault' in prefixes));
        let next = numberOf(first);
        for (const [index, { address, length }] of prefixes.entries()) {
          assert.equal(numberOf(address), next);
          next += 1n << BigInt(familyBits(first.family) - length);
          const before = prefixes[index - 1];
          // The fewest: neighbours of one length that are halves of one prefix would be that prefix.
          if (before?.length === length) {
            assert.ok(!before.truncate(length - 1).contains(address), `${before} ${address}`);
          }
        }
        assert.equal(next, numberOf(last) + 1n);
        assert.ok(prefixes.length <= 2 * familyBits(first.family) - 2 || prefixes.length === 1);
      }),
    );
  });
});

function numberOf({ family, w0, w1, w2, w3 }: Address): bigint {
  const words = family === 'ipv4' ? [w0] : [w0, w1, w2, w3];
  return words.reduce((number, one) => number * 2n ** 32n + BigInt(one >>> 0), 0n);
}
