import assert from 'node:assert/strict';
import { isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { Address } from '../../../src/net/address.js';
import { anyAddress, ipv4Address, ipv6Address } from './arbitrary.js';

function parsed(text: string): Address {
  const address = Address.parse(text);
  assert.ok(address, text);
  return address;
}

test('text is parsed and printed in canonical form', () => {
  const table: [string, string][] = [
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['128.0.0.1', '128.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['FE80::A', 'fe80::a'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ];
  for (const [text, canonical] of table) assert.equal(parsed(text).text, canonical);
});

test('what is not an address is refused', () => {
  const table = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.00',
    '1..2.3',
    '.1.2.3',
    '1.2.3.',
    '+1.2.3.4',
    '0x1.2.3.4',
    '16909060',
    '1.2.3.4 ',
    '1.2.3.4/24',
    '١.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7',
    'fe80::1%eth0',
    '[::1]',
    '::1/64',
    ' ::1',
    '::g',
    '::1.2.3',
    '::256.1.1.1',
    '::ffff:010.1.1.1',
    '::0x1.1.1.1',
  ];
  for (const text of table) assert.equal(Address.parse(text), undefined, JSON.stringify(text));
});

test('IPv4 text is what ipaddr.js prints, and reads back', () => {
  fc.assert(
    fc.property(ipv4Address, (address) => {
      const bytes = Buffer.alloc(4);
      assert.equal(address.writeTo(bytes, 0), 4);
      assert.equal(address.text, ipaddr.fromByteArray([...bytes]).toString());
      assert.ok(parsed(address.text).equals(address));
      assert.ok(Address.fromBytes('ipv4', bytes).equals(address));
    }),
  );
});

test('IPv6 text is RFC 5952, as the WHATWG URL parser prints it, and reads back', () => {
  fc.assert(
    fc.property(ipv6Address, (address) => {
      const bytes = Buffer.alloc(20);
      assert.equal(address.writeTo(bytes, 4), 20);
      const long = ipaddr.fromByteArray([...bytes.subarray(4)]).toNormalizedString();
      assert.equal(`[${address.text}]`, new URL(`http://[${long}]/`).hostname);
      assert.ok(parsed(address.text).equals(address));
      assert.ok(parsed(long).equals(address));
      assert.ok(Address.fromBytes('ipv6', bytes, 4).equals(address));
    }),
  );
});

test('text that node:net does not take as IPv6 is not taken either', () => {
  const piece = fc.constantFrom('0', '1', 'ffff', '0a', '12345', ':', '::', '.', '1.2.3.4', '010');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join('');
      const address = Address.parse(text);
      if (text.includes(':')) assert.equal(address?.family === 'ipv6', isIPv6(text), text);
    }),
    { numRuns: 2000 },
  );
});

test('order is by number, IPv4 first, and equal only to itself', () => {
  const sorted = ['0.0.0.1', '10.9.0.2', '10.9.0.10', '200.0.0.1', '::1', '2001:db8::', 'fe80::1'];
  const shuffled = [...sorted].reverse().map(parsed);
  assert.deepEqual(
    shuffled.sort((a, b) => a.compare(b)).map((address) => address.text),
    sorted,
  );
  fc.assert(
    fc.property(anyAddress, anyAddress, (a, b) => {
      assert.equal(a.compare(b) === 0, a.equals(b));
      assert.equal(Math.sign(a.compare(b)), -Math.sign(b.compare(a)) + 0);
    }),
  );
});

test('link-local and unspecified addresses are told', () => {
  assert.equal(parsed('fe80::1').isLinkLocal, true);
  assert.equal(parsed('febf:ffff::1').isLinkLocal, true);
  assert.equal(parsed('fec0::1').isLinkLocal, false);
  assert.equal(parsed('169.254.0.1').isLinkLocal, false);
  assert.equal(parsed('::').isUnspecified, true);
  assert.equal(parsed('0.0.0.0').isUnspecified, true);
  assert.equal(parsed('::1').isUnspecified, false);
});
