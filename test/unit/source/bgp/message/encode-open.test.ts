/** OPEN as we write it, read again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CONTEXT_BEFORE_OPEN, Decoder } from '../../../../../src/source/bgp/message/decode.js';
import { encodeOpen, twoOctetAs } from '../../../../../src/source/bgp/message/encode.js';
import type { Capability, OpenMessage } from '../../../../../src/source/bgp/message/message.js';

const PLAIN: OpenMessage = {
  type: 'open',
  ...{ version: 4, as: 65001, holdTime: 90, routerId: 0x01020304, capabilities: [] },
};

/** With the prototype of any object, for comparison. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });

function decode(bytes: Buffer): OpenMessage {
  const decoded = new Decoder(CONTEXT_BEFORE_OPEN).message(bytes);
  if (decoded.type !== 'open') throw new Error(`a message of type ${decoded.type}`);
  return decoded;
}

describe('encodeOpen', () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const word = fc.integer({ min: 0, max: 65535 });
  const family = { afi: word, safi: octet };
  const list = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 20 });
  const capability: fc.Arbitrary<Capability> = fc.oneof(
    record({ type: fc.constant('multiprotocol' as const), ...family }),
    fc.constantFrom<Capability>(
      { type: 'route-refresh' },
      { type: 'extended-message' },
      { type: 'enhanced-route-refresh' },
    ),
    record({
      type: fc.constant('extended-next-hop' as const),
      entries: list(record({ afi: word, safi: word, nextHopAfi: word })),
    }),
    record({ type: fc.constant('role' as const), role: octet }),
    record({
      type: fc.constant('graceful-restart' as const),
      restarting: fc.boolean(),
      notification: fc.boolean(),
      time: fc.integer({ min: 0, max: 4095 }),
      families: list(record({ ...family, forwarding: fc.boolean() })),
    }),
    record({
      type: fc.constant('four-octet-as' as const),
      as: fc.integer({ min: 1, max: 0xffffffff }),
    }),
    record({
      type: fc.constant('add-path' as const),
      entries: list(
        record({ ...family, mode: fc.constantFrom(1 as const, 2 as const, 3 as const) }),
      ),
    }),
    record({
      type: fc.constant('long-lived-graceful-restart' as const),
      families: list(
        record({
          ...family,
          forwarding: fc.boolean(),
          time: fc.integer({ min: 0, max: 0xffffff }),
        }),
      ),
    }),
    record({
      type: fc.constant('unknown' as const),
      code: fc.integer({ min: 128, max: 255 }),
      value: fc.uint8Array({ maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
    }),
  );
  const anyOpen: fc.Arbitrary<OpenMessage> = record({
    type: fc.constant('open' as const),
    version: fc.constant(4),
    as: fc.integer({ min: 1, max: 65535 }),
    holdTime: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 65535 })),
    routerId: fc.integer({ min: 1, max: 0xffffffff }),
    capabilities: fc.array(capability, { maxLength: 12 }),
  });

  it('is read as it was meant, short or extended', () => {
    const long: Capability = { type: 'unknown', code: 200, value: Buffer.alloc(251, 7) };
    fc.assert(
      fc.property(anyOpen, fc.boolean(), (open, extended) => {
        const capabilities = extended ? [...open.capabilities, long] : open.capabilities;
        const wanted = { ...open, capabilities };
        const bytes = encodeOpen(wanted);
        if (extended) assert.deepEqual([bytes[28], bytes[29]], [255, 255]);
        assert.deepEqual(decode(bytes), wanted);
      }),
    );
  });

  it('takes the short form as long as it holds, then the other', () => {
    const of = (length: number) =>
      encodeOpen({
        ...PLAIN,
        capabilities: [{ type: 'unknown', code: 200, value: Buffer.alloc(length) }],
      });
    assert.deepEqual([...of(250).subarray(28, 31)], [254, 2, 252]);
    assert.deepEqual([...of(251).subarray(28, 35)], [255, 255, 1, 0, 2, 0, 253]);
  });

  it('refuses what no message holds', () => {
    const base = PLAIN;
    const big: Capability = { type: 'unknown', code: 200, value: Buffer.alloc(255) };
    assert.throws(() => encodeOpen({ ...base, capabilities: new Array(16).fill(big) }), RangeError);
    assert.deepEqual(decode(encodeOpen({ ...PLAIN, capabilities: [big] })).capabilities, [big]);
    const longer: Capability = { type: 'unknown', code: 200, value: Buffer.alloc(256) };
    assert.throws(() => encodeOpen({ ...base, capabilities: [longer] }), RangeError);
    assert.throws(() => encodeOpen({ ...base, as: 65536 }), RangeError);
  });

  it('writes AS_TRANS for what two octets do not hold', () => {
    assert.deepEqual([1, 65535, 65536, 4294967295].map(twoOctetAs), [1, 65535, 23456, 23456]);
  });
});
