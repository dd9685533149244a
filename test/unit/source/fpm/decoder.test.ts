import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decodeFrame } from '../../../../src/source/fpm/decoder.js';
import { FrameReader } from '../../../../src/source/fpm/frame.js';
import { CAPTURES, type CaptureName } from './captured.js';
import { told } from './told.js';

const NET = '198.51.100.0/24';
const BOTH = '203.0.113.0/24';

/** What both versions say, in the end. */
const SAID: Readonly<Partial<Record<CaptureName, readonly string[]>>> = {
  connected: [
    'others 10.9.0.0/24 table 254',
    'others 2001:db8:9::/64 table 254',
    'others fe80::/64 table 254',
  ],
  ipv4: [`new ${NET} table 254 via 10.9.0.2 if2`],
  ipv6: ['new 2001:db8:77::/48 table 254 via 2001:db8:9::2 if2'],
  ecmp: [`new ${BOTH} table 254 via 10.9.0.2 if2 via 10.9.0.3 if2`],
  flattened: ['refused 192.0.2.0/24 table 254 flattened-next-hop'],
  withdrawn: [`gone ${NET} table 254`],
};

describe('frames of real zebras', () => {
  for (const { version, stream, names } of CAPTURES) {
    test(`${version} says what was announced`, () => {
      for (const [name, words] of Object.entries(SAID)) {
        // 10.3 tells connected routes twice, and its own addresses too.
        const said = new Set(told(stream(name as CaptureName)));
        assert.deepEqual(
          [...said].filter((word) => !/\/(32|128) /.test(word)),
          words,
          name,
        );
      }
    });

    test(`${version}: an unchanged and a moved route`, () => {
      const gone = version === '8.4' ? [`gone ${NET} table 254`] : [];
      const again = told(stream('again'));
      assert.deepEqual(again, [...gone, `new ${NET} table 254 via 10.9.0.2 if2`]);
      const moved = told(stream('moved'));
      assert.deepEqual(moved, [...gone, `new ${NET} table 254 via 10.9.0.3 if2`]);
    });

    test(`${version}: a link that goes takes its routes along, and nothing but BGP's is told`, () => {
      const words = told(stream('linkDown'));
      assert.equal(words.length, 7);
      assert.ok(words.every((word) => word.startsWith('gone ')));
    });

    test(`${version}: nexthop groups are seen`, () => {
      const words = told(stream('nexthopGroups')).filter((word) => !word.startsWith('others '));
      assert.ok(words.length > 0);
      assert.ok(words.every((word) => word === 'nexthop groups'));
    });

    test(`${version}: however the stream is cut, it says the same`, () => {
      const all = Buffer.concat(names.map(stream));
      const whole = told(all);
      const size = fc.integer({ min: 1, max: 300 });
      fc.assert(
        fc.property(fc.array(size, { minLength: 1, maxLength: 10 }), (pieces) => {
          assert.deepEqual(told(all, pieces), whole);
        }),
      );
    });
  }

  test('8.4 tells weights', () => {
    const [{ stream }] = CAPTURES;
    assert.equal(
      told(stream('weights')).at(-1),
      `new ${BOTH} table 254 via 10.9.0.2 if2 weight 25 via 10.9.0.3 if2 weight 75`,
    );
  });
});

/** A frame around the messages of a captured one, changed. */
function changed(name: CaptureName, change: (frame: Buffer) => void): Buffer {
  const frame = Buffer.from(CAPTURES[1].stream(name));
  change(frame);
  return frame;
}

/** Offsets in a frame of one message: behind the FPM header and the nlmsghdr. */
const RTM = 20;
const ATTRIBUTES = RTM + 12;

