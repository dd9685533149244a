import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatNexthop } from '../../../src/desired/format.js';
import { decodeNexthop, encodeNexthop } from '../../../src/kernel/codec-nexthop.js';
import { MessageWriter } from '../../../src/kernel/message-writer.js';
import { NLMSG_HEADER } from '../../../src/netlink/walk.js';
import { NEXTHOPS } from './captured.js';

describe('nexthop objects as a real kernel tells them', () => {
  const cases: readonly (readonly [keyof typeof NEXTHOPS, string])[] = [
    ['single', 'id 1073741825 via 10.9.0.2 dev va proto 178'],
    ['ipv6Onlink', 'id 1073741826 via 2001:db8::2 dev va proto 178 onlink'],
    ['group', 'id 1073741824 group 1073741825,3/1073741826 proto 178'],
  ];
  for (const [name, text] of cases) {
    test(NEXTHOPS[name].command, () => {
      const bytes = Buffer.from(NEXTHOPS[name].hex, 'hex');
      const nexthop = decodeNexthop(bytes, NLMSG_HEADER, bytes.length);
      assert.equal(
        formatNexthop(nexthop, () => 'va'),
        text,
      );

      const writer = new MessageWriter(512);
      writer.begin(104, 1, 1);
      encodeNexthop(writer, nexthop);
      writer.end();
      const ours = writer.written();
      assert.deepEqual(decodeNexthop(ours, NLMSG_HEADER, ours.length), nexthop);
    });
  }

  test('one without an id makes no sense', () => {
    const bytes = Buffer.from(NEXTHOPS.single.hex, 'hex').subarray(0, NLMSG_HEADER + 8);
    assert.throws(() => decodeNexthop(bytes, NLMSG_HEADER, bytes.length), RangeError);
  });
});
