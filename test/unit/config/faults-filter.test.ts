import { type FaultRow, TABLE, testFaults } from './fault-rows.js';

const CRITERIA_KEYS =
  'family, prefix, ge, le, prefixList, peer, peerAs, originAs, asPath, community, largeCommunity';

/** At line 5, column 9. */
const ROWS: readonly FaultRow[] = [
  [
    'a rule of neither kind',
    '{}',
    ['c.yaml:5:9: tables[0].filters[0]: must have either permit or deny'],
  ],
  [
    'a rule of both kinds',
    '{ permit: {}, deny: {} }',
    ['c.yaml:5:9: tables[0].filters[0]: must have either permit or deny'],
  ],
  [
    'a rule with its criteria beside it',
    '{ permit: {}, prefix: 10.0.0.0/8 }',
    ['c.yaml:5:23: tables[0].filters[0].prefix: unknown key (allowed here: permit, deny)'],
  ],
  [
    'an empty permit',
    '{ permit: }',
    [
      `c.yaml:5:11: tables[0].filters[0].permit: must be a mapping with ${CRITERIA_KEYS}, not empty`,
    ],
  ],
  [
    'host bits',
    '{ permit: { prefix: 10.1.0.0/8 } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.prefix: 10.1.0.0/8 has host bits set; 10.0.0.0/8 was probably meant',
    ],
  ],
  [
    'host bits of IPv6',
    '{ permit: { prefix: "2001:db8:1::/32" } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.prefix: 2001:db8:1::/32 has host bits set; 2001:db8::/32 was probably meant',
    ],
  ],
  [
    'an address for a prefix',
    '{ permit: { prefix: 10.0.0.1 } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.prefix: 10.0.0.1 has no length; 10.0.0.1/32 is that one address',
    ],
  ],
  [
    'a prefix length above 32',
    '{ permit: { prefix: 10.0.0.0/33 } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.prefix: must be a prefix such as 10.0.0.0/8 or 2001:db8::/32, not "10.0.0.0/33"',
    ],
  ],
  [
    'a name for a prefix',
    '{ permit: { prefix: customers } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.prefix: must be a prefix such as 10.0.0.0/8 or 2001:db8::/32, not "customers"',
    ],
  ],
  [
    'ge without prefix',
    '{ permit: { ge: 8 } }',
    ['c.yaml:5:25: tables[0].filters[0].permit.ge: needs prefix beside it'],
  ],
  [
    'ge below the length',
    '{ permit: { prefix: 10.0.0.0/8, ge: 7 } }',
    [
      'c.yaml:5:45: tables[0].filters[0].permit.ge: ge 7 is out of order for 10.0.0.0/8; needed is 8 <= ge <= le <= 32',
    ],
  ],
  [
    'le below the length',
    '{ permit: { prefix: 10.0.0.0/8, le: 7 } }',
    [
      'c.yaml:5:45: tables[0].filters[0].permit.le: le 7 is out of order for 10.0.0.0/8; needed is 8 <= ge <= le <= 32',
    ],
  ],
  [
    'le below ge',
    '{ permit: { prefix: 10.0.0.0/8, ge: 24, le: 16 } }',
    [
      'c.yaml:5:53: tables[0].filters[0].permit.le: le 16 is out of order for 10.0.0.0/8; needed is 8 <= ge <= le <= 32',
    ],
  ],
  [
    'ge above the width of IPv4',
    '{ permit: { prefix: 10.0.0.0/8, ge: 33 } }',
    [
      'c.yaml:5:45: tables[0].filters[0].permit.ge: ge 33 is out of order for 10.0.0.0/8; needed is 8 <= ge <= le <= 32',
    ],
  ],
  [
    'le above the width of IPv4',
    '{ permit: { prefix: 10.0.0.0/8, le: 33 } }',
    [
      'c.yaml:5:45: tables[0].filters[0].permit.le: le 33 is out of order for 10.0.0.0/8; needed is 8 <= ge <= le <= 32',
    ],
  ],
  [
    'another family than the prefix',
    '{ permit: { family: ipv6, prefix: 10.0.0.0/8 } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.family: ipv6 never matches the prefix 10.0.0.0/8; leave one of them out',
    ],
  ],
  [
    'an unknown prefix list',
    '{ permit: { prefixList: customers } }',
    [
      'c.yaml:5:33: tables[0].filters[0].permit.prefixList: no list "customers" in prefixLists (there is none)',
    ],
  ],
  [
    'a peer with a port',
    '{ permit: { peer: "10.9.0.2:179" } }',
    [
      'c.yaml:5:27: tables[0].filters[0].permit.peer: must be the address of a peer, without zone or port, not "10.9.0.2:179"',
    ],
  ],
  [
    'AS 0',
    '{ permit: { peerAs: 0 } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.peerAs: must be a whole number from 1 to 4294967295, not 0',
    ],
  ],
  [
    'an AS above 32 bits',
    '{ permit: { originAs: 4294967296 } }',
    [
      'c.yaml:5:31: tables[0].filters[0].permit.originAs: must be a whole number from 1 to 4294967295, not 4294967296',
    ],
  ],
  [
    'an AS-path pattern that does not compile',
    '{ permit: { asPath: "^(65001" } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.asPath: not a valid AS-path pattern: error parsing regexp: missing closing ): `^(65001`',
    ],
  ],
  [
    'a number for an AS-path pattern',
    '{ permit: { asPath: 65001 } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.asPath: must be a regular expression in quotes, such as "^65001_", not 65001',
    ],
  ],
  [
    'an empty AS-path pattern',
    '{ permit: { asPath: "" } }',
    [
      'c.yaml:5:29: tables[0].filters[0].permit.asPath: must not be empty; "^$" is the empty AS path',
    ],
  ],
  [
    'a community above 65535',
    '{ permit: { community: "65536:1" } }',
    [
      'c.yaml:5:32: tables[0].filters[0].permit.community: must be a community ASN:VALUE, each from 0 to 65535, or one of no-export, no-advertise, no-export-subconfed, blackhole, graceful-shutdown, not "65536:1"',
    ],
  ],
  [
    'an unknown community',
    '{ permit: { community: no-exports } }',
    [
      'c.yaml:5:32: tables[0].filters[0].permit.community: must be a community ASN:VALUE, each from 0 to 65535, or one of no-export, no-advertise, no-export-subconfed, blackhole, graceful-shutdown, not "no-exports"',
    ],
  ],
  [
    'a large community of two parts',
    '{ permit: { largeCommunity: "65000:1" } }',
    [
      'c.yaml:5:37: tables[0].filters[0].permit.largeCommunity: must be a large community GLOBAL:DATA1:DATA2, each from 0 to 4294967295, not "65000:1"',
    ],
  ],
  [
    'an unknown list beside known ones',
    '{ permit: { prefixList: customer } }\nprefixLists: { customers: [ permit any ], peers: [ permit any ] }',
    [
      'c.yaml:5:33: tables[0].filters[0].permit.prefixList: no list "customer" in prefixLists (there is customers, peers)',
    ],
  ],
];

testFaults('faults of a filter rule', ROWS, (text) => `${TABLE}    filters:\n      - ${text}\n`);
