/** Lengths, fields of prefixes and multiprotocol attributes that are wrong (RFC 7606 3 to 5, RFC 4760 7), and what ends the session. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Decoder } from '../../../../src/source/bgp/decode.js';
import { type DecodeContext, SessionError } from '../../../../src/source/bgp/message.js';
import {
  AS_PATH,
  attribute,
  EXTERNAL,
  GLOBAL,
  LINK_LOCAL,
  MANDATORY,
  message,
  mpReach,
  mpUnreach,
  NEXT_HOP,
  ORIGIN,
  P1,
  P2,
  P6,
  u32,
  update,
} from './build.js';
import { verdict } from './verdict.js';

const ADD_PATH: DecodeContext = { ...EXTERNAL, addPath: new Set(['ipv4', 'ipv6']) };
const NO_IPV6: DecodeContext = { ...EXTERNAL, families: new Set(['ipv4']) };
const NO_IPV4: DecodeContext = { ...EXTERNAL, families: new Set(['ipv6']) };
const IPV4_BY_IPV6: DecodeContext = { ...EXTERNAL, extendedNextHop: true };
const BAD_MED = attribute(0x80, 4, []);
const BAD_ATOMIC = attribute(0x40, 6, [1]);

interface Row {
  readonly says: string;
  readonly bytes: Buffer;
  readonly gives: readonly string[] | string;
  readonly context?: DecodeContext;
}

const ROWS: readonly Row[] = [
  // 3 b
  {
    says: 'withdrawn routes longer than the message',
    bytes: update({ withdrawn: P1, withdrawnLength: 200 }),
    gives: '3/1 UPDATE: lengths of withdrawn routes and attributes go beyond the message',
  },
  {
    says: 'withdrawn routes that leave no room for the length of attributes',
    bytes: update({ withdrawnLength: 2 }),
    gives: '3/1 UPDATE: lengths of withdrawn routes and attributes go beyond the message',
  },
  {
    says: 'attributes longer than the message',
    bytes: update({ attributes: MANDATORY, attributesLength: 200 }),
    gives: '3/1 UPDATE: lengths of withdrawn routes and attributes go beyond the message',
  },
  // 4
  {
    says: 'the last attribute longer than the attributes',
    bytes: update({ attributes: [...MANDATORY, [0x80, 4, 9, 0, 0, 0]], nlri: P1 }),
    gives: ['- 10.1.0.0/16', '! treat-as-withdraw an attribute longer than the attributes'],
  },
  ...[[0x80], [0x80, 4], [0x90, 4, 0]].map((rest) => ({
    says: `${rest.length} octets of an attribute's head`,
    bytes: update({ attributes: [...MANDATORY, rest], nlri: P1 }),
    gives: ['- 10.1.0.0/16', '! treat-as-withdraw an attribute longer than the attributes'],
  })),
  {
    says: 'attributes cut short without prefixes',
    bytes: update({ attributes: [...MANDATORY, [0x80]] }),
    gives: '3/1 UPDATE: an attribute longer than the attributes',
  },
  // 3 g
  {
    says: 'MP_REACH_NLRI twice',
    bytes: update({
      attributes: [ORIGIN, AS_PATH, mpReach(2, GLOBAL, P6), mpReach(2, GLOBAL, P6)],
    }),
    gives: '3/1 UPDATE: MP_REACH_NLRI twice',
  },
  {
    says: 'MP_UNREACH_NLRI twice',
    bytes: update({ attributes: [mpUnreach(2, P6), mpUnreach(2, P6)] }),
    gives: '3/1 UPDATE: MP_UNREACH_NLRI twice',
  },
  // 5.2
  {
    says: 'a fault that costs routes, and no routes',
    bytes: update({ attributes: [...MANDATORY, BAD_MED] }),
    gives: '3/5 UPDATE: MULTI_EXIT_DISC: length 0, must be 4',
  },
  {
    says: 'the same beside withdrawn routes',
    bytes: update({ withdrawn: P1, attributes: [...MANDATORY, BAD_MED] }),
    gives: '3/5 UPDATE: MULTI_EXIT_DISC: length 0, must be 4',
  },
  {
    says: 'the same beside MP_UNREACH_NLRI',
    bytes: update({ attributes: [mpUnreach(2, P6), BAD_MED] }),
    gives: '3/5 UPDATE: MULTI_EXIT_DISC: length 0, must be 4',
  },
  {
    says: 'the same beside an MP_REACH_NLRI that announces nothing',
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(2, GLOBAL, []), BAD_MED] }),
    gives: '3/5 UPDATE: MULTI_EXIT_DISC: length 0, must be 4',
  },
  {
    says: 'the same beside routes of a family that is passed over',
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(2, GLOBAL, P6), BAD_MED] }),
    gives: ['! treat-as-withdraw MULTI_EXIT_DISC: length 0, must be 4'],
    context: NO_IPV6,
  },
  {
    says: 'a fault that costs an attribute, and no routes',
    bytes: update({ withdrawn: P1, attributes: [BAD_ATOMIC] }),
    gives: ['- 10.1.0.0/16', '! attribute-discard ATOMIC_AGGREGATE: length 1, must be 0'],
  },
  {
    says: 'no ORIGIN, and no routes',
    bytes: update({ withdrawn: P1, attributes: [AS_PATH] }),
    gives: ['- 10.1.0.0/16'],
  },
  // 5.3: the NLRI and Withdrawn Routes fields.
  {
    says: 'NLRI of length 33',
    bytes: update({ attributes: MANDATORY, nlri: [...P1, 33, 10, 2, 0, 0, 0] }),
    gives: '3/10 UPDATE: NLRI: no prefix at octet 46',
  },
  {
    says: 'NLRI cut short',
    bytes: update({ attributes: MANDATORY, nlri: [...P1, 24, 10, 2] }),
    gives: '3/10 UPDATE: NLRI: no prefix at octet 46',
  },
  {
    says: 'a withdrawn prefix of length 33',
    bytes: update({ withdrawn: [33, 10, 2, 0, 0, 0] }),
    gives: '3/10 UPDATE: withdrawn routes: no prefix at octet 21',
  },
  {
    says: 'a withdrawn prefix cut short',
    bytes: update({ withdrawn: [...P1, 16, 10] }),
    gives: '3/10 UPDATE: withdrawn routes: no prefix at octet 24',
  },
  {
    says: 'a path identifier cut short',
    bytes: update({ withdrawn: [0, 0, 0, 1] }),
    gives: '3/10 UPDATE: withdrawn routes: no prefix at octet 21',
    context: ADD_PATH,
  },
  {
    says: 'wrong NLRI of a family that is passed over',
    bytes: update({ attributes: MANDATORY, nlri: [33, 10] }),
    gives: '3/10 UPDATE: NLRI: no prefix at octet 43',
    context: NO_IPV4,
  },
  // 5.3, 7.11, 7.12: the multiprotocol attributes.
  ...[0x00, 0x40, 0xc0].flatMap((flags) => [
    {
      says: `MP_REACH_NLRI with flags ${flags.toString(16)}`,
      bytes: update({
        attributes: [ORIGIN, AS_PATH, [flags, ...mpReach(2, GLOBAL, P6).slice(1)]],
      }),
      gives: '3/9 UPDATE: MP_REACH_NLRI: flags or length',
    },
    {
      says: `MP_UNREACH_NLRI with flags ${flags.toString(16)}`,
      bytes: update({ attributes: [[flags, ...mpUnreach(2, P6).slice(1)]] }),
      gives: '3/9 UPDATE: MP_UNREACH_NLRI: flags or length',
    },
  ]),
  {
    says: 'MP_REACH_NLRI of 4 octets',
    bytes: update({ attributes: [attribute(0x80, 14, [0, 2, 1, 0])] }),
    gives: '3/9 UPDATE: MP_REACH_NLRI: flags or length',
  },
  {
    says: 'MP_UNREACH_NLRI of 2 octets',
    bytes: update({ attributes: [attribute(0x80, 15, [0, 2])] }),
    gives: '3/9 UPDATE: MP_UNREACH_NLRI: flags or length',
  },
  ...[0, 4, 15, 24, 48].map((length) => ({
    says: `IPv6 next hop of ${length} octets`,
    bytes: update({
      attributes: [ORIGIN, AS_PATH, mpReach(2, new Array(length).fill(1), P6)],
    }),
    gives: `3/9 UPDATE: MP_REACH_NLRI: next hop of length ${length}`,
  })),
  {
    says: 'an IPv6 next hop of IPv4 prefixes without RFC 8950',
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(1, GLOBAL, P1)] }),
    gives: [
      '- 10.1.0.0/16',
      '! treat-as-withdraw MP_REACH_NLRI: IPv6 next hop of IPv4 prefixes without the capability for it',
    ],
  },
  ...[0, 3, 5, 12].map((length) => ({
    says: `IPv4 next hop of ${length} octets`,
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(1, new Array(length).fill(1), P1)] }),
    gives: `3/9 UPDATE: MP_REACH_NLRI: next hop of length ${length}`,
  })),
  {
    says: 'a next hop that ends with the attribute',
    bytes: update({
      attributes: [ORIGIN, AS_PATH, attribute(0x80, 14, [0, 2, 1, 16, ...GLOBAL])],
    }),
    gives: '3/9 UPDATE: MP_REACH_NLRI: next hop of length 16',
  },
  {
    says: 'an IPv6 prefix of length 129',
    bytes: update({
      attributes: [ORIGIN, AS_PATH, mpReach(2, GLOBAL, [129, ...new Array(17).fill(0)])],
    }),
    gives: '3/9 UPDATE: MP_REACH_NLRI: no prefix at octet 60',
  },
  {
    says: 'an IPv4 prefix of length 33 in MP_REACH_NLRI',
    bytes: update({
      attributes: [ORIGIN, AS_PATH, mpReach(1, [10, 9, 0, 2], [33, 10, 1, 0, 0, 0])],
    }),
    gives: '3/9 UPDATE: MP_REACH_NLRI: no prefix at octet 48',
  },
  {
    says: 'a withdrawn IPv6 prefix cut short',
    bytes: update({ attributes: [mpUnreach(2, [32, 0x20, 0x01])] }),
    gives: '3/9 UPDATE: MP_UNREACH_NLRI: no prefix at octet 29',
  },
  ...[
    ['unspecified', new Array<number>(16).fill(0)],
    ['loopback', [...new Array<number>(15).fill(0), 1]],
    ['multicast', [0xff, ...GLOBAL.slice(1)]],
  ].map(([name, nextHop]) => ({
    says: `an ${name} IPv6 next hop`,
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(2, nextHop as number[], P6)] }),
    gives: ['- 2001:db8::/32', "! treat-as-withdraw MP_REACH_NLRI: next hop is no host's address"],
  })),
  {
    says: 'a fault that costs the routes of both fields',
    bytes: update({
      withdrawn: P2,
      attributes: [...MANDATORY, mpReach(2, GLOBAL, P6), BAD_MED],
      nlri: P1,
    }),
    gives: [
      '- 10.2.0.0/16',
      '- 10.1.0.0/16',
      '- 2001:db8::/32',
      '! treat-as-withdraw MULTI_EXIT_DISC: length 0, must be 4',
    ],
  },
  // RFC 4271 6.3: semantically incorrect prefixes.
  {
    says: 'a multicast prefix among others',
    bytes: update({ attributes: MANDATORY, nlri: [4, 224, ...P1, 8, 232] }),
    gives: ['+ 10.1.0.0/16 via 10.9.0.2', '! prefix-ignored 224.0.0.0/4 and 1 more: not unicast'],
  },
  {
    says: 'multicast and link-local IPv6 prefixes',
    bytes: update({
      attributes: [ORIGIN, AS_PATH, mpReach(2, GLOBAL, [8, 0xff, 10, 0xfe, 0x80])],
    }),
    gives: ['! prefix-ignored ff00::/8 and 1 more: not unicast'],
  },
  // What is no fault.
  {
    says: 'NEXT_HOP where there is nothing for it: its address does not matter',
    bytes: update({
      attributes: [ORIGIN, AS_PATH, attribute(0x40, 3, [0, 0, 0, 0]), mpReach(2, GLOBAL, P6)],
    }),
    gives: ['+ 2001:db8::/32 via 2001:db8::1'],
  },
  {
    says: 'MP_REACH_NLRI behind the other attributes',
    bytes: update({ attributes: [...MANDATORY, mpReach(2, GLOBAL, P6)], nlri: P1 }),
    gives: ['+ 10.1.0.0/16 via 10.9.0.2', '+ 2001:db8::/32 via 2001:db8::1'],
  },
  {
    says: 'all four places of prefixes at once',
    bytes: update({
      withdrawn: P2,
      attributes: [
        mpUnreach(2, [16, 0x20, 0x02]),
        mpReach(2, [...GLOBAL, ...LINK_LOCAL], P6),
        ...MANDATORY,
      ],
      nlri: P1,
    }),
    gives: [
      '- 10.2.0.0/16',
      '- 2002::/16',
      '+ 10.1.0.0/16 via 10.9.0.2',
      '+ 2001:db8::/32 via 2001:db8::1',
    ],
  },
  {
    says: 'a family that was not agreed on',
    bytes: update({
      attributes: [...MANDATORY, mpReach(2, [1, 2, 3], [200]), mpUnreach(2, [200])],
      nlri: P1,
    }),
    gives: ['+ 10.1.0.0/16 via 10.9.0.2'],
    context: NO_IPV6,
  },
  {
    says: 'families that rib2fib has no use for',
    bytes: update({
      attributes: [...MANDATORY, mpReach(25, [], [200], 70), mpUnreach(1, [200], 2)],
      nlri: P1,
    }),
    gives: ['+ 10.1.0.0/16 via 10.9.0.2'],
  },
  {
    says: 'IPv4 prefixes where IPv4 was not agreed on',
    bytes: update({ withdrawn: P2, attributes: [...MANDATORY, mpReach(2, GLOBAL, P6)], nlri: P1 }),
    gives: ['+ 2001:db8::/32 via 2001:db8::1'],
    context: NO_IPV4,
  },
  {
    says: 'an IPv4 prefix with an IPv6 next hop (RFC 8950)',
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(1, GLOBAL, P1)] }),
    gives: ['+ 10.1.0.0/16 via 2001:db8::1'],
    context: IPV4_BY_IPV6,
  },
  {
    says: 'an IPv4 prefix in MP_REACH_NLRI',
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(1, [10, 9, 0, 2], P1)] }),
    gives: ['+ 10.1.0.0/16 via 10.9.0.2'],
  },
  ...(
    [
      ['link-local alone', LINK_LOCAL, 'fe80::1%eth1'],
      ['global and link-local (RFC 2545)', [...GLOBAL, ...LINK_LOCAL], '2001:db8::1'],
      ['link-local twice', [...LINK_LOCAL, ...LINK_LOCAL], 'fe80::1%eth1'],
      ['nothing and link-local', [...new Array(16).fill(0), ...LINK_LOCAL], 'fe80::1%eth1'],
    ] as const
  ).map(([name, nextHop, text]) => ({
    says: `next hop: ${name}`,
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(2, nextHop, P6)] }),
    gives: [`+ 2001:db8::/32 via ${text}`],
  })),
  {
    says: 'path identifiers in every place (RFC 7911)',
    bytes: update({
      withdrawn: [...u32(1), ...P2],
      attributes: [
        mpUnreach(2, [...u32(2), ...P6]),
        mpReach(2, GLOBAL, [...u32(3), ...P6, ...u32(4), ...P6]),
        ...MANDATORY,
      ],
      nlri: [...u32(0xffffffff), ...P1, ...u32(0), 0],
    }),
    gives: [
      '- 10.2.0.0/16#1',
      '- 2001:db8::/32#2',
      '+ 10.1.0.0/16#4294967295 via 10.9.0.2',
      '+ 0.0.0.0/0 via 10.9.0.2',
      '+ 2001:db8::/32#3 via 2001:db8::1',
      '+ 2001:db8::/32#4 via 2001:db8::1',
    ],
    context: ADD_PATH,
  },
  {
    says: 'bits behind the length of a prefix',
    bytes: update({ attributes: MANDATORY, nlri: [9, 10, 255, 0] }),
    gives: ['+ 10.128.0.0/9 via 10.9.0.2', '+ 0.0.0.0/0 via 10.9.0.2'],
  },
  // RFC 4724 2
  { says: 'End-of-RIB of IPv4', bytes: update({}), gives: ['= ipv4'] },
  {
    says: 'End-of-RIB of IPv6',
    bytes: update({ attributes: [mpUnreach(2, [])] }),
    gives: ['= ipv6'],
  },
  {
    says: 'End-of-RIB of IPv4 in MP_UNREACH_NLRI',
    bytes: update({ attributes: [mpUnreach(1, [])] }),
    gives: ['= ipv4'],
  },
  {
    says: 'End-of-RIB of a family that was not agreed on',
    bytes: update({ attributes: [mpUnreach(2, [])] }),
    gives: [],
    context: NO_IPV6,
  },
  {
    says: 'End-of-RIB of IPv4 where that was not agreed on',
    bytes: update({}),
    gives: [],
    context: NO_IPV4,
  },
  {
    says: 'no End-of-RIB: another attribute beside',
    bytes: update({ attributes: [mpUnreach(2, []), ORIGIN] }),
    gives: [],
  },
  {
    says: 'no End-of-RIB: something is withdrawn',
    bytes: update({ withdrawn: P1, attributes: [mpUnreach(2, [])] }),
    gives: ['- 10.1.0.0/16'],
  },
];

describe('UPDATE', () => {
  for (const { says, bytes, gives, context } of ROWS) {
    it(says, () => assert.deepEqual(verdict(bytes, context), gives));
  }

  it('sends the faulty attribute back', () => {
    const wrong = attribute(0x80, 4, [1]);
    assert.deepEqual(dataOf(update({ attributes: [NEXT_HOP, wrong] })), Buffer.from(wrong));
    const unknown = attribute(0x40, 99, [1, 2]);
    assert.deepEqual(dataOf(update({ attributes: [unknown, ORIGIN] })), Buffer.from(unknown));
    const reach = mpReach(2, [1], P6);
    assert.deepEqual(dataOf(update({ attributes: [reach] })), Buffer.from(reach));
  });
});

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

function dataOf(bytes: Buffer): Buffer {
  try {
    new Decoder(EXTERNAL).message(bytes);
  } catch (error) {
    if (error instanceof SessionError) return error.notification.data;
    throw error;
  }
  throw new Error('nothing was thrown');
}
