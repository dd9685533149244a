import { type FaultRow, inTable, TABLE_KEYS, testFaults } from './fault-rows.js';

/** From line 4, column 5. */
const ROWS: readonly FaultRow[] = [
  [
    'a slip of the pen in a table',
    'filter: []\n',
    [
      `c.yaml:4:5: tables[0].filter: unknown key; did you mean filters? (allowed here: ${TABLE_KEYS})`,
    ],
  ],
  [
    'the wrong letter case',
    'acceptdefault: true\n',
    [
      `c.yaml:4:5: tables[0].acceptdefault: unknown key; did you mean acceptDefault? (allowed here: ${TABLE_KEYS})`,
    ],
  ],
  [
    'two unknown keys',
    'foo: 1\nbar: 2\n',
    [
      `c.yaml:4:5: tables[0].foo: unknown key (allowed here: ${TABLE_KEYS})`,
      `c.yaml:5:5: tables[0].bar: unknown key (allowed here: ${TABLE_KEYS})`,
    ],
  ],
  [
    'a word for a flag',
    'acceptDefault: yes\n',
    ['c.yaml:4:20: tables[0].acceptDefault: must be true or false, not "yes"'],
  ],
  [
    'text for a number',
    'metric: "20"\n',
    ['c.yaml:4:13: tables[0].metric: must be a whole number from 1 to 4294966295, not "20"'],
  ],
  [
    'a fraction',
    'metric: 1.5\n',
    ['c.yaml:4:13: tables[0].metric: must be a whole number from 1 to 4294966295, not 1.5'],
  ],
  [
    'metric 0',
    'metric: 0\n',
    ['c.yaml:4:13: tables[0].metric: must be a whole number from 1 to 4294966295, not 0'],
  ],
  [
    'a metric that leaves static routes no room',
    'metric: 4294966296\n',
    ['c.yaml:4:13: tables[0].metric: must be a whole number from 1 to 4294966295, not 4294966296'],
  ],
  [
    'a mapping for a list',
    'limits: { family: ipv4, max: 1 }\n',
    ['c.yaml:4:13: tables[0].limits: must be a list, not a mapping'],
  ],
  [
    'an empty value',
    'filters:\n',
    ['c.yaml:4:5: tables[0].filters: must be a list of rules, or { file: PATH }, not empty'],
  ],
  [
    'multipath 65',
    'multipath: 65\n',
    ['c.yaml:4:16: tables[0].multipath: must be a whole number from 1 to 64, not 65'],
  ],
  [
    'an unknown word',
    'foreign: keep\n',
    ['c.yaml:4:14: tables[0].foreign: must be preserve, evict or fail, not "keep"'],
  ],
  [
    'a bad name',
    'name: "my table"\n',
    [
      'c.yaml:4:11: tables[0].name: must be a name of 1 to 64 letters, digits, "-", "_" or ".", not "my table"',
    ],
  ],
  [
    'a limit without family and max',
    'limits: [ { action: warn } ]\n',
    [
      'c.yaml:4:15: tables[0].limits[0].family: is missing; it must be ipv4 or ipv6',
      'c.yaml:4:15: tables[0].limits[0].max: is missing; it must be a whole number from 1 to 4294967295',
    ],
  ],
  [
    'max 0',
    'limits: [ { family: ipv4, max: 0 } ]\n',
    ['c.yaml:4:36: tables[0].limits[0].max: must be a whole number from 1 to 4294967295, not 0'],
  ],
  [
    'warnPercent 101',
    'limits: [ { family: ipv4, max: 1, warnPercent: 101 } ]\n',
    ['c.yaml:4:52: tables[0].limits[0].warnPercent: must be a whole number from 1 to 100, not 101'],
  ],
  [
    'two limits of all peers',
    [
      'limits:',
      '  - { family: ipv4, max: 1 }',
      '  - { family: ipv6, max: 1 }',
      '  - { family: ipv4, max: 2, count: received }',
      '',
    ].join('\n'),
    [
      'c.yaml:7:9: tables[0].limits[2]: a limit above is for ipv4 without a peer too; they may not overlap',
    ],
  ],
  [
    'two limits of one peer',
    [
      'limits:',
      '  - { family: ipv6, max: 1, peer: "2001:db8::1" }',
      '  - { family: ipv6, max: 1, peer: "2001:DB8:0::1" }',
      '',
    ].join('\n'),
    [
      'c.yaml:6:9: tables[0].limits[1]: a limit above is for ipv6 for peer 2001:db8::1 too; they may not overlap',
    ],
  ],
  [
    'teardown without a peer',
    'limits: [ { family: ipv4, max: 1, action: teardown } ]\n',
    ['c.yaml:4:47: tables[0].limits[0].action: teardown needs peer: whose session is to end?'],
  ],
  [
    'restartAfter without teardown',
    'limits: [ { family: ipv4, max: 1, restartAfter: 5m } ]\n',
    ['c.yaml:4:53: tables[0].limits[0].restartAfter: only goes with action: teardown'],
  ],
  [
    'restartAfter forever',
    'limits: [ { family: ipv4, max: 1, peer: 10.9.0.2, action: teardown, restartAfter: forever } ]\n',
    [
      'c.yaml:4:87: tables[0].limits[0].restartAfter: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, or never, not "forever"',
    ],
  ],
];

testFaults('faults of a table', ROWS, inTable);
