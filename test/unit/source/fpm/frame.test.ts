import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FrameError, FrameReader } from '../../../../src/source/fpm/frame.js';
import { told } from './told.js';

describe('a stream that is no FPM', () => {
  const rows: readonly (readonly [string, string, RegExp])[] = [
    ['another version', '02010040', /version 2/],
    ['protobuf', '01020040', /protobuf.*-M dplane_fpm_nl/],
    ['another type', '01030040', /type 3/],
    ['a frame shorter than its header', '01010003', /3 bytes/],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n').toString('hex'), /version 71/],
  ];
  for (const [what, hex, error] of rows) {
    test(what, () => {
      assert.throws(
        () => new FrameReader().push(Buffer.from(hex, 'hex'), () => {}),
        (thrown) => thrown instanceof FrameError && error.test(thrown.message),
      );
    });
  }

  test('a frame without messages says nothing', () => {
    assert.deepEqual(told(Buffer.from('01010004', 'hex')), []);
  });
});
