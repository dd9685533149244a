/** Right UPDATEs: prefixes in every place, next hops in every form, End-of-RIB, and what is passed over. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DecodeContext } from '../../../../../src/source/bgp/message/message.js';
import {
  AS_PATH,
  attribute,
  EXTERNAL,
  GLOBAL,
  LINK_LOCAL,
  MANDATORY,
  mpReach,
  mpUnreach,
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

interface Row {
  readonly says: string;
  readonly bytes: Buffer;
  readonly gives: readonly string[];
  readonly context?: DecodeContext;
}

const ROWS: readonly Row[] = [
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
    says: 'the shortest attributes of a family that rib2fib has no use for',
    bytes: update({
      attributes: [...MANDATORY, mpReach(25, [], [], 70), mpUnreach(25, [], 70)],
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
      ['link-local and global', [...LINK_LOCAL, ...GLOBAL], '2001:db8::1'],
      ['global twice: the first', [...GLOBAL, ...GLOBAL.slice(0, 15), 2], '2001:db8::1'],
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
});
