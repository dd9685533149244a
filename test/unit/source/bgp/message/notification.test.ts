/** NOTIFICATION, its words, and the other short messages. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Decoder } from '../../../../../src/source/bgp/message/decode.js';
import {
  encodeKeepalive,
  encodeNotification,
  encodeRouteRefresh,
} from '../../../../../src/source/bgp/message/encode.js';
import type { NotificationMessage } from '../../../../../src/source/bgp/message/message.js';
import { notificationText } from '../../../../../src/source/bgp/message/notification-text.js';
import {
  shutdownCommunication,
  shutdownData,
} from '../../../../../src/source/bgp/message/shutdown-communication.js';
import { EXTERNAL } from './build.js';

function notification(
  code: number,
  subcode: number,
  data: Buffer | readonly number[] = [],
): NotificationMessage {
  return { type: 'notification', code, subcode, data: Buffer.from(data) };
}

describe('NOTIFICATION', () => {
  const octet = fc.integer({ min: 0, max: 255 });

  it('is read as it was written, and keeps nothing of the message', () => {
    fc.assert(
      fc.property(octet, octet, fc.uint8Array({ maxLength: 4075 }), (code, subcode, data) => {
        const wanted = notification(code, subcode, [...data]);
        const bytes = encodeNotification(wanted);
        const found = new Decoder(EXTERNAL).message(bytes);
        bytes.fill(0);
        assert.deepEqual(found, wanted);
      }),
    );
  });

  it('is cut to the longest message', () => {
    const bytes = encodeNotification(notification(3, 9, Buffer.alloc(5000, 7)));
    assert.equal(bytes.length, 4096);
    assert.equal(bytes.readUInt16BE(16), 4096);
  });
});

describe('notificationText', () => {
  const rows: readonly [NotificationMessage, string][] = [
    [notification(1, 1), 'Message Header Error/Connection Not Synchronized (1/1)'],
    [notification(2, 11), 'OPEN Message Error/Role Mismatch (2/11)'],
    [notification(3, 9), 'UPDATE Message Error/Optional Attribute Error (3/9)'],
    [notification(3, 7), 'UPDATE Message Error (3/7)'],
    [notification(4, 0), 'Hold Timer Expired (4/0)'],
    [notification(5, 3), 'Finite State Machine Error/Unexpected Message in Established (5/3)'],
    [notification(6, 1), 'Cease/Maximum Number of Prefixes Reached (6/1)'],
    [notification(6, 10), 'Cease/BFD Down (6/10)'],
    [notification(6, 99), 'Cease (6/99)'],
    [notification(7, 1), 'ROUTE-REFRESH Message Error/Invalid Message Length (7/1)'],
    [notification(8, 0), 'Send Hold Timer Expired (8/0)'],
    [notification(77, 3), '77/3'],
    [
      notification(6, 2, shutdownData('upgrade tonight')),
      'Cease/Administrative Shutdown (6/2): "upgrade tonight"',
    ],
    [
      notification(6, 9, [6, 4, 2, 0x68, 0x69]),
      'Cease/Hard Reset (6/9), Cease/Administrative Reset (6/4): "hi"',
    ],
    [notification(6, 9, [6, 9, 6, 9, 6, 9]), 'Cease/Hard Reset (6/9)'],
    [notification(6, 9, [6]), 'Cease/Hard Reset (6/9)'],
  ];
  for (const [message, text] of rows) {
    it(text, () => assert.equal(notificationText(message), text));
  }
});

describe('shutdown communication (RFC 9003)', () => {
  const rows: readonly [string, NotificationMessage, string | undefined][] = [
    ['none', notification(6, 2), undefined],
    ['an empty one', notification(6, 2, [0]), undefined],
    ['words', notification(6, 2, [2, 0x68, 0x69]), 'hi'],
    ['of a reset', notification(6, 4, [2, 0x68, 0x69]), 'hi'],
    ['not of another subcode', notification(6, 3, [2, 0x68, 0x69]), undefined],
    ['not of another code', notification(3, 2, [2, 0x68, 0x69]), undefined],
    ['no UTF-8', notification(6, 2, [2, 0xc3, 0x28]), '0x02c328'],
    ['shorter than it says', notification(6, 2, [3, 0x68, 0x69]), '0x036869'],
    ['longer than it says', notification(6, 2, [1, 0x68, 0x69]), '0x016869'],
    [
      'control characters',
      notification(
        6,
        2,
        shutdownData('a\nb\u001b[2Jc\u202ed\u0085e\u2028f\u2066g\u2069h\u007fi\u009fj\u001fk'),
      ),
      'a b [2Jc d e f g h i j k',
    ],
  ];
  for (const [says, message, text] of rows) {
    it(says, () => assert.equal(shutdownCommunication(message), text));
  }

  it('of any octets fits in a line', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (data) => {
        const text = shutdownCommunication(notification(6, 2, [...data]));
        assert.ok(text === undefined || (text.length <= 600 && !/\p{Cc}/u.test(text)));
      }),
    );
  });

  it('comes back as it was sent, cut between characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 120 }), (text) => {
        const data = shutdownData(text);
        assert.ok(data.length <= 256 && data[0] === data.length - 1);
        const kept = data.toString('utf8', 1);
        assert.ok(text.startsWith(kept));
        if (Buffer.byteLength(text) <= 255) assert.equal(kept, text);
      }),
    );
    assert.equal(shutdownData('ä'.repeat(200)).length, 1 + 254);
    assert.equal(shutdownData('x'.repeat(400)).length, 1 + 255);
  });
});

describe('KEEPALIVE and ROUTE-REFRESH', () => {
  it('are read as they were written', () => {
    const decoder = new Decoder(EXTERNAL);
    assert.deepEqual(decoder.message(encodeKeepalive()), { type: 'keepalive' });
    for (const kind of ['request', 'begin', 'end'] as const) {
      const wanted = { type: 'route-refresh', kind, afi: 2, safi: 1 } as const;
      assert.deepEqual(decoder.message(encodeRouteRefresh(wanted)), wanted);
    }
  });
});
