/** Lengths, fields of prefixes and multiprotocol attributes that are wrong (RFC 7606 3 to 5, RFC 4760 7). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../../../src/source/bgp/message/decode.js';
import { attribute, EXTERNAL, MANDATORY, mpReach, NEXT_HOP, ORIGIN, P6, update } from './build.js';
import { MESSAGE_FAULTS } from './message-faults.js';
import { dataOf, verdict } from './verdict.js';

describe('faults in an UPDATE', () => {
  for (const { says, bytes, gives, context } of MESSAGE_FAULTS) {
    it(says, () => assert.deepEqual(verdict(bytes, context), gives));
  }

  it('announces nothing where no prefix is left, not even an empty list', () => {
    const decoded = new Decoder(EXTERNAL).message(
      update({ attributes: MANDATORY, nlri: [4, 224] }),
    );
    assert.deepEqual(decoded.type === 'update' && decoded.announced, []);
  });

  it('sends the faulty attribute back', () => {
    const wrong = attribute(0x80, 4, [1]);
    assert.deepEqual(dataOf(update({ attributes: [NEXT_HOP, wrong] })), Buffer.from(wrong));
    const unknown = attribute(0x40, 99, [1, 2]);
    assert.deepEqual(dataOf(update({ attributes: [unknown, ORIGIN] })), Buffer.from(unknown));
    const reach = mpReach(2, [1], P6);
    assert.deepEqual(dataOf(update({ attributes: [reach] })), Buffer.from(reach));
  });
});
