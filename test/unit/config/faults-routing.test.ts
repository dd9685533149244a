import { type FaultRow, inTable, SOURCE, testFaults } from './fault-rows.js';

/** From line 4, column 5. */
const ROWS: readonly FaultRow[] = [
  [
    'an override that is no address',
    'nextHop: { override: eth1 }\n',
    ['c.yaml:4:26: tables[0].nextHop.override: must be an IPv4 or IPv6 address, not "eth1"'],
  ],
  [
    'a link-local override',
    'nextHop: { override: [ 10.9.0.2, "fe80::1" ] }\n',
    ['c.yaml:4:38: tables[0].nextHop.override[1]: fe80::1 is link-local and names no interface'],
  ],
  [
    'an unknown way to resolve',
    'nextHop: { resolve: direct }\n',
    [
      'c.yaml:4:25: tables[0].nextHop.resolve: must be recursive, connected or onlink, not "direct"',
    ],
  ],
  [
    'a static route without legs',
    'static: [ { prefix: 0.0.0.0/0, via: [] } ]\n',
    ['c.yaml:4:41: tables[0].static[0].via: must have at least one entry'],
  ],
  [
    'a static leg of nothing',
    'static: [ { prefix: 0.0.0.0/0, via: [ {} ] } ]\n',
    ['c.yaml:4:43: tables[0].static[0].via[0]: needs gateway, interface, or both'],
  ],
  [
    'a link-local gateway without interface',
    'static: [ { prefix: "::/0", via: [ { gateway: "fe80::1" } ] } ]\n',
    ['c.yaml:4:40: tables[0].static[0].via[0]: a link-local gateway needs interface'],
  ],
  [
    'an IPv6 route through IPv4',
    'static: [ { prefix: "::/0", via: [ { gateway: 10.9.0.2 } ] } ]\n',
    ['c.yaml:4:51: tables[0].static[0].via[0].gateway: an IPv6 route cannot have an IPv4 gateway'],
  ],
  [
    'weight 0',
    'static: [ { prefix: "::/0", via: [ { interface: eth1, weight: 0 } ] } ]\n',
    ['c.yaml:4:67: tables[0].static[0].via[0].weight: must be a whole number from 1 to 256, not 0'],
  ],
  [
    'an interface name that is too long',
    'static: [ { prefix: "::/0", via: [ { interface: abcdefghijklmnop } ] } ]\n',
    [
      'c.yaml:4:53: tables[0].static[0].via[0].interface: must be an interface name of 1 to 15 characters without "/", ":" or white space, not "abcdefghijklmnop"',
    ],
  ],
  [
    'a static route given twice',
    [
      'static:',
      '  - { prefix: 10.0.0.0/8, via: [ { interface: eth1 } ] }',
      '  - { prefix: 10.0.0.0/8, via: [ { interface: eth2 } ] }',
      '',
    ].join('\n'),
    ['c.yaml:6:19: tables[0].static[1].prefix: stands above already'],
  ],
  [
    'a leg given twice',
    [
      'static:',
      '  - { prefix: 10.0.0.0/8, via: [ { interface: eth1 }, { interface: eth1, weight: 2 } ] }',
      '',
    ].join('\n'),
    ['c.yaml:5:59: tables[0].static[0].via[1]: stands above already'],
  ],
  [
    'keepInMain given twice',
    'keepInMain: [ 10.0.0.0/8, 10.1.0.0/16, 10.0.0.0/8 ]\n',
    ['c.yaml:4:44: tables[0].keepInMain[2]: stands above already'],
  ],
  [
    'a static route in keepInMain',
    [
      'keepInMain: [ 10.0.0.0/8 ]',
      'static: [ { prefix: 10.0.0.0/8, via: [ { interface: eth1 } ] } ]',
      '',
    ].join('\n'),
    [
      'c.yaml:5:25: tables[0].static[0].prefix: 10.0.0.0/8 is in keepInMain too; leave one of them out',
    ],
  ],
  [
    'host bits in keepInMain',
    'keepInMain: [ 10.42.0.1/16 ]\n',
    [
      'c.yaml:4:19: tables[0].keepInMain[0]: 10.42.0.1/16 has host bits set; 10.42.0.0/16 was probably meant',
    ],
  ],
  [
    'rules without a priority',
    'rules: { from: [ 10.0.0.0/8 ] }\n',
    [
      'c.yaml:4:12: tables[0].rules.priority: is missing; it must be a whole number from 1 to 32765',
    ],
  ],
  [
    'rule priority 0',
    'rules: { priority: 0 }\n',
    ['c.yaml:4:24: tables[0].rules.priority: must be a whole number from 1 to 32765, not 0'],
  ],
  [
    'rule priority of main',
    'rules: { priority: 32766 }\n',
    ['c.yaml:4:24: tables[0].rules.priority: must be a whole number from 1 to 32765, not 32766'],
  ],
  [
    'an interface name with a slash',
    'rules: { priority: 1000, from: [ { interface: eth0/1 } ] }\n',
    [
      'c.yaml:4:51: tables[0].rules.from[0].interface: must be an interface name of 1 to 15 characters without "/", ":" or white space, not "eth0/1"',
    ],
  ],
  [
    'an interface name for a prefix',
    'rules: { priority: 1000, from: [ eth1 ] }\n',
    [
      'c.yaml:4:38: tables[0].rules.from[0]: must be a prefix such as 10.0.0.0/8 or 2001:db8::/32, not "eth1"',
    ],
  ],
  [
    'an unknown key of an interface',
    'rules: { priority: 1000, from: [ { iface: eth1 } ] }\n',
    [
      'c.yaml:4:38: tables[0].rules.from[0].interface: is missing; it must be an interface name of 1 to 15 characters without "/", ":" or white space',
      'c.yaml:4:40: tables[0].rules.from[0].iface: unknown key (allowed here: interface)',
    ],
  ],
  [
    'a number for a source',
    'rules: { priority: 1000, from: [ 5 ] }\n',
    ['c.yaml:4:38: tables[0].rules.from[0]: must be a prefix, or { interface: NAME }, not 5'],
  ],
  [
    'a source given twice',
    'rules: { priority: 1000, from: [ 10.0.0.0/8, { interface: eth1 }, { interface: eth1 }, 10.0.0.0/8 ] }\n',
    [
      'c.yaml:4:71: tables[0].rules.from[2]: priority 1000 has a rule for this already; only the first would be used',
      'c.yaml:4:92: tables[0].rules.from[3]: priority 1000 has a rule for this already; only the first would be used',
    ],
  ],
  [
    'an empty match',
    'rules: { priority: 1000, match: [ { family: ipv4 } ] }\n',
    [
      'c.yaml:4:39: tables[0].rules.match[0]: needs from, to, iif or fwmark; without any it would match all traffic',
    ],
  ],
  [
    'a match of both families',
    'rules: { priority: 1000, match: [ { from: 10.0.0.0/8, to: "2001:db8::/32" } ] }\n',
    ['c.yaml:4:39: tables[0].rules.match[0]: never matches: it names both ipv4 and ipv6'],
  ],
  [
    'a match given twice',
    'rules: { priority: 1000, match: [ { iif: eth1 }, { iif: eth1, family: ipv6 } ] }\n',
    [
      'c.yaml:4:54: tables[0].rules.match[1]: priority 1000 has a rule for this already; only the first would be used',
    ],
  ],
  [
    'a match that is a source too',
    'rules: { priority: 1000, from: [ 10.0.0.0/8 ], match: [ { from: 10.0.0.0/8 } ] }\n',
    [
      'c.yaml:4:61: tables[0].rules.match[0]: priority 1000 has a rule for this already; only the first would be used',
    ],
  ],
  [
    'a mark of 33 bits',
    'rules: { priority: 1000, match: [ { fwmark: 0x100000000 } ] }\n',
    [
      'c.yaml:4:49: tables[0].rules.match[0].fwmark: must be a mark such as 0x14, 20 or 0x14/0xff, of 32 bits, not 4294967296',
    ],
  ],
  [
    'a mark that is no number',
    'rules: { priority: 1000, match: [ { fwmark: 0x14/ff } ] }\n',
    [
      'c.yaml:4:49: tables[0].rules.match[0].fwmark: must be a mark such as 0x14, 20 or 0x14/0xff, of 32 bits, not "0x14/ff"',
    ],
  ],
  [
    'a negative mark',
    'rules: { priority: 1000, match: [ { fwmark: -1 } ] }\n',
    [
      'c.yaml:4:49: tables[0].rules.match[0].fwmark: must be a mark such as 0x14, 20 or 0x14/0xff, of 32 bits, not -1',
    ],
  ],
  [
    'a mark outside its mask',
    'rules: { priority: 1000, match: [ { fwmark: 0x14/0xf } ] }\n',
    [
      'c.yaml:4:49: tables[0].rules.match[0].fwmark: 0x14/0xf never matches; the value must lie within the mask, and the mask not be 0',
    ],
  ],
  [
    'a mask of 0',
    'rules: { priority: 1000, match: [ { fwmark: 0/0 } ] }\n',
    [
      'c.yaml:4:49: tables[0].rules.match[0].fwmark: 0/0 never matches; the value must lie within the mask, and the mask not be 0',
    ],
  ],
  [
    'a way of replies that there is not',
    'rules: { priority: 1000, returnPath: magic }\n',
    ['c.yaml:4:42: tables[0].rules.returnPath: must be source, endpoints or connmark, not "magic"'],
  ],
  [
    'marks where nothing goes by them',
    'rules: { priority: 1000, connmark: { mark: 0x1000/0x1000 } }\n',
    ['c.yaml:4:40: tables[0].rules.connmark: only goes with returnPath: connmark'],
  ],
  [
    'a mark of 0',
    'rules: { priority: 1000, from: [ ::/0 ], returnPath: connmark, connmark: { mark: 0x0/0x1000 } }\n',
    [
      'c.yaml:4:86: tables[0].rules.connmark.mark: 0x0/0x1000 is what every connection has; the value must not be 0',
    ],
  ],
  [
    "a mark of others' bits",
    'rules: { priority: 1000, from: [ ::/0 ], returnPath: connmark, connmark: { mark: 0x1000 } }\n',
    [
      "c.yaml:4:86: tables[0].rules.connmark.mark: 0xc000 within the mask is kube-proxy's; choose other bits, such as 0x1000/0x3000",
      "c.yaml:4:86: tables[0].rules.connmark.mark: 0xf00 within the mask is Cilium's; choose other bits, such as 0x1000/0x3000",
    ],
  ],
  [
    'marks, and no pool',
    'rules: { priority: 1000, returnPath: connmark }\n',
    [
      'c.yaml:4:42: tables[0].rules.returnPath: connmark needs from or discover: which connections?',
    ],
  ],
  [
    'what is no name of one interface, for marks',
    'rules: { priority: 1, from: [ ::/0 ], returnPath: connmark, connmark: { interfaces: [ eth1, "eth*" ] } }\n',
    ['c.yaml:4:97: tables[0].rules.connmark.interfaces[1]: must be the name of one interface'],
  ],
  [
    'a pool given twice, for marks',
    'rules: { priority: 1000, returnPath: connmark, from: [ 10.0.0.0/8, 10.0.0.0/8 ] }\n',
    ['c.yaml:4:72: tables[0].rules.from[1]: stands above already'],
  ],
];

