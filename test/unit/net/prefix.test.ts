import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { Address } from '../../../src/net/address.js';
import { FAMILIES, familyBits } from '../../../src/net/family.js';
import { Prefix } from '../../../src/net/prefix.js';
import { anyAddress, anyPrefix } from './arbitrary.js';

function parsed(text: string): Prefix {
  const prefix = Prefix.parse(text);
  assert.ok(prefix instanceof Prefix, text);
  return prefix;
}

function addressOf(text: string): Address {
  const address = Address.parse(text);
  assert.ok(address, text);
  return address;
}

test('a prefix is parsed and printed', () => {
  const table = ['0.0.0.0/0', '10.0.0.0/8', '192.0.2.1/32', '::/0', '2001:db8::/33', '::1/128'];
  for (const text of table) assert.equal(parsed(text).text, text);
  assert.equal(parsed('0.0.0.0/0').isDefault, true);
  assert.equal(parsed('::/0').isDefault, true);
  assert.equal(parsed('0.0.0.0/1').isDefault, false);
});

test('host bits are a fault that names the prefix meant', () => {
  for (const [text, meant] of [
    ['10.0.0.1/8', '10.0.0.0/8'],
    ['128.0.0.1/0', '0.0.0.0/0'],
    ['2001:db8::1/64', '2001:db8::/64'],
    ['2001:db8:8000::/32', '2001:db8::/32'],
  ] as const) {
    const fault = Prefix.parse(text);
    assert.ok(!(fault instanceof Prefix) && fault.fault === 'host-bits');
    assert.equal(fault.meant.text, meant);
  }
});

test('what is not a prefix is a syntax fault', () => {
  const table = [
    '',
    '/',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8 ',
    '10.0.0.0/1e1',
    '10.0.0.0/255.0.0.0',
    '10.0.0/8',
    '::/129',
    '::/1000',
    '10.0.0.0/8/8',
  ];
  for (const text of table) assert.deepEqual(Prefix.parse(text), { fault: 'syntax' }, text);
});

test('a length outside the family is a RangeError', () => {
  const address = addressOf('10.0.0.0');
  for (const length of [-1, 33, 1.5, Number.NaN]) {
    assert.throws(() => Prefix.of(address, length), RangeError);
  }
});

test('text reads back, and ipaddr.js takes it for the same network', () => {
  fc.assert(
    fc.property(anyAddress, fc.nat(128), (address, n) => {
      const prefix = Prefix.of(address, Math.min(n, familyBits(address.family)));
      assert.equal(parsed(prefix.text).key, prefix.key);
      const network =
        address.family === 'ipv4'
          ? ipaddr.IPv4.networkAddressFromCIDR(`${address.text}/${prefix.length}`)
          : ipaddr.IPv6.networkAddressFromCIDR(`${address.text}/${prefix.length}`);
      assert.equal(prefix.address.text, addressOf(network.toString()).text);
    }),
  );
});

test('keys are equal exactly for equal prefixes', () => {
  const near = fc.tuple(fc.constantFrom('0.0.0.0', '128.0.0.0', '::', '8000::'), fc.nat(32));
  const prefixes = fc.oneof(
    anyPrefix,
    near.map(([text, length]) => Prefix.of(addressOf(text), length)),
  );
  fc.assert(
    fc.property(prefixes, prefixes, (a, b) => {
      assert.equal(a.key === b.key, a.text === b.text);
    }),
    { numRuns: 2000 },
  );
});

test('contains agrees with ipaddr.js', () => {
  // The second is derived from the first more often than not, so that both answers occur.
  const pairs = fc
    .tuple(anyPrefix, anyAddress, fc.nat(128), fc.nat(128))
    .map(([outer, stranger, keep, n]) => {
      const bits = familyBits(outer.family);
      const bytes = Buffer.alloc(16);
      outer.address.writeTo(bytes, 0);
      const flipped = Math.min(keep, bits - 1);
      bytes[flipped >> 3] = (bytes[flipped >> 3] ?? 0) ^ (0x80 >> (flipped & 7));
      const inner = keep === 128 ? stranger : Address.fromBytes(outer.family, bytes);
      return [outer, Prefix.of(inner, Math.min(n, familyBits(inner.family)))] as const;
    });
  fc.assert(
    fc.property(pairs, ([outer, inner]) => {
      const [a, b] = [ipaddr.parse(outer.address.text), ipaddr.parse(inner.address.text)];
      const same = a.kind() === b.kind();
      const matches = same && b.match(a, outer.length);
      assert.equal(outer.contains(inner.address), matches);
      assert.equal(outer.contains(inner), matches && inner.length >= outer.length);
    }),
    { numRuns: 2000 },
  );
});

test('the last bit of a prefix counts, and the one behind it does not', () => {
  for (const family of FAMILIES) {
    const bits = familyBits(family);
    const ones = Buffer.alloc(16, 0xff);
    const flipped = (bit: number) => {
      const bytes = Buffer.from(ones);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      return Address.fromBytes(family, bytes);
    };
    for (let length = 0; length <= bits; length++) {
      const prefix = Prefix.of(Address.fromBytes(family, ones), length);
      if (length > 0) assert.equal(prefix.contains(flipped(length - 1)), false, prefix.text);
      if (length < bits) assert.equal(prefix.contains(flipped(length)), true, prefix.text);
      assert.equal(
        Prefix.of(flipped(Math.min(length, bits - 1)), length).key === prefix.key,
        length < bits,
      );
    }
  }
});

test('truncating gives the covering prefix', () => {
  fc.assert(
    fc.property(anyPrefix, fc.nat(128), (prefix, n) => {
      const cover = prefix.truncate(Math.min(n, prefix.length));
      assert.equal(cover.length, Math.min(n, prefix.length));
      assert.ok(cover.contains(prefix));
    }),
  );
  const prefix = parsed('10.0.0.0/8');
  assert.equal(prefix.truncate(8), prefix);
});

test('a host prefix holds its address and nothing else', () => {
  const host = Prefix.host(addressOf('2001:db8::1'));
  assert.equal(host.text, '2001:db8::1/128');
  assert.equal(host.contains(addressOf('2001:db8::1')), true);
  assert.equal(host.contains(addressOf('2001:db8::2')), false);
});

test('fromBytes reads as many octets as the length asks for, and cuts host bits off', () => {
  fc.assert(
    fc.property(anyAddress, fc.nat(3), (address, before) => {
      for (let length = 0; length <= familyBits(address.family); length++) {
        const octets = Buffer.alloc(before + 16);
        address.writeTo(octets, before);
        // Nothing stands behind the prefix's own octets.
        const bytes = octets.subarray(0, before + ((length + 7) >>> 3));
        const prefix = Prefix.fromBytes(address.family, length, bytes, before);
        assert.deepEqual(prefix, Prefix.of(address, length));
      }
    }),
  );
});

test('fromBytes throws RangeError at lengths and octets that are not there', () => {
  for (const [family, length, octets] of [
    ['ipv4', 33, 5],
    ['ipv4', -1, 4],
    ['ipv4', 17, 2],
    ['ipv6', 129, 17],
    ['ipv6', 128, 15],
  ] as const) {
    assert.throws(() => Prefix.fromBytes(family, length, Buffer.alloc(octets), 0), RangeError);
  }
});

test('fromBytes reads no octet behind its own', () => {
  const bytes = Buffer.from([10, 1, 255, 255]);
  assert.equal(Prefix.fromBytes('ipv4', 16, bytes, 0).text, '10.1.0.0/16');
});
