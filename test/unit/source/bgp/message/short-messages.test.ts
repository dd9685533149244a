/** What is wrong with a message before its content is looked at, and ROUTE-REFRESH (RFC 4271 6.1, RFC 7313 5). */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../../../src/source/bgp/message/decode.js';
import { EXTERNAL, message } from './build.js';
import { dataOf, verdict } from './verdict.js';

describe('a message of another type', () => {
  const rows: readonly [string, Buffer, string, readonly number[]][] = [
    ['unknown type', message(9, []), '1/3 message header: unknown type 9', [9]],
    [
      'UPDATE of 22',
      message(2, [0, 0, 0]),
      '1/2 message header: length 22 of a message of type 2',
      [0, 22],
    ],
    [
      'KEEPALIVE of 20',
      message(4, [0]),
      '1/2 message header: length 20 of a message of type 4',
      [0, 20],
    ],
    [
      'NOTIFICATION of 20',
      message(3, [6]),
      '1/2 message header: length 20 of a message of type 3',
      [0, 20],
    ],
    [
      'OPEN of 28',
      message(1, new Array(9).fill(0)),
      '1/2 message header: length 28 of a message of type 1',
      [0, 28],
    ],
    [
      'ROUTE-REFRESH of 22',
      message(5, [0, 1, 0]),
      '1/2 message header: length 22 of a message of type 5',
      [0, 22],
    ],
    [
      'ROUTE-REFRESH with a filter',
      message(5, [0, 1, 0, 1, 1, 64]),
      '1/2 message header: length 25 of a message of type 5',
      [0, 25],
    ],
  ];
  for (const [says, bytes, gives, data] of rows) {
    it(says, () => {
      assert.equal(verdict(bytes), gives);
      assert.deepEqual(dataOf(bytes), Buffer.from(data));
    });
  }

  it('begin and end of a refresh of the wrong length (RFC 7313 5)', () => {
    for (const subtype of [1, 2]) {
      const bytes = message(5, [0, 1, subtype, 1, 0]);
      assert.equal(verdict(bytes), '7/1 ROUTE-REFRESH: length 24, must be 23');
      assert.deepEqual(dataOf(bytes), bytes);
    }
  });

  it('a refresh of each kind', () => {
    const kinds = [0, 1, 2, 3, 255].map((subtype) =>
      new Decoder(EXTERNAL).message(message(5, [0, 2, subtype, 1])),
    );
    const wanted = ['request', 'begin', 'end', 'unknown', 'unknown'];
    assert.deepEqual(
      kinds,
      wanted.map((kind) => ({ type: 'route-refresh', kind, afi: 2, safi: 1 })),
    );
  });
});
