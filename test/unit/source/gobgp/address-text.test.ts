import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Address } from '../../../../src/net/address.js';
import { readAddress } from '../../../../src/source/gobgp/address-text.js';
import { DecodeError, WireReader } from '../../../../src/source/gobgp/wire.js';
import { anyAddress } from '../../net/arbitrary.js';

function read(text: string): Address | undefined {
  const bytes = Buffer.from(text);
  try {
    return readAddress(new WireReader().load(Buffer.concat([Buffer.from([bytes.length]), bytes])));
  } catch (error) {
    assert.ok(error instanceof DecodeError);
    return undefined;
  }
}

describe('readAddress', () => {
  it('reads what Address prints', () => {
    fc.assert(fc.property(anyAddress, (address) => read(address.text)?.equals(address) === true));
  });

  it('agrees with the parser of the configuration on any text of the alphabet', () => {
    const text = fc.string({ unit: fc.constantFrom(...'0123456789abF:::.%'), maxLength: 24 });
    fc.assert(
      fc.property(text, (input) => {
        const expected = Address.parse(input);
        if (expected !== undefined) assert.ok(read(input)?.equals(expected), input);
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses what is no address', () => {
    for (const text of [
      '',
      '10.0.0',
      '10.0.0.256',
      '1:2',
      ':1',
      '1::2::3',
      '1:2:3:4:5:6:7:8:9',
      'g::',
    ]) {
      assert.equal(read(text), undefined, text);
    }
  });

  it('reads forms of RFC 4291 that are rare', () => {
    assert.equal(read('::')?.text, '::');
    assert.equal(read('::ffff:192.0.2.1')?.text, '::ffff:c000:201');
    assert.equal(read('1::')?.text, '1::');
    assert.equal(read('2001:DB8:0:0:1:0:0:1')?.text, '2001:db8::1:0:0:1');
  });
});
