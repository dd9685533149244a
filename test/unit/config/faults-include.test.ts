import { type FaultRow, inTable, testFaults } from './fault-rows.js';

const CRITERIA_KEYS =
  'family, prefix, ge, le, prefixList, peer, peerAs, originAs, asPath, community, largeCommunity';

/** From line 4, column 5. */
const ROWS: readonly FaultRow[] = [
  [
    'a missing filters file',
    'filters: { file: filters.yaml }\n',
    ['c.yaml:4:22: tables[0].filters.file: filters.yaml cannot be read: no such file or directory'],
  ],
  [
    'a directory for a filters file',
    'filters: { file: . }\n',
    ['c.yaml:4:22: tables[0].filters.file: . cannot be read: is a directory'],
  ],
  [
    'an empty filters file',
    'filters: { file: filters.yaml }\n',
    ['filters.yaml:1:1: must be a list, not empty'],
    { 'filters.yaml': '' },
  ],
  [
    'a mapping in a filters file',
    'filters: { file: filters.yaml }\n',
    ['filters.yaml:1:1: must be a list, not a mapping'],
    { 'filters.yaml': 'permit: {}\n' },
  ],
  [
    'a syntax error in a filters file',
    'filters: { file: filters.yaml }\n',
    [
      'filters.yaml:2:1: not valid YAML: Flow map in block collection must be sufficiently indented and end with a }',
    ],
    { 'filters.yaml': '- permit: {\n' },
  ],
  [
    'an unknown key in a filters file',
    'filters: { file: filters.yaml }\n',
    [
      `filters.yaml:3:5: [1].permit.prefixlist: unknown key; did you mean prefixList? (allowed here: ${CRITERIA_KEYS})`,
    ],
    { 'filters.yaml': ['- deny: {}', '- permit:', '    prefixlist: x', ''].join('\n') },
  ],
  [
    'a bad range in a filters file',
    'filters: { file: filters.yaml }\n',
    [
      'filters.yaml:3:9: [0].permit.le: le 4 is out of order for 10.0.0.0/8; needed is 8 <= ge <= le <= 32',
    ],
    { 'filters.yaml': ['- permit:', '    prefix: 10.0.0.0/8', '    le: 4', ''].join('\n') },
  ],
  [
    'an unknown key beside file',
    'filters: { file: filters.yaml, path: x }\n',
    ['c.yaml:4:36: tables[0].filters.path: unknown key (allowed here: file)'],
  ],
];

testFaults('faults of filters in a file of their own', ROWS, inTable);
