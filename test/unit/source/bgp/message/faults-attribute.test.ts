/** RFC 7606 7, attribute by attribute: which fault costs the routes, which the attribute, which nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AttributeCache } from '../../../../../src/source/bgp/message/attribute-set.js';
import { Decoder } from '../../../../../src/source/bgp/message/decode.js';
import { ATTRIBUTE_FAULTS } from './attribute-faults.js';
import { attribute, EXTERNAL, INTERNAL, MANDATORY, P1, u32, update } from './build.js';
import { verdict } from './verdict.js';

describe('faults in attributes (RFC 7606)', () => {
  for (const { says, bytes, gives, context } of ATTRIBUTE_FAULTS) {
    it(says, () => assert.deepEqual(verdict(bytes, context), gives));
  }

  it('says where in the message the faulty octets are', () => {
    const bytes = update({ attributes: [...MANDATORY, attribute(0x80, 4, [])], nlri: P1 });
    const at = bytes.indexOf(Buffer.from([0x80, 4, 0]));
    assert.deepEqual(faultOffsets(bytes), [at]);
  });

  it('tells the same of the same message again', () => {
    // The second time the attributes come from the cache.
    const bytes = update({ attributes: [...MANDATORY, attribute(0x40, 6, [0])], nlri: P1 });
    const decoder = new Decoder(EXTERNAL);
    const first = decoder.message(bytes);
    assert.deepEqual(decoder.message(bytes), first);
    assert.equal(first.type === 'update' && first.faults.length, 1);
  });

  it('holds contexts apart that share a cache', () => {
    const bytes = update({
      attributes: [...MANDATORY, attribute(0x40, 5, u32(7))],
      nlri: P1,
    });
    const cache = new AttributeCache();
    const prefs = [EXTERNAL, INTERNAL, EXTERNAL].map((context) => {
      const decoded = new Decoder(context, cache).message(bytes);
      return decoded.type === 'update' && decoded.announced[0]?.attributes.localPref;
    });
    assert.deepEqual(prefs, [undefined, 7, undefined]);
  });
});

function faultOffsets(bytes: Buffer): number[] {
  const decoded = new Decoder(EXTERNAL).message(bytes);
  return decoded.type === 'update' ? decoded.faults.map(({ offset }) => offset) : [];
}
