/** What well-formed attributes say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Attributes, asPathText } from '../../../../../src/rib/path.js';
import { AttributeCache } from '../../../../../src/source/bgp/message/attribute-set.js';
import { Decoder } from '../../../../../src/source/bgp/message/decode.js';
import type { Announcement, DecodeContext } from '../../../../../src/source/bgp/message/message.js';
import {
  AS_PATH,
  attribute,
  EXTERNAL,
  INTERNAL,
  MANDATORY,
  NEXT_HOP,
  type Octets,
  ORIGIN,
  P1,
  P2,
  u16,
  u32,
  update,
} from './build.js';

const OLD: DecodeContext = { ...EXTERNAL, fourOctetAs: false };

function announced(bytes: Buffer, context = EXTERNAL, cache?: AttributeCache): Announcement {
  const decoded = new Decoder(context, cache).message(bytes);
  assert.equal(decoded.type, 'update');
  const [first] = decoded.type === 'update' ? decoded.announced : [];
  assert.ok(first !== undefined);
  return first;
}

function attributes(octets: readonly Octets[], context = EXTERNAL): Attributes {
  return announced(update({ attributes: octets, nlri: P1 }), context).attributes;
}

describe('attributes', () => {
  it('are those of a plain external route', () => {
    assert.deepEqual(attributes(MANDATORY), {
      origin: 'igp',
      asPath: [{ type: 'sequence', asns: [65001] }],
      communities: [],
      largeCommunities: [],
      med: undefined,
      localPref: undefined,
      originatorId: undefined,
      clusterLength: 0,
      linkBandwidth: undefined,
    });
  });

  it('are all read, of an internal peer, in any order and with long lengths', () => {
    const all = [
      attribute(0xd0, 35, u32(65003)),
      attribute(0xd0, 32, [
        ...u32(4200000000),
        ...u32(1),
        ...u32(0),
        ...u32(1),
        ...u32(2),
        ...u32(3),
      ]),
      attribute(
        0xd0,
        16,
        [0x00, 0x02, 0, 1, 0, 0, 0, 1, 0x40, 0x04, 0xfd, 0xe9, 0x49, 0x98, 0x96, 0x80],
      ),
      attribute(0x90, 10, [...u32(1), ...u32(2), ...u32(3)]),
      attribute(0x90, 9, [255, 0, 0, 1]),
      attribute(0xd0, 8, [...u16(65000), ...u16(100), ...u32(0xffffff01)]),
      attribute(0xd0, 7, [...u32(65001), 1, 2, 3, 4]),
      attribute(0x50, 6, []),
      attribute(0x50, 5, u32(4294967295)),
      attribute(0x90, 4, u32(4294967295)),
      attribute(0x50, 2, [
        ...[3, 1, ...u32(64512)],
        ...[4, 1, ...u32(64513)],
        ...[2, 2, ...u32(4200000000), ...u32(65010)],
        ...[1, 2, ...u32(65011), ...u32(65012)],
      ]),
      attribute(0x50, 1, [2]),
      NEXT_HOP,
    ];
    const route = announced(update({ attributes: all, nlri: P1 }), INTERNAL);
    assert.equal(asPathText(route.attributes), '(64512) [64513] 4200000000 65010 {65011,65012}');
    assert.deepEqual(
      { ...route.attributes, asPath: [] },
      {
        origin: 'incomplete',
        asPath: [],
        communities: [65000 * 0x10000 + 100, 0xffffff01],
        largeCommunities: ['4200000000:1:0', '1:2:3'],
        med: 4294967295,
        localPref: 4294967295,
        originatorId: 0xff000001,
        clusterLength: 3,
        linkBandwidth: 1.25e6,
      },
    );
    assert.equal(route.onlyToCustomer, 65003);
  });

  const bandwidths: readonly [string, Octets, number | undefined][] = [
    ['non-transitive', [0x40, 4, 0, 1, 0x49, 0x98, 0x96, 0x80], 1.25e6],
    ['transitive', [0x00, 4, 0, 1, 0x49, 0x98, 0x96, 0x80], 1.25e6],
    ['of another type', [0x80, 4, 0, 1, 0x49, 0x98, 0x96, 0x80], undefined],
    ['of another subtype', [0x40, 5, 0, 1, 0x49, 0x98, 0x96, 0x80], undefined],
    ['zero', [0x40, 4, 0, 1, 0, 0, 0, 0], undefined],
    ['negative', [0x40, 4, 0, 1, 0xc9, 0x98, 0x96, 0x80], undefined],
    ['infinite', [0x40, 4, 0, 1, 0x7f, 0x80, 0, 0], undefined],
    ['no number', [0x40, 4, 0, 1, 0x7f, 0xc0, 0, 0], undefined],
  ];
  for (const [says, value, wanted] of bandwidths) {
    it(`link bandwidth: ${says}`, () => {
      const community = attribute(0xc0, 16, value);
      assert.equal(attributes([...MANDATORY, community]).linkBandwidth, wanted);
    });
  }

  it('end where they end: prefixes behind them are no link bandwidth', () => {
    const community = attribute(0xc0, 16, [0x00, 2, 0, 1, 0, 0, 0, 1]);
    const nlri = [0, 4, 0x10, 8, 0x0a, 8, 0x0b, 0];
    const bytes = update({ attributes: [...MANDATORY, community], nlri });
    assert.equal(announced(bytes).attributes.linkBandwidth, undefined);
  });

  it('are one object where they are equal, whatever prefixes, next hop and unread attributes', () => {
    const cache = new AttributeCache();
    const others = [
      update({ attributes: MANDATORY, nlri: P1 }),
      update({ attributes: MANDATORY, nlri: P2 }),
      update({ withdrawn: P1, attributes: MANDATORY, nlri: P2 }),
      update({ attributes: [ORIGIN, AS_PATH, attribute(0x40, 3, [10, 9, 0, 3])], nlri: P1 }),
      update({ attributes: [attribute(0x80, 26, [1]), ...MANDATORY], nlri: P1 }),
    ].map((bytes) => announced(bytes, EXTERNAL, cache).attributes);
    assert.equal(new Set(others).size, 1);
    const different = update({ attributes: [...MANDATORY, attribute(0x80, 4, u32(1))], nlri: P1 });
    assert.notEqual(announced(different, EXTERNAL, cache).attributes, others[0]);
  });

  it('give the same next hop the same object', () => {
    const decoder = new Decoder(EXTERNAL);
    const [first, second] = [P1, P2].map((nlri) => {
      const decoded = decoder.message(update({ attributes: MANDATORY, nlri }));
      return decoded.type === 'update' ? decoded.announced[0]?.nextHop : undefined;
    });
    assert.ok(first !== undefined);
    assert.equal(first, second);
  });

  it('outlive the octets they were read from', () => {
    const bytes = update({
      attributes: [
        ...MANDATORY,
        attribute(0xc0, 8, u32(7)),
        attribute(0xc0, 32, new Array(12).fill(1)),
      ],
      nlri: [...P1, ...P2],
    });
    const decoder = new Decoder(EXTERNAL);
    const first = decoder.message(bytes);
    const told = JSON.stringify(first);
    const copy = Buffer.from(bytes);
    bytes.fill(0xaa);
    assert.equal(JSON.stringify(first), told);
    assert.deepEqual(decoder.message(copy), first);
  });
});

describe('AS_PATH of a speaker of two-octet AS numbers (RFC 6793 4.2.3)', () => {
  const seq = (...asns: number[]) => [2, asns.length, ...asns.flatMap(u16)];
  const set = (...asns: number[]) => [1, asns.length, ...asns.flatMap(u16)];
  const confed = (...asns: number[]) => [3, asns.length, ...asns.flatMap(u16)];
  const seq4 = (...asns: number[]) => [2, asns.length, ...asns.flatMap(u32)];
  const set4 = (...asns: number[]) => [1, asns.length, ...asns.flatMap(u32)];
  const confed4 = (...asns: number[]) => [3, asns.length, ...asns.flatMap(u32)];
  const T = 23456;
  const rows: readonly [string, Octets, Octets | undefined, string][] = [
    ['no AS4_PATH', seq(65001, T), undefined, '65001 23456'],
    ['as long', seq(T, T), seq4(70001, 70002), '70001 70002'],
    ['shorter: the lead is kept', seq(65001, T, T), seq4(70001, 70002), '65001 70001 70002'],
    ['longer: it is ignored', seq(T), seq4(70001, 70002), '23456'],
    ['a set counts one', [...seq(65001), ...set(T, T)], set4(70001, 70002), '65001 {70001,70002}'],
    ['a set in the lead', [...set(1, 2), ...seq(T)], seq4(70001), '{1,2} 70001'],
    ['a sequence cut', seq(1, 2, T), seq4(70001), '1 2 70001'],
    [
      'a sequence cut behind others',
      [...seq(1), ...set(2), ...seq(3, T)],
      seq4(70001),
      '1 {2} 3 70001',
    ],
    [
      'confederation segments in front stay',
      [...confed(64512), ...seq(T)],
      seq4(70001),
      '(64512) 70001',
    ],
    [
      'and those beside what is kept',
      [...seq(1), ...confed(64512), ...seq(T)],
      seq4(70001),
      '1 (64512) 70001',
    ],
    [
      'not those behind a cut',
      [...seq(1, T), ...confed(64512), ...seq(T)],
      seq4(70001, 70002),
      '1 70001 70002',
    ],
    [
      'confederation segments in AS4_PATH are dropped',
      seq(1, T),
      [...confed4(9), ...seq4(70001)],
      '1 70001',
    ],
  ];
  const old: DecodeContext = { ...OLD, internal: true };
  for (const [says, path, as4, wanted] of rows) {
    it(says, () => {
      const octets = [ORIGIN, attribute(0x40, 2, path), NEXT_HOP];
      if (as4 !== undefined) octets.push(attribute(0xc0, 17, as4));
      assert.equal(asPathText(attributes(octets, old)), wanted);
    });
  }

  const aggregators: readonly [string, number, boolean, string][] = [
    ['AS_TRANS in AGGREGATOR: AS4_AGGREGATOR and AS4_PATH count', T, true, '70001'],
    ['another number there: both are void', 65009, true, '23456'],
    ['no AS4_AGGREGATOR: AS4_PATH counts', 65009, false, '70001'],
  ];
  for (const [says, as, explained, wanted] of aggregators) {
    it(says, () => {
      const octets = [
        ORIGIN,
        attribute(0x40, 2, seq(T)),
        NEXT_HOP,
        attribute(0xc0, 7, [...u16(as), 1, 2, 3, 4]),
        attribute(0xc0, 17, seq4(70001)),
        ...(explained ? [attribute(0xc0, 18, [...u32(70001), 1, 2, 3, 4])] : []),
      ];
      assert.equal(asPathText(attributes(octets, OLD)), wanted);
    });
  }
});
