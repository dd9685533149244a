/** Lengths, fields of prefixes and multiprotocol attributes that are wrong (RFC 7606 3 to 5, RFC 4760 7). */
import type { DecodeContext } from '../../../../../src/source/bgp/message/message.js';
import {
  AS_PATH,
  attribute,
  EXTERNAL,
  GLOBAL,
  MANDATORY,
  mpReach,
  mpUnreach,
  ORIGIN,
  P1,
  P2,
  P6,
  update,
} from './build.js';
import type { FaultRow } from './fault-row.js';

const ADD_PATH: DecodeContext = { ...EXTERNAL, addPath: new Set(['ipv4', 'ipv6']) };
const NO_IPV6: DecodeContext = { ...EXTERNAL, families: new Set(['ipv4']) };
const NO_IPV4: DecodeContext = { ...EXTERNAL, families: new Set(['ipv6']) };
const BAD_MED = attribute(0x80, 4, []);
const BAD_ATOMIC = attribute(0x40, 6, [1]);

export const MESSAGE_FAULTS: readonly FaultRow[] = [
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
  ...[0, 15, 24, 48].map((length) => ({
    says: `IPv6 next hop of ${length} octets`,
    bytes: update({
      attributes: [ORIGIN, AS_PATH, mpReach(2, new Array(length).fill(1), P6)],
    }),
    gives: `3/9 UPDATE: MP_REACH_NLRI: next hop of length ${length}`,
  })),
  {
    says: 'an IPv6 next hop of IPv4 prefixes without RFC 8950',
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(1, GLOBAL, P1)] }),
    gives: ['- 10.1.0.0/16', '! treat-as-withdraw MP_REACH_NLRI: IPv6 next hop was not agreed on'],
  },
  {
    says: 'an IPv4 next hop of IPv6 prefixes',
    bytes: update({ attributes: [ORIGIN, AS_PATH, mpReach(2, [10, 9, 0, 2], P6)] }),
    gives: [
      '- 2001:db8::/32',
      '! treat-as-withdraw MP_REACH_NLRI: IPv4 next hop was not agreed on',
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
    says: 'loopback prefixes, and those of this network',
    bytes: update({
      attributes: MANDATORY,
      nlri: [8, 127, 32, 127, 0, 0, 1, 8, 0, 24, 0, 1, 2, ...P1],
    }),
    gives: ['+ 10.1.0.0/16 via 10.9.0.2', '! prefix-ignored 127.0.0.0/8 and 3 more: not unicast'],
  },
  {
    says: 'prefixes that contain such, and are right: a default route, its halves, 126.0.0.0/7, 240.0.0.0/4',
    bytes: update({ attributes: MANDATORY, nlri: [0, 1, 0, 1, 128, 7, 126, 4, 240] }),
    gives: [
      '+ 0.0.0.0/0 via 10.9.0.2',
      '+ 0.0.0.0/1 via 10.9.0.2',
      '+ 128.0.0.0/1 via 10.9.0.2',
      '+ 126.0.0.0/7 via 10.9.0.2',
      '+ 240.0.0.0/4 via 10.9.0.2',
    ],
  },
  {
    says: 'IPv6 loopback and unspecified addresses; not ::/0, nor what is only low',
    bytes: update({
      attributes: [
        ORIGIN,
        AS_PATH,
        mpReach(2, GLOBAL, [
          ...[128, ...new Array(15).fill(0), 1],
          ...[128, ...new Array(16).fill(0)],
          ...[128, ...new Array(15).fill(0), 2],
          0,
        ]),
      ],
    }),
    gives: [
      '+ ::2/128 via 2001:db8::1',
      '+ ::/0 via 2001:db8::1',
      '! prefix-ignored ::1/128 and 1 more: not unicast',
    ],
  },
  {
    says: 'multicast and link-local IPv6 prefixes',
    bytes: update({
      attributes: [ORIGIN, AS_PATH, mpReach(2, GLOBAL, [8, 0xff, 10, 0xfe, 0x80])],
    }),
    gives: ['! prefix-ignored ff00::/8 and 1 more: not unicast'],
  },
];