/** Of two tables with one pool, what the first and the second have beside it. */
const TWO_TABLES: readonly FaultRow[] = [
  ['values of one mask', 'mark: 0x1000/0x3000 | mark: 0x2000/0x3000', []],
  ['masks of other bits', 'mark: 0x1000/0x1000 | mark: 0x2000/0x2000', []],
  [
    'both the default',
    '|',
    [
      'c.yaml:4:95: tables[1].rules.connmark.mark: 0x1000/0x1000 cannot be told from 0x1000/0x1000 of a table above; give each its own value of one mask, or a mask of other bits',
    ],
  ],
  [
    'masks that overlap',
    'mark: 0x1000/0x3000 | mark: 0x2000/0x2000',
    [
      'c.yaml:4:104: tables[1].rules.connmark.mark: 0x2000/0x2000 cannot be told from 0x1000/0x3000 of a table above; give each its own value of one mask, or a mask of other bits',
    ],
  ],
];

testFaults('marks of two tables', TWO_TABLES, (text) => {
  const rules = text
    .split('|')
    .map(
      (connmark) =>
        `{ priority: 1000, from: [ 10.0.0.0/8 ], returnPath: connmark, connmark: { ${connmark} } }`,
    );
  return `${SOURCE}tables:\n  - { id: 100, rules: ${rules[0]} }\n  - { id: 200, rules: ${rules[1]} }\n`;
});

testFaults('faults of routes and rules of a table', ROWS, inTable);
