import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeDone, decodeError } from '../../../src/kernel/answer.js';
import { ANSWERS } from './captured.js';

function answer(hex: string) {
  const bytes = Buffer.from(hex, 'hex');
  return {
    bytes,
    flags: bytes.readUInt16LE(6),
    body: 16,
    end: bytes.length,
  };
}

describe('answers of a real kernel', () => {
  test('an ACK is errno 0', () => {
    const { bytes, flags, body, end } = answer(ANSWERS.ack);
    assert.deepEqual(decodeError(bytes, flags, body, end), { errno: 0, symbol: '', message: '' });
  });

  test("the kernel's own words come before the errno's", () => {
    const { bytes, flags, body, end } = answer(ANSWERS.errorWithWords);
    assert.deepEqual(decodeError(bytes, flags, body, end), {
      errno: 101,
      symbol: 'ENETUNREACH',
      message: 'Nexthop has invalid gateway',
    });
  });

  test('an error without words has the text of its errno', () => {
    const { bytes, flags, body, end } = answer(ANSWERS.plainError);
    assert.deepEqual(decodeError(bytes, flags, body, end), {
      errno: 2,
      symbol: 'ENOENT',
      message: 'no such file or directory',
    });
  });

  test('an uncapped error carries the whole request before its attributes', () => {
    const capped = Buffer.from(ANSWERS.errorWithWords, 'hex');
    const request = Buffer.alloc(capped.readUInt32LE(20));
    capped.copy(request, 0, 20, 36);
    const whole = Buffer.concat([capped.subarray(0, 20), request, capped.subarray(36)]);
    const decoded = decodeError(whole, 0x200, 16, whole.length);
    assert.equal(decoded.message, 'Nexthop has invalid gateway');
  });

  test('EPERM says which right is missing', () => {
    const { bytes, flags, body, end } = answer(ANSWERS.plainError);
    bytes.writeInt32LE(-1, body);
    assert.deepEqual(decodeError(bytes, flags, body, end), {
      errno: 1,
      symbol: 'EPERM',
      message: 'not permitted: CAP_NET_ADMIN is missing',
    });
  });

  test('the end of a dump says how it went', () => {
    const done = answer(ANSWERS.done);
    assert.equal(decodeDone(done.bytes, done.flags, done.body, done.end).errno, 0);
    const refused = answer(ANSWERS.refusedDump);
    assert.deepEqual(decodeDone(refused.bytes, refused.flags, refused.body, refused.end), {
      errno: 2,
      symbol: 'ENOENT',
      message: 'ipv4: FIB table does not exist',
    });
  });
});
