import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAddress, decodeLink } from '../../../src/kernel/codec-link.js';
import { NLMSG_HEADER } from '../../../src/netlink/walk.js';
import { ADDRESSES, LINK, VA } from './captured.js';

test('a link', () => {
  const bytes = Buffer.from(LINK, 'hex');
  const link = decodeLink(bytes, NLMSG_HEADER, bytes.length);
  assert.deepEqual(link, { index: VA, name: 'va', up: true, carrier: true });

  bytes.writeUInt32LE(bytes.readUInt32LE(NLMSG_HEADER + 8) & ~0x10001, NLMSG_HEADER + 8);
  assert.deepEqual(decodeLink(bytes, NLMSG_HEADER, bytes.length), {
    index: VA,
    name: 'va',
    up: false,
    carrier: false,
  });
});

test('addresses: our own end of a point-to-point link, tentative and deprecated ones unsettled', () => {
  const texts = ADDRESSES.map((hex) => {
    const bytes = Buffer.from(hex, 'hex');
    const found = decodeAddress(bytes, NLMSG_HEADER, bytes.length);
    assert.ok(found);
    const { index, address, length, scope, settled, tentative } = found;
    const state = tentative ? 'tentative' : settled ? 'settled' : 'deprecated';
    return `${index} ${address}/${length} ${scope} ${state}`;
  });
  assert.deepEqual(
    texts.filter((text) => !text.includes('fe80')),
    [
      '1 127.0.0.1/8 host settled',
      '11 10.9.0.1/24 global settled',
      '11 192.0.2.1/32 global settled',
      '1 ::1/128 host settled',
      '11 2001:db8::1/64 global settled',
      '12 2001:db8::99/64 global deprecated',
    ],
  );
  assert.equal(texts.filter((text) => /^1[12] fe80::\S+\/64 link tentative$/.test(text)).length, 2);
});
