import { type FaultRow, TABLE, TOP_KEYS, testFaults } from './fault-rows.js';

/** From line 4, column 1. */
const ROWS: readonly FaultRow[] = [
  [
    'an unknown key',
    'limits: []\n',
    [`c.yaml:4:1: limits: unknown key (allowed here: ${TOP_KEYS})`],
  ],
  [
    'a slip of the pen',
    'metric: { listen: off }\n',
    [`c.yaml:4:1: metric: unknown key; did you mean metrics? (allowed here: ${TOP_KEYS})`],
  ],
  [
    'a duration without a unit',
    'hold: 120\n',
    [
      'c.yaml:4:7: hold: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, or forever, not 120',
    ],
  ],
  [
    'a duration in days',
    'hold: 2d\n',
    [
      'c.yaml:4:7: hold: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, or forever, not "2d"',
    ],
  ],
  [
    'a duration no timer can wait',
    'hold: 597h\n',
    [
      'c.yaml:4:7: hold: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, or forever, not "597h"',
    ],
  ],
  [
    'a hook that is a line for a shell',
    'hooks: { before: { run: "/bin/a b" } }\n',
    [
      'c.yaml:4:25: hooks.before.run: must be a program by its absolute path, and its arguments: [ /usr/local/bin/program, argument ], not "/bin/a b"',
    ],
  ],
  [
    'a hook without a program, and one by a relative path',
    'hooks:\n  before: { run: [] }\n  after: { run: [ a ] }\n',
    [
      'c.yaml:5:18: hooks.before.run: must be a program by its absolute path, and its arguments: [ /usr/local/bin/program, argument ], not a list',
      'c.yaml:6:17: hooks.after.run: must be a program by its absolute path, and its arguments: [ /usr/local/bin/program, argument ]',
    ],
  ],
  [
    'a hook with a zero in an argument, and one that is a number',
    'hooks:\n  before: { run: [ /bin/a, "b\\0" ] }\n  after: { run: [ /bin/a, 1 ] }\n',
    [
      'c.yaml:5:18: hooks.before.run: must be a program by its absolute path, and its arguments: [ /usr/local/bin/program, argument ]',
      'c.yaml:6:27: hooks.after.run[1]: must be text, not 1',
    ],
  ],
  [
    'a hook that changes would wait too long for, and one that has no time',
    'hooks:\n  before: { run: [ /bin/a ], timeout: 61s }\n  after: { run: [ /bin/a ], timeout: 0s }\n',
    [
      'c.yaml:5:39: hooks.before.timeout: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, longer than 0 and at most 1m here, not "61s"',
      'c.yaml:6:38: hooks.after.timeout: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, longer than 0 and at most 1m here, not "0s"',
    ],
  ],
  [
    'a hook of another name',
    'hooks: { pre: { run: [ /bin/a ] } }\n',
    ['c.yaml:4:10: hooks.pre: unknown key (allowed here: before, after)'],
  ],
  [
    'a sync timeout of 0',
    'sync: { timeout: 0s }\n',
    [
      'c.yaml:4:18: sync.timeout: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, and longer than 0, not "0s"',
    ],
  ],
  [
    'a sync timeout of forever',
    'sync: { timeout: forever }\n',
    [
      'c.yaml:4:18: sync.timeout: must be a duration such as 500ms, 30s, 5m or 1h, at most 596h, and longer than 0, not "forever"',
    ],
  ],
  [
    'a listener without an address',
    'metrics: { listen: ":9469" }\n',
    [
      'c.yaml:4:20: metrics.listen: must be ADDRESS:PORT such as 127.0.0.1:9469 or [::1]:9469, or off, not ":9469"',
    ],
  ],
  [
    'a port above 65535',
    'metrics: { listen: "127.0.0.1:65536" }\n',
    [
      'c.yaml:4:20: metrics.listen: must be ADDRESS:PORT such as 127.0.0.1:9469 or [::1]:9469, or off, not "127.0.0.1:65536"',
    ],
  ],
  [
    'a relative socket',
    'admin: { socket: admin.sock }\n',
    [
      'c.yaml:4:18: admin.socket: must be the absolute path of a socket, at most 107 bytes, not "admin.sock"',
    ],
  ],
  [
    'a socket path that does not fit',
    'admin: { socket: /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx }\n',
    [
      'c.yaml:4:18: admin.socket: must be the absolute path of a socket, at most 107 bytes, not "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"',
    ],
  ],
  [
    'an Alertmanager without a scheme',
    'alerts: { alertmanager: "127.0.0.1:9093" }\n',
    ['c.yaml:4:25: alerts.alertmanager: must be an http:// or https:// URL, not "127.0.0.1:9093"'],
  ],
  [
    'an unknown log level',
    'log: { level: verbose }\n',
    ['c.yaml:4:15: log.level: must be trace, debug, info, warn, error or fatal, not "verbose"'],
  ],
  [
    'a prefix list of no entries',
    'prefixLists: { customers: [] }\n',
    ['c.yaml:4:27: prefixLists.customers: must have at least one entry'],
  ],
  [
    'a prefix list that is text',
    'prefixLists: { customers: permit any }\n',
    [
      'c.yaml:4:27: prefixLists.customers: must be a list of entries, or { file: PATH }, not "permit any"',
    ],
  ],
  [
    'a prefix-list name with a space',
    'prefixLists: { "my customers": [ permit any ] }\n',
    [
      'c.yaml:4:16: prefixLists."my customers": the name must be a list name of 1 to 128 characters without white space, not "my customers"',
    ],
  ],
  [
    'bad entries of a prefix list',
    [
      'prefixLists:',
      '  customers:',
      '    - allow 10.0.0.0/8',
      '    - permit',
      '    - permit 10.0.0.1/8',
      '    - permit 10.0.0.0/8 ge 4',
      '    - permit 10.0.0.0/8 ge 24 le 16',
      '    - permit 10.0.0.0/8 le 33',
      '    - permit any le 32',
      '    - seq 0 permit any',
      '    - permit 10.0.0.0/8 le 16 le 24',
      '',
    ].join('\n'),
    [
      'c.yaml:6:7: prefixLists.customers[0]: expected seq, permit or deny, not "allow"',
      'c.yaml:7:7: prefixLists.customers[1]: expected any or a prefix',
      'c.yaml:8:7: prefixLists.customers[2]: 10.0.0.1/8 has host bits set; 10.0.0.0/8 was probably meant',
      'c.yaml:9:7: prefixLists.customers[3]: ge 4 is out of order; needed is 8 <= ge <= le <= 32',
      'c.yaml:10:7: prefixLists.customers[4]: le 16 is out of order; needed is 8 <= ge <= le <= 32',
      'c.yaml:11:7: prefixLists.customers[5]: expected a number from 0 to 32, not "33"',
      'c.yaml:12:7: prefixLists.customers[6]: expected nothing behind any, not "le"',
      'c.yaml:13:7: prefixLists.customers[7]: expected a number from 1 to 4294967295, not "0"',
      'c.yaml:14:7: prefixLists.customers[8]: expected ge or le, each once, not "le"',
    ],
  ],
  [
    'bad lines of a prefix-list file',
    'prefixLists: { customers: { file: lists.conf } }\n',
    [
      'lists.conf:3:33: 10.1.0.0/8 has host bits set; 10.0.0.0/8 was probably meant',
      'lists.conf:4:33: expected any or an IPv4 prefix, not "2001:db8::/32"',
      'lists.conf:5:35: expected any or an IPv6 prefix, not "10.0.0.0/8"',
      'lists.conf:6:30: expected a number from 1 to 4294967295, not "x"',
      'lists.conf:7:1: only "ip prefix-list" and "ipv6 prefix-list" lines are read',
      'lists.conf:8:1: only "ip prefix-list" and "ipv6 prefix-list" lines are read',
      'lists.conf:9:15: the name of the list is missing',
      'lists.conf:10:1: list "empty" has a description but no entry; give it one, or take the line out',
      'lists.conf:11:53: ge 4 is out of order; needed is 8 <= ge <= le <= 32',
    ],
    {
      'lists.conf': [
        '! lists',
        'ip prefix-list customers seq 5 permit 10.0.0.0/8 ge 16 le 24',
        'ip prefix-list customers permit 10.1.0.0/8',
        'ip prefix-list customers permit 2001:db8::/32',
        'ipv6 prefix-list customers permit 10.0.0.0/8',
        'ip prefix-list customers seq x permit any',
        'router bgp 65000',
        'no ip prefix-list customers',
        'ip prefix-list',
        'ip prefix-list empty description nothing in it',
        '  ip prefix-list customers  permit  10.0.0.0/8  ge  4',
        '',
      ].join('\n'),
    },
  ],
  [
    'a list that is not in its file',
    'prefixLists: { others: { file: lists.conf } }\n',
    ['c.yaml:4:32: prefixLists.others.file: lists.conf has no list "others" (there is customers)'],
    { 'lists.conf': 'ip prefix-list customers permit any\n' },
  ],
  [
    'a missing prefix-list file',
    'prefixLists: { customers: { file: lists.conf } }\n',
    [
      'c.yaml:4:35: prefixLists.customers.file: lists.conf cannot be read: no such file or directory',
    ],
  ],
  [
    'an entry behind the highest number',
    'prefixLists: { customers: [ seq 4294967295 permit any, "permit 10.0.0.0/8" ] }\n',
    ['c.yaml:4:56: prefixLists.customers[1]: no sequence number is left behind 4294967295'],
  ],
  [
    'a list with a description only, beside a broken one',
    'prefixLists: { customers: { file: lists.conf } }\n',
    [
      'lists.conf:2:33: expected any or an IPv4 prefix, not "10.0.0.0"',
      'lists.conf:3:1: list "customers" has a description but no entry; give it one, or take the line out',
    ],
    {
      'lists.conf': [
        'ip prefix-list customers description x',
        'ip prefix-list customers permit 10.0.0.0',
        'ipv6 prefix-list customers description x',
        '',
      ].join('\n'),
    },
  ],
];

testFaults('faults of top-level keys', ROWS, (text) => TABLE + text);