describe('what zebra says otherwise', () => {
  const rows: readonly (readonly [string, Buffer, readonly string[]])[] = [
    [
      'a static route',
      changed('ipv4', (frame) => frame.writeUInt8(196, RTM + 5)),
      [`others ${NET} table 254`],
    ],
    [
      'a static route that is taken back',
      changed('withdrawn', (frame) => frame.writeUInt8(196, RTM + 5)),
      [],
    ],
    [
      'a route of our own, told back',
      changed('ipv4', (frame) => frame.writeUInt8(178, RTM + 5)),
      [`others ${NET} table 254`],
    ],
    [
      'another table',
      changed('ipv4', (frame) => frame.writeUInt8(50, RTM + 4)),
      [`new ${NET} table 50 via 10.9.0.2 if2`],
    ],
    [
      'a table above 255, in RTA_TABLE in the place of the metric',
      changed('ipv4', (frame) => {
        frame.writeUInt16LE(15, ATTRIBUTES + 8 + 2);
        frame.writeUInt32LE(5000, ATTRIBUTES + 8 + 4);
      }),
      [`new ${NET} table 5000 via 10.9.0.2 if2`],
    ],
    [
      'onlink',
      changed('ipv4', (frame) => frame.writeUInt32LE(4, RTM + 8)),
      [`new ${NET} table 254 via 10.9.0.2 if2 onlink`],
    ],
    [
      'a blackhole',
      changed('ipv4', (frame) => frame.writeUInt8(6, RTM + 7)),
      [`refused ${NET} table 254 not-unicast`],
    ],
    [
      'unreachable',
      changed('ipv4', (frame) => frame.writeUInt8(7, RTM + 7)),
      [`refused ${NET} table 254 not-unicast`],
    ],
    [
      'another metric',
      changed('ipv4', (frame) => {
        // RTA_PRIORITY stands behind RTA_DST.
        assert.equal(frame.readUInt32LE(ATTRIBUTES + 12), 20);
        frame.writeUInt32LE(7, ATTRIBUTES + 12);
      }),
      [`new ${NET} table 254 via 10.9.0.2 if2`],
    ],
    ['a route of MPLS', changed('ipv4', (frame) => frame.writeUInt8(28, RTM)), []],
    [
      'encapsulated',
      changed('ipv4', (frame) => frame.writeUInt16LE(22, ATTRIBUTES + 8 + 2)),
      [`refused ${NET} table 254 encapsulated`],
    ],
    [
      'a neighbour (RTM_NEWNEIGH), as EVPN has them',
      changed('ipv4', (frame) => frame.writeUInt16LE(28, 8)),
      [],
    ],
    [
      'no gateway',
      changed('ipv4', (frame) => frame.writeUInt16LE(99, ATTRIBUTES + 16 + 2)),
      [`refused ${NET} table 254 no-gateway`],
    ],
    [
      'a nexthop id',
      changed('ipv4', (frame) => frame.writeUInt16LE(30, ATTRIBUTES + 16 + 2)),
      ['nexthop groups'],
    ],
    [
      'an attribute that leaves its message',
      changed('ipv4', (frame) => frame.writeUInt16LE(200, ATTRIBUTES)),
      ['undecodable at 0: attribute of 200 bytes'],
    ],
    [
      'a prefix longer than its family',
      changed('ipv4', (frame) => frame.writeUInt8(33, RTM + 1)),
      ['undecodable at 0: prefix length 33 is outside 0 to 32'],
    ],
    [
      'a message longer than its frame',
      changed('ipv4', (frame) => frame.writeUInt32LE(61, 4)),
      ['undecodable at 0: a broken netlink header'],
    ],
  ];
  for (const [what, frame, words] of rows) {
    test(what, () => assert.deepEqual(told(frame), words));
  }

  test('an IPv4 route over RTA_VIA has its IPv6 gateway', () => {
    const via = Buffer.alloc(22);
    via.writeUInt16LE(22, 0);
    via.writeUInt16LE(18, 2);
    via.writeUInt16LE(10, 4);
    Buffer.from('20010db8000900000000000000000002', 'hex').copy(via, 6);
    const frame = CAPTURES[1].stream('ipv4');
    // Without RTA_GATEWAY and RTA_OIF, then RTA_VIA and RTA_OIF again.
    const oif = frame.subarray(ATTRIBUTES + 24, ATTRIBUTES + 32);
    const whole = Buffer.concat([
      ...[frame.subarray(0, ATTRIBUTES + 16), via, Buffer.alloc(2), oif],
    ]);
    whole.writeUInt16BE(whole.length, 2);
    whole.writeUInt32LE(whole.length - 4, 4);
    assert.deepEqual(told(whole), [`new ${NET} table 254 via 2001:db8:9::2 if2`]);
  });

  test('a broken message costs itself, and its place is told', () => {
    const broken = changed('ipv4', (frame) => frame.writeUInt16LE(2, ATTRIBUTES));
    const good = CAPTURES[1].stream('ipv6');
    const frame = Buffer.concat([good.subarray(0, 4), broken.subarray(4), good.subarray(4)]);
    frame.writeUInt16BE(frame.length, 2);
    assert.deepEqual(told(frame), [
      'undecodable at 0: attribute of 2 bytes',
      'new 2001:db8:77::/48 table 254 via 2001:db8:9::2 if2',
    ]);
  });
});

describe('mutated frames', () => {
  const frames = CAPTURES.flatMap(({ stream, names }) => names.map(stream));
  const payloads: Buffer[] = [];
  for (const frame of frames) {
    new FrameReader().push(frame, (payload) => payloads.push(Buffer.from(payload)));
  }
  const ignore = { change: () => {}, nexthopGroups: () => {}, undecodable: () => {} };

  test('never throw, whatever is changed in a payload', () => {
    const edit = fc.tuple(fc.nat(1 << 16), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...payloads),
        fc.array(edit, { minLength: 1, maxLength: 8 }),
        fc.nat(1 << 16),
        (payload, edits, cut) => {
          const mutated = Buffer.from(payload);
          for (const [at, value] of edits) mutated[at % mutated.length] = value;
          decodeFrame(mutated, ignore);
          decodeFrame(mutated.subarray(0, cut % (mutated.length + 1)), ignore);
        },
      ),
      { numRuns: 20_000 },
    );
  });

  test('never throw for bytes of any kind, and end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        decodeFrame(Buffer.from(bytes), ignore);
      }),
      { numRuns: 5_000 },
    );
  });
});
