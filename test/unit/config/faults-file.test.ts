import { type FaultRow, SOURCE, TOP_KEYS, testFaults } from './fault-rows.js';

const ROWS: readonly FaultRow[] = [
  ['an empty file', '', [`c.yaml:1:1: must be a mapping with ${TOP_KEYS}, not empty`]],
  [
    'a file of comments',
    '# nothing\n',
    [`c.yaml:1:1: must be a mapping with ${TOP_KEYS}, not empty`],
  ],
  ['a list', '- 1\n', [`c.yaml:1:1: must be a mapping with ${TOP_KEYS}, not a list`]],
  ['a text', 'rib2fib\n', [`c.yaml:1:1: must be a mapping with ${TOP_KEYS}, not "rib2fib"`]],
  [
    'a tab for indentation',
    'source:\n\tgobgp: {}\n',
    ['c.yaml:2:1: not valid YAML: Tabs are not allowed as indentation'],
  ],
  [
    'a quote left open',
    'log: { level: "info }\n',
    ['c.yaml:2:1: not valid YAML: Missing closing "quote'],
  ],
  [
    'two mappings on a line',
    'log: level: info\n',
    ['c.yaml:1:6: not valid YAML: Nested mappings are not allowed in compact mappings'],
  ],
  [
    'two documents',
    ['log: {}', '---', 'log: {}', ''].join('\n'),
    ['c.yaml:2:1: a second YAML document begins; only one is allowed'],
  ],
  [
    'another YAML version',
    ['%YAML 1.1', '---', 'log: {}', ''].join('\n'),
    ['c.yaml:1:1: only YAML 1.2 is read'],
  ],
  ['a tag', 'log: !include log.yaml\n', ['c.yaml:1:6: not valid YAML: Unresolved tag: !include']],
  [
    'an anchor and its alias',
    'log: &log { level: info }\nadmin: *log\n',
    [
      'c.yaml:1:11: log: YAML anchors are not allowed; write the value out',
      'c.yaml:2:8: admin: YAML aliases are not allowed; write the value out',
    ],
  ],
  [
    'a merge key',
    'log:\n  <<: { level: info }\n',
    ['c.yaml:2:3: log: YAML merge keys are not allowed'],
  ],
  [
    'a duplicate key',
    ['log: { level: info }', 'hold: 1s', 'log: { level: warn }', ''].join('\n'),
    ['c.yaml:3:1: log: duplicate key; each may stand once'],
  ],
  [
    'a duplicate key further in',
    ['tables:', '  - id: 1', '    id: 2', ''].join('\n'),
    ['c.yaml:3:5: tables[0].id: duplicate key; each may stand once'],
  ],
  [
    'a mapping as a key',
    'log: { ? { a: b } : c }\n',
    ['c.yaml:1:10: log: a key must be plain text'],
  ],
  ['nothing but a source', `${SOURCE}`, ['c.yaml:1:1: tables: is missing; it must be a list']],
  [
    'no source',
    'tables: [ { id: 100 } ]\n',
    ['c.yaml:1:1: source: is missing; it must be a mapping with gobgp, bgp, fpm, file'],
  ],
  [
    'every fault of a file at once',
    ['source: {}', 'hold: 5', 'tables: []', 'lgo: {}', ''].join('\n'),
    [
      'c.yaml:2:7: hold: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, or forever, not 5',
      'c.yaml:3:9: tables: must have at least one entry',
      `c.yaml:4:1: lgo: unknown key; did you mean log? (allowed here: ${TOP_KEYS})`,
    ],
  ],
  [
    'table 0',
    `${SOURCE}tables: [ { id: 0 } ]\n`,
    ['c.yaml:2:17: tables[0].id: must be a whole number from 1 to 4294967295, not 0'],
  ],
  [
    'a table id above 32 bits',
    [SOURCE.trimEnd(), 'tables: [ { id: 4294967296 } ]', ''].join('\n'),
    ['c.yaml:2:17: tables[0].id: must be a whole number from 1 to 4294967295, not 4294967296'],
  ],
  [
    'a table without an id',
    `${SOURCE}tables: [ { name: fabric } ]\n`,
    ['c.yaml:2:11: tables[0].id: is missing; it must be a whole number from 1 to 4294967295'],
  ],
  ['no tables', `${SOURCE}tables: []\n`, ['c.yaml:2:9: tables: must have at least one entry']],
  [
    'the table default',
    `${SOURCE}tables: [ { id: 253 } ]\n`,
    ["c.yaml:2:17: tables[0].id: 253 is the kernel's own table default; choose another"],
  ],
  [
    'the table main',
    `${SOURCE}tables: [ { id: 254 } ]\n`,
    ["c.yaml:2:17: tables[0].id: 254 is the kernel's own table main; choose another"],
  ],
  [
    'the table local',
    `${SOURCE}tables: [ { id: 255 } ]\n`,
    ["c.yaml:2:17: tables[0].id: 255 is the kernel's own table local; choose another"],
  ],
  [
    'a duplicate id',
    [
      SOURCE.trimEnd(),
      'tables:',
      '  - id: 100',
      '    name: a',
      '  - id: 100',
      '    name: b',
      '',
    ].join('\n'),
    ['c.yaml:5:9: tables[1].id: a table above has the id 100 too'],
  ],
  [
    'a duplicate name',
    [SOURCE.trimEnd(), 'tables: [ { id: 100, name: table200 }, { id: 200 } ]', ''].join('\n'),
    ['c.yaml:2:40: tables[1].name: a table above has the name table200 too'],
  ],
  [
    'two sources',
    [
      'source: { gobgp: { address: "127.0.0.1:1" }, file: { path: bad.yaml } }',
      'tables: [ { id: 100 } ]',
      '',
    ].join('\n'),
    ['c.yaml:1:9: source: must have exactly one of gobgp, bgp, fpm and file'],
    { 'bad.yaml': '' },
  ],
  [
    'source fpm that cannot listen',
    'source: { fpm: { listen: off } }\ntables: [ { id: 100 } ]\n',
    [
      'c.yaml:1:26: source.fpm.listen: must be ADDRESS:PORT such as 127.0.0.1:2620 or [::1]:2620, not "off"',
    ],
  ],
  [
    'source fpm that would learn from ourselves',
    'source: { fpm: { tables: [ 254, 100, 254 ] } }\ntables: [ { id: 100 } ]\n',
    [
      'c.yaml:1:33: source.fpm.tables[1]: 100 is written by rib2fib itself; name the table FRR installs into',
      'c.yaml:1:38: source.fpm.tables[2]: stands above already',
    ],
  ],
  [
    'source fpm with no table',
    'source: { fpm: { tables: [] } }\ntables: [ { id: 100 } ]\n',
    ['c.yaml:1:26: source.fpm.tables: must have at least one entry'],
  ],
  [
    'teardown with source fpm',
    [
      'source: { fpm: {} }',
      'tables: [ { id: 1, limits: [ { family: ipv4, max: 1, peer: 10.9.0.2, action: teardown } ] } ]',
      '',
    ].join('\n'),
    [
      'c.yaml:2:78: tables[0].limits[0].action: teardown is not possible: source fpm has no sessions',
    ],
  ],
  [
    'a URL for a gRPC address',
    [
      'source: { gobgp: { address: "http://127.0.0.1:50051" } }',
      'tables: [ { id: 100 } ]',
      '',
    ].join('\n'),
    [
      'c.yaml:1:29: source.gobgp.address: must be unix:///PATH or HOST:PORT, not "http://127.0.0.1:50051"',
    ],
  ],
  [
    'a socket path that is not absolute',
    'source: { gobgp: { address: "unix:gobgp.sock" } }\ntables: [ { id: 100 } ]\n',
    ['c.yaml:1:29: source.gobgp.address: must be unix:///PATH or HOST:PORT, not "unix:gobgp.sock"'],
  ],
  [
    'paths of another kind',
    [
      'source: { gobgp: { address: "127.0.0.1:1", paths: every } }',
      'tables: [ { id: 100 } ]',
      '',
    ].join('\n'),
    ['c.yaml:1:51: source.gobgp.paths: must be best or all, not "every"'],
  ],
  [
    'a certificate without its key',
    [
      'source: { gobgp: { address: "127.0.0.1:1", tls: { cert: cert.pem } } }',
      'tables: [ { id: 100 } ]',
      '',
    ].join('\n'),
    ['c.yaml:1:57: source.gobgp.tls.cert: needs key beside it'],
    { 'cert.pem': 'x' },
  ],
  [
    'a missing certificate',
    [
      'source: { gobgp: { address: "127.0.0.1:1", tls: { ca: ca.pem } } }',
      'tables: [ { id: 100 } ]',
      '',
    ].join('\n'),
    ['c.yaml:1:55: source.gobgp.tls.ca: ca.pem cannot be read: no such file or directory'],
  ],
  [
    'a directory for a certificate',
    [
      'source: { gobgp: { address: "127.0.0.1:1", tls: { ca: . } } }',
      'tables: [ { id: 100 } ]',
      '',
    ].join('\n'),
    ['c.yaml:1:55: source.gobgp.tls.ca: . cannot be read: is a directory'],
  ],
  [
    'a missing file of routes',
    'source: { file: { path: routes.yaml } }\ntables: [ { id: 100 } ]\n',
    ['c.yaml:1:25: source.file.path: routes.yaml cannot be read: no such file or directory'],
  ],
  [
    'teardown with source file',
    [
      'source: { file: { path: routes.yaml } }',
      'tables: [ { id: 1, limits: [ { family: ipv4, max: 1, peer: 10.9.0.2, action: teardown } ] } ]',
      '',
    ].join('\n'),
    [
      'c.yaml:2:78: tables[0].limits[0].action: teardown is not possible: source file has no sessions',
    ],
    { 'routes.yaml': '' },
  ],
  [
    'a source of two tables',
    [
      SOURCE.trimEnd(),
      'tables:',
      '  - { id: 1, rules: { priority: 1000, from: [ 10.0.0.0/8 ] } }',
      '  - { id: 2, rules: { priority: 1000, from: [ 10.0.0.0/8 ] } }',
      '',
    ].join('\n'),
    [
      'c.yaml:4:47: tables[1].rules.from[0]: priority 1000 has a rule for this already; only the first would be used',
    ],
  ],
  [
    'lists nested too deeply',
    'log: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n',
    ['c.yaml:1:68: nested deeper than 64 levels'],
  ],
  [
    'a key with a line break',
    '"log\\n": {}\n',
    [
      'c.yaml:1:1: source: is missing; it must be a mapping with gobgp, bgp, fpm, file',
      'c.yaml:1:1: tables: is missing; it must be a list',
      `c.yaml:1:1: "log\\n": unknown key; did you mean log? (allowed here: ${TOP_KEYS})`,
    ],
  ],
];

testFaults('faults of a whole file', ROWS, (text) => text);
