import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { walkMessages } from '../../../src/netlink/walk.js';
import { ROUTES } from '../kernel/captured.js';

describe('walking a chunk', () => {
  const one = Buffer.from(ROUTES.gateway.hex, 'hex');

  test('visits each message once', () => {
    const sequence: number[] = [];
    const skipped = walkMessages(Buffer.concat([one, one]), (type, _flags, seq, body, end) => {
      assert.equal(type, 24);
      assert.equal(end - body, one.length - 16);
      sequence.push(seq);
    });
    assert.equal(skipped, 0);
    assert.deepEqual(sequence, [7, 7]);
  });

  test('a header that leaves the chunk, or is shorter than itself, ends it', () => {
    for (const length of [0, 15, one.length + 4, 0xffffffff]) {
      const broken = Buffer.from(one);
      broken.writeUInt32LE(length);
      let visits = 0;
      assert.equal(
        walkMessages(Buffer.concat([one, broken]).subarray(0, one.length * 2), () => visits++),
        1,
      );
      assert.equal(visits, 1);
    }
  });

  test('a fault that is no RangeError is not hidden', () => {
    assert.throws(
      () =>
        walkMessages(one, () => {
          throw new TypeError('ours');
        }),
      TypeError,
    );
  });
});
