/** A stream in chunks of any size, as whole messages. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FrameSplitter } from '../../../../../src/source/bgp/message/frame-splitter.js';
import { SessionError } from '../../../../../src/source/bgp/message/message.js';
import { message, type Octets } from './build.js';

/** All messages of the chunks, copied. */
function split(chunks: readonly Buffer[], maxLength: 4096 | 65535 = 4096): Buffer[] {
  const splitter = new FrameSplitter();
  splitter.maxLength = maxLength;
  const found: Buffer[] = [];
  for (const chunk of chunks) {
    splitter.push(chunk);
    for (let next = splitter.next(); next !== undefined; next = splitter.next()) {
      found.push(Buffer.from(next));
    }
  }
  return found;
}

/** Cuts at these places, taken modulo the length. */
function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (stream.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => stream.subarray(from, at[i]));
}

const anyMessage = fc
  .record({ type: fc.constantFrom(2, 3, 5), body: fc.uint8Array({ maxLength: 4077 }) })
  .map(({ type, body }) => message(type, [...body]));

describe('FrameSplitter', () => {
  it('gives the messages of a stream, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyMessage, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 40 }),
        (messages, places) => {
          assert.deepEqual(split(cut(Buffer.concat(messages), places)), messages);
        },
      ),
    );
  });

  it('octet by octet, long messages too', () => {
    const messages = [
      message(4, []),
      message(2, new Array(60_000).fill(1)),
      message(2, new Array(65_516).fill(2)),
      message(4, []),
    ];
    const stream = Buffer.concat(messages);
    const octets = Array.from(stream, (_, at) => stream.subarray(at, at + 1));
    assert.deepEqual(split(octets, 65535), messages);
    assert.deepEqual(split([stream], 65535), messages);
  });

  it('does not copy what lies whole in a chunk', () => {
    const chunk = Buffer.concat([message(4, []), message(2, [0, 0, 0, 0])]);
    const splitter = new FrameSplitter();
    splitter.push(chunk);
    const found = [splitter.next(), splitter.next(), splitter.next()];
    assert.deepEqual(
      found.map((one) => one && [one.buffer === chunk.buffer, one.length]),
      [[true, 19], [true, 23], undefined],
    );
  });

  it('takes more before the last chunk has been read', () => {
    const splitter = new FrameSplitter();
    splitter.push(Buffer.concat([message(4, []), message(4, [])]));
    splitter.push(message(2, [0, 0, 0, 0]));
    const lengths = [1, 2, 3, 4].map(() => splitter.next()?.length);
    assert.deepEqual(lengths, [19, 19, 23, undefined]);
  });

  it('takes longer messages from the moment it may', () => {
    const splitter = new FrameSplitter();
    const long = message(2, new Array(5000).fill(0));
    splitter.push(Buffer.concat([message(4, []), long]));
    assert.equal(splitter.next()?.length, 19);
    splitter.maxLength = 65535;
    assert.equal(splitter.next()?.length, 5019);
  });

  const unsynchronized = message(4, []);
  unsynchronized[15] = 0xfe;
  const rows: readonly [string, Buffer, string, Octets, (4096 | 65535)?][] = [
    ['a marker that is not all ones', unsynchronized, '1/1', []],
    ['a stranger', Buffer.from('GET / HTTP/1.1\r\nHost: example'), '1/1', []],
    ['length 18', message(4, [], 18), '1/2', [0, 18]],
    ['length 0', message(4, [], 0), '1/2', [0, 0]],
    ['length 4097', message(2, [], 4097), '1/2', [0x10, 0x01]],
    ['length 4097 of an OPEN, with RFC 8654', message(1, [], 4097), '1/2', [0x10, 0x01], 65535],
    ['length 4097 of a KEEPALIVE, with RFC 8654', message(4, [], 4097), '1/2', [0x10, 0x01], 65535],
  ];
  for (const [says, bytes, notification, data, maxLength] of rows) {
    it(`refuses ${says}, as soon as the header is there`, () => {
      for (const chunks of [[bytes.subarray(0, 19)], cut(bytes.subarray(0, 19), [1, 7, 18])]) {
        assert.throws(
          () => split(chunks, maxLength),
          (error) => {
            assert.ok(error instanceof SessionError);
            const { code, subcode } = error.notification;
            assert.equal(`${code}/${subcode}`, notification);
            assert.deepEqual(error.notification.data, Buffer.from(data));
            return true;
          },
        );
      }
    });
  }

  it('takes the longest there are', () => {
    for (const [type, length, maxLength] of [
      [1, 4096, 4096],
      [2, 4096, 4096],
      [2, 65535, 65535],
    ] as const) {
      const bytes = message(type, new Array(length - 19).fill(0));
      assert.deepEqual(split([bytes], maxLength), [bytes]);
    }
  });
});
