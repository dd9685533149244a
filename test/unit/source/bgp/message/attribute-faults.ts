/**
 * RFC 7606 7, attribute by attribute: which fault costs the routes, which the
 * attribute, which nothing. The routes are 10.1.0.0/16 and 10.2.0.0/16.
 */
import type { DecodeContext } from '../../../../../src/source/bgp/message/message.js';
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
import type { FaultRow } from './fault-row.js';

const KEPT = ['+ 10.1.0.0/16 via 10.9.0.2', '+ 10.2.0.0/16 via 10.9.0.2'];
const GONE = ['- 10.1.0.0/16', '- 10.2.0.0/16'];
const withdraw = (reason: string) => [...GONE, `! treat-as-withdraw ${reason}`];
const discard = (reason: string) => [...KEPT, `! attribute-discard ${reason}`];

const TWO_OCTETS: DecodeContext = { ...EXTERNAL, fourOctetAs: false };
const PATH_OF_TWO = attribute(0x40, 2, [2, 1, ...u16(65001)]);

/** Attributes in front of two prefixes. */
interface Row extends Omit<FaultRow, 'bytes'> {
  readonly attributes: readonly Octets[];
}

/** A row with this beside the mandatory attributes. */
function beside(says: string, octets: Octets, gives: Row['gives'], context = EXTERNAL): Row {
  return { says, attributes: [...MANDATORY, octets], gives, context };
}

/** One with wrong Optional or Transitive bits (RFC 7606 3 c), and one with the Partial bit, which is no fault. */
function flagRows(
  name: string,
  right: number,
  type: number,
  value: Octets,
  gives: (reason: string) => readonly string[],
  context = EXTERNAL,
): Row[] {
  const word = (flags: number) =>
    `${(flags & 0x80) === 0 ? 'well-known' : 'optional'} ${(flags & 0x40) === 0 ? 'non-transitive' : 'transitive'}`;
  const others = MANDATORY.filter((one) => one[1] !== type);
  const rows = [0x00, 0x40, 0x80, 0xc0]
    .filter((flags) => flags !== right)
    .map((flags) => ({
      says: `${name} with flags ${flags.toString(16)}`,
      attributes: [...others, attribute(flags, type, value)],
      gives: gives(`${name}: flags ${word(flags)}, must be ${word(right)}`),
      context,
    }));
  const partial = {
    says: `${name} with the Partial bit`,
    attributes: [...others, attribute(right | 0x20, type, value)],
    gives: KEPT,
    context,
  };
  return [...rows, partial];
}

const ROWS: readonly Row[] = [
  { says: 'nothing wrong', attributes: MANDATORY, gives: KEPT },
  // 3 d: well-known mandatory attributes.
  { says: 'no ORIGIN', attributes: [AS_PATH, NEXT_HOP], gives: withdraw('ORIGIN: missing') },
  { says: 'no AS_PATH', attributes: [ORIGIN, NEXT_HOP], gives: withdraw('AS_PATH: missing') },
  { says: 'no NEXT_HOP', attributes: [ORIGIN, AS_PATH], gives: withdraw('NEXT_HOP: missing') },
  {
    says: 'no attributes at all',
    attributes: [],
    gives: [...withdraw('ORIGIN: missing'), '! treat-as-withdraw NEXT_HOP: missing'],
  },
  // 3 g: twice.
  {
    says: 'ORIGIN twice: the first counts',
    attributes: [...MANDATORY, attribute(0x40, 1, [7])],
    gives: discard('ORIGIN: came before'),
  },
  {
    says: 'NEXT_HOP twice: the first counts',
    attributes: [...MANDATORY, attribute(0x40, 3, [10, 9, 0, 9])],
    gives: discard('NEXT_HOP: came before'),
  },
  {
    says: 'an unknown attribute twice',
    attributes: [...MANDATORY, attribute(0xc0, 200, [1]), attribute(0xc0, 200, [2])],
    gives: discard('type 200: came before'),
  },
  // 7.1
  ...flagRows('ORIGIN', 0x40, 1, [0], withdraw),
  ...[[], [0, 0]].map((value) => ({
    says: `ORIGIN of ${value.length} octets`,
    attributes: [attribute(0x40, 1, value), AS_PATH, NEXT_HOP],
    gives: withdraw(`ORIGIN: length ${value.length}, must be 1`),
  })),
  {
    says: 'ORIGIN 3',
    attributes: [attribute(0x40, 1, [3]), AS_PATH, NEXT_HOP],
    gives: withdraw('ORIGIN: undefined value 3'),
  },
  // 7.2
  ...flagRows('AS_PATH', 0x40, 2, [2, 1, ...u32(65001)], withdraw),
  ...(
    [
      ['segment of unknown type 5', [5, 1, ...u32(65001)]],
      ['segment of unknown type 0', [0, 1, ...u32(65001)]],
      ['segment longer than the attribute', [2, 2, ...u32(65001)]],
      ['one octet behind the last segment', [2, 1, ...u32(65001), 2]],
      ['segment without AS numbers', [2, 0]],
      ['AS number 0', [2, 2, ...u32(65001), ...u32(0)]],
      ['confederation segment of an external peer', [3, 1, ...u32(65001)]],
      ['confederation segment of an external peer', [4, 1, ...u32(65001)]],
    ] as const
  ).map(([reason, value]) => ({
    says: `AS_PATH ${value}`,
    attributes: [ORIGIN, attribute(0x40, 2, value), NEXT_HOP],
    gives: withdraw(`AS_PATH: ${reason}`),
  })),
  {
    says: 'an empty AS_PATH is none',
    attributes: [ORIGIN, attribute(0x40, 2, []), NEXT_HOP],
    gives: KEPT,
  },
  {
    says: 'confederation segments of an internal peer are right',
    attributes: [ORIGIN, attribute(0x40, 2, [3, 1, ...u32(65001)]), NEXT_HOP],
    gives: KEPT,
    context: INTERNAL,
  },
  // 7.3
  ...flagRows('NEXT_HOP', 0x40, 3, [10, 9, 0, 2], withdraw),
  ...[[], [10, 9, 0], [10, 9, 0, 2, 0]].map((value) => ({
    says: `NEXT_HOP of ${value.length} octets`,
    attributes: [ORIGIN, AS_PATH, attribute(0x40, 3, value)],
    gives: withdraw(`NEXT_HOP: length ${value.length}, must be 4`),
  })),
  ...[
    [0, 0, 0, 0],
    [0, 1, 2, 3],
    [127, 0, 0, 1],
    [224, 0, 0, 1],
    [240, 0, 0, 1],
    [255, 255, 255, 255],
  ].map((value) => ({
    says: `NEXT_HOP ${value.join('.')}`,
    attributes: [ORIGIN, AS_PATH, attribute(0x40, 3, value)],
    gives: withdraw("NEXT_HOP: no host's address"),
  })),
  // 7.4
  ...flagRows('MULTI_EXIT_DISC', 0x80, 4, u32(5), withdraw),
  beside(
    'MULTI_EXIT_DISC of 3 octets',
    attribute(0x80, 4, [0, 0, 1]),
    withdraw('MULTI_EXIT_DISC: length 3, must be 4'),
  ),
  beside(
    'MULTI_EXIT_DISC of none',
    attribute(0x80, 4, []),
    withdraw('MULTI_EXIT_DISC: length 0, must be 4'),
  ),
  // 7.5
  ...flagRows('LOCAL_PREF', 0x40, 5, u32(100), withdraw, INTERNAL),
  beside(
    'LOCAL_PREF of 5 octets',
    attribute(0x40, 5, [0, 0, 0, 1, 0]),
    withdraw('LOCAL_PREF: length 5, must be 4'),
    INTERNAL,
  ),
  beside(
    'LOCAL_PREF of an external peer',
    attribute(0x40, 5, u32(100)),
    discard('LOCAL_PREF: of an external peer'),
  ),
  beside(
    'a wrong LOCAL_PREF of an external peer',
    attribute(0x80, 5, [1]),
    discard('LOCAL_PREF: of an external peer'),
  ),
  // 7.6
  ...flagRows('ATOMIC_AGGREGATE', 0x40, 6, [], discard),
  beside(
    'ATOMIC_AGGREGATE of 1 octet',
    attribute(0x40, 6, [0]),
    discard('ATOMIC_AGGREGATE: length 1, must be 0'),
  ),
  // 7.7
  ...flagRows('AGGREGATOR', 0xc0, 7, [...u32(65001), 1, 2, 3, 4], discard),
  beside(
    'AGGREGATOR of 6 octets where AS numbers have four',
    attribute(0xc0, 7, [...u16(65001), 1, 2, 3, 4]),
    discard('AGGREGATOR: length 6, must be 8'),
  ),
  {
    says: 'AGGREGATOR of 8 octets where AS numbers have two',
    attributes: [ORIGIN, PATH_OF_TWO, NEXT_HOP, attribute(0xc0, 7, [...u32(65001), 1, 2, 3, 4])],
    gives: discard('AGGREGATOR: length 8, must be 6'),
    context: TWO_OCTETS,
  },
  beside(
    'AGGREGATOR with AS number 0',
    attribute(0xc0, 7, [...u32(0), 1, 2, 3, 4]),
    discard('AGGREGATOR: AS number 0'),
  ),
  // 7.8, 7.14, 7.15, RFC 8092 6
  ...(
    [
      ['COMMUNITIES', 8, 4],
      ['EXTENDED_COMMUNITIES', 16, 8],
      ['IPV6_EXTENDED_COMMUNITIES', 25, 20],
      ['LARGE_COMMUNITY', 32, 12],
    ] as const
  ).flatMap(([name, type, size]) => [
    ...flagRows(name, 0xc0, type, new Array(size).fill(1), withdraw),
    ...[0, 1, size - 1, size + 1].map((length) =>
      beside(
        `${name} of ${length} octets`,
        attribute(0xc0, type, new Array(length).fill(1)),
        withdraw(`${name}: length ${length}, must be a multiple of ${size}, not 0`),
      ),
    ),
  ]),
  // 7.9
  ...flagRows('ORIGINATOR_ID', 0x80, 9, [1, 2, 3, 4], withdraw, INTERNAL),
  beside(
    'ORIGINATOR_ID of 8 octets',
    attribute(0x80, 9, [1, 2, 3, 4, 5, 6, 7, 8]),
    withdraw('ORIGINATOR_ID: length 8, must be 4'),
    INTERNAL,
  ),
  beside(
    'ORIGINATOR_ID of an external peer',
    attribute(0x80, 9, [1]),
    discard('ORIGINATOR_ID: of an external peer'),
  ),
  // 7.10
  ...flagRows('CLUSTER_LIST', 0x80, 10, [1, 2, 3, 4], withdraw, INTERNAL),
  ...[0, 5].map((length) =>
    beside(
      `CLUSTER_LIST of ${length} octets`,
      attribute(0x80, 10, new Array(length).fill(1)),
      withdraw(`CLUSTER_LIST: length ${length}, must be a multiple of 4, not 0`),
      INTERNAL,
    ),
  ),
  beside(
    'CLUSTER_LIST of an external peer',
    attribute(0x80, 10, [1]),
    discard('CLUSTER_LIST: of an external peer'),
  ),
  // RFC 6793 3, 6
  beside(
    'AS4_PATH of a speaker of four-octet AS numbers',
    attribute(0xc0, 17, [2, 1, ...u32(65001)]),
    discard('AS4_PATH: of a speaker of four-octet AS numbers'),
  ),
  beside(
    'AS4_AGGREGATOR of a speaker of four-octet AS numbers',
    attribute(0xc0, 18, [...u32(65001), 1, 2, 3, 4]),
    discard('AS4_AGGREGATOR: of a speaker of four-octet AS numbers'),
  ),
  ...(
    [
      ['AS4_PATH: length 0', 0xc0, 17, []],
      ['AS4_PATH: segment longer than the attribute', 0xc0, 17, [2, 2, ...u32(65001)]],
      ['AS4_PATH: segment without AS numbers', 0xc0, 17, [2, 0]],
      ['AS4_PATH: segment of unknown type 9', 0xc0, 17, [9, 1, ...u32(65001)]],
      ['AS4_PATH: AS number 0', 0xc0, 17, [2, 1, ...u32(0)]],
      [
        'AS4_PATH: flags optional non-transitive, must be optional transitive',
        0x80,
        17,
        [2, 1, ...u32(65001)],
      ],
      ['AS4_AGGREGATOR: length 6, must be 8', 0xc0, 18, [1, 2, 3, 4, 5, 6]],
      ['AS4_AGGREGATOR: AS number 0', 0xc0, 18, [...u32(0), 1, 2, 3, 4]],
    ] as const
  ).map(([reason, flags, type, value]) => ({
    says: reason,
    attributes: [ORIGIN, PATH_OF_TWO, NEXT_HOP, attribute(flags, type, value)],
    gives: discard(reason),
    context: TWO_OCTETS,
  })),
  // RFC 9234 5
  ...flagRows('ONLY_TO_CUSTOMER', 0xc0, 35, u32(65001), withdraw),
  beside(
    'ONLY_TO_CUSTOMER of 2 octets',
    attribute(0xc0, 35, u16(65001)),
    withdraw('ONLY_TO_CUSTOMER: length 2, must be 4'),
  ),
  // RFC 7311 3.2, RFC 4271 5: what is not read is passed over.
  beside('AIGP', attribute(0x80, 26, [1, 0, 11, 0, 0, 0, 0, 0, 0, 0, 9]), KEPT),
  beside('AIGP that is not as it should be', attribute(0xc0, 26, [1]), KEPT),
  beside('an unknown optional transitive attribute', attribute(0xc0, 200, []), KEPT),
  beside('an unknown optional non-transitive attribute', attribute(0x80, 201, [1, 2]), KEPT),
  // RFC 4271 6.3, which RFC 7606 leaves as it was.
  beside(
    'an unknown well-known attribute',
    attribute(0x40, 202, [1]),
    '3/2 UPDATE: unknown well-known attribute 202',
  ),
  // 3 h: the strongest consequence.
  {
    says: 'a fault that costs the attribute beside one that costs the routes',
    attributes: [...MANDATORY, attribute(0x40, 6, [0]), attribute(0x80, 4, [])],
    gives: [
      ...GONE,
      '! attribute-discard ATOMIC_AGGREGATE: length 1, must be 0',
      '! treat-as-withdraw MULTI_EXIT_DISC: length 0, must be 4',
    ],
  },
  {
    says: 'a fault that costs the routes before one that costs the session',
    attributes: [...MANDATORY, attribute(0x80, 4, []), attribute(0x00, 202, [1])],
    gives: '3/2 UPDATE: unknown well-known attribute 202',
  },
];

export const ATTRIBUTE_FAULTS: readonly FaultRow[] = ROWS.map(({ attributes, ...row }) => ({
  ...row,
  bytes: update({ attributes, nlri: [...P1, ...P2] }),
}));
