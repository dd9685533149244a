import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { StatusReport } from '../../../src/admin/report.js';
import { statusText } from '../../../src/cli/status-text.js';
import { createStyle, PLAIN } from '../../../src/cli/style.js';
import { DISCOVERY, NOW, STATUS } from '../admin/sample-status.js';

test('a ready daemon at a glance', () => {
  assert.equal(
    statusText(STATUS, PLAIN),
    `\
rib2fib 0.1.0  ready
process  up 3 h, pid 4242
config   /etc/rib2fib/rib2fib.yaml, loaded 3 h ago
source   gobgp unix:///run/gobgp/gobgp.sock: synced for 3 h
         last heard from 5 s ago
kernel   in step, last change 5 s ago, last audit 60 s ago

PEER         AS  SESSION      SINCE     IPV4  IPV6
10.9.0.2  65001  established  3 h ago  1,234    40
10.9.1.2  65002  active       -            0     0

TABLE         FAMILY  HEARD  ACCEPTED  DESIRED  INSTALLED  STALE  FOREIGN  RULES
fabric (100)  ipv4    1,234       812      813        813      0        1  4 of 4
              ipv6       40        40       40         40      0

rejected in fabric (100): 300 denied, 122 no-match

LIMIT                 USED                                  OF  COUNTS    ACTION    STATE
fabric/all/ipv4       [################....]  81 %  812  1,000  accepted  block     warning
fabric/10.9.1.2/ipv4  [....................]   0 %    0    500  received  teardown  exceeded, session comes back in 4 min

NEXT HOP  TABLE   ROUTES  RESOLVED
10.9.0.2  fabric     852  via 10.9.0.2 dev eth1
10.9.7.7  fabric       0  10.9.7.7 next-hop-unreachable: no route to it

ALERT                      SEVERITY  SINCE
Rib2fibPrefixLimitWarning  warning   10 min ago  fabric/all/ipv4 is at 81 % of 1,000`,
  );
});

test('a peer without a session: why, where the source knows', () => {
  const [first, second] = STATUS.source.peers;
  assert.ok(first && second);
  const lastError = 'OPEN: AS number 65009, must be 65002';
  const source = { ...STATUS.source, peers: [first, { ...second, lastError }] };
  const lines = statusText({ ...STATUS, source }, PLAIN).split('\n');
  const at = lines.findIndex((line) => line.startsWith('PEER'));
  assert.deepEqual(lines.slice(at, at + 3), [
    'PEER         AS  SESSION      SINCE     IPV4  IPV6  LAST ERROR',
    '10.9.0.2  65001  established  3 h ago  1,234    40',
    '10.9.1.2  65002  active       -            0     0  OPEN: AS number 65009, must be 65002',
  ]);
});

test('peers of one address by their router ids, and for how long routes of one that is away are held', () => {
  const [first, second] = STATUS.source.peers;
  assert.ok(first && second);
  const peers = [
    { ...first, routerId: '10.255.0.2' },
    { ...first, routerId: '10.255.0.3', heldUntil: null },
    { ...second, routerId: '10.255.0.4', heldUntil: NOW + 58_000 },
  ];
  const source = { ...STATUS.source, peers };
  const lines = statusText({ ...STATUS, source }, PLAIN).split('\n');
  const at = lines.findIndex((line) => line.startsWith('PEER'));
  assert.deepEqual(lines.slice(at, at + 4), [
    'PEER                      AS  SESSION      SINCE     IPV4  IPV6  HELD',
    '10.9.0.2 (10.255.0.2)  65001  established  3 h ago  1,234    40',
    '10.9.0.2 (10.255.0.3)  65001  established  3 h ago  1,234    40  for ever',
    '10.9.1.2               65002  active       -            0     0  58 s more',
  ]);
});

const BARE: StatusReport = {
  ...STATUS,
  ready: false,
  source: { ...STATUS.source, peers: [], counters: { undecodable: 0, lastEventAt: undefined } },
  tables: [],
  alerts: [],
  kernel: { ...STATUS.kernel, lastAuditAt: undefined, lastChangeAt: undefined },
};

test('what others undo again and again: how often, who, and when it is put right', () => {
  const entry = {
    ...{ what: '10.0.0.0/8 table 100 metric 20', rounds: 7, since: NOW - 9_000 },
    ...{ by: 'protocol 4 (static), netlink port 4711', protocol: 4, port: 4711 },
  } as const;
  const contested = [
    { ...entry, retryAt: NOW + 4_000 },
    { ...entry, rounds: 12, retryAt: undefined },
  ];
  const kernel = { ...BARE.kernel, contested, contestedTotal: 3 };
  const text = statusText({ ...BARE, kernel }, PLAIN);
  assert.match(text, /^kernel {3}3 contested, nothing changed yet$/m);
  assert.ok(
    text.endsWith(`
UNDONE BY OTHERS                TIMES  SINCE    NEXT TRY  BY
10.0.0.0/8 table 100 metric 20      7  9 s ago  in 4 s    protocol 4 (static), netlink port 4711
10.0.0.0/8 table 100 metric 20     12  9 s ago  stands    protocol 4 (static), netlink port 4711
and 1 object more, see --json`),
    text,
  );
});

test('a lost source: what is kept, for how long, and when it is tried again', () => {
  const lost: StatusReport = {
    ...BARE,
    unready: 'routes are kept from before, not confirmed by the source: connection reset',
    config: {
      ...BARE.config,
      stale: true,
      faults: ['/etc/rib2fib/rib2fib.yaml:3:5: tables[0].id: 254 is the main table'],
    },
    source: {
      ...BARE.source,
      state: {
        state: 'lost',
        since: NOW - 30_000,
        reason: 'connection reset',
        attempts: 3,
        retryAt: NOW + 4_000,
      },
      feed: {
        state: 'stale',
        since: NOW - 30_000,
        until: NOW + 90_000,
        reason: 'connection reset',
      },
      counters: { undecodable: 2, lastEventAt: undefined },
    },
    kernel: {
      ...BARE.kernel,
      pending: 1,
      failingTotal: 5,
      failing: [
        {
          what: '10.1.0.0/16 table 100',
          errno: 'EINVAL',
          message: 'Nexthop has invalid gateway',
          retryAt: NOW + 4_000,
        },
      ],
    },
  };
  assert.equal(
    statusText(lost, PLAIN),
    `\
rib2fib 0.1.0  not ready: routes are kept from before, not confirmed by the source: connection reset
process  up 3 h, pid 4242
config   /etc/rib2fib/rib2fib.yaml, loaded 3 h ago
         a newer version was refused, the one before is in force:
         /etc/rib2fib/rib2fib.yaml:3:5: tables[0].id: 254 is the main table
source   gobgp unix:///run/gobgp/gobgp.sock: lost 30 s ago, 3 attempts since, next in 4 s: connection reset
         routes stale for 30 s, kept for 90 s more: connection reset
         2 routes not decoded
kernel   5 refused, 1 change pending, nothing changed yet

REFUSED BY THE KERNEL  ERROR                                RETRY
10.1.0.0/16 table 100  EINVAL: Nexthop has invalid gateway  in 4 s
and 4 operations more, see --json`,
  );
});

test('rules taken out, and what the node does not allow', () => {
  const why = 'priority 10000 is not behind the ipv4 rule of table local (20000)';
  const [table] = STATUS.tables;
  assert.ok(table);
  const text = statusText(
    {
      ...STATUS,
      ready: false,
      unready: `rules are taken out: ${why}`,
      tables: [
        {
          ...table,
          rules: { desired: 4, installed: 2, found: [], misplaced: 2, faults: [why] },
          notes: ['static 0.0.0.0/0 is not installed: there is no interface eth9'],
        },
      ],
    },
    PLAIN,
  );
  const lines = text.split('\n');
  assert.equal(lines[0], `rib2fib 0.1.0  not ready: rules are taken out: ${why}`);
  assert.equal(lines[5], 'kernel   2 rules taken out, last change 5 s ago, last audit 60 s ago');
  assert.deepEqual(lines.slice(14, 18), [
    '',
    'rejected in fabric (100): 300 denied, 122 no-match',
    'note on fabric (100): static 0.0.0.0/0 is not installed: there is no interface eth9',
    `rules of fabric (100): ${why}`,
  ]);
});

const SOURCE_LINES: readonly (readonly [
  Partial<Pick<StatusReport['source'], 'state' | 'feed'>>,
  readonly string[],
])[] = [
  [
    { state: { state: 'refused', since: NOW - 5_000, reason: 'routes.yaml:3:1: [2]: wrong' } },
    [
      'source   gobgp unix:///run/gobgp/gobgp.sock: refused 5 s ago, routes from before it stay: routes.yaml:3:1: [2]: wrong',
    ],
  ],
  [
    {
      state: { state: 'connecting', since: NOW - 125_000, attempts: 5, lastError: 'no such file' },
      feed: { state: 'stale', since: NOW - 125_000, until: null, reason: 'started just now' },
    },
    [
      'source   gobgp unix:///run/gobgp/gobgp.sock: connecting for 2 min, 5 attempts: no such file',
      '         routes stale for 2 min, kept for ever: started just now',
    ],
  ],
  [
    { state: { state: 'connecting', since: NOW - 5_000, lastError: 'peer 10.9.0.2 to establish' } },
    ['source   gobgp unix:///run/gobgp/gobgp.sock: connecting for 5 s: peer 10.9.0.2 to establish'],
  ],
  [
    { state: { state: 'lost', since: NOW - 5_000, reason: '10.9.0.2: hold timer expired' } },
    ['source   gobgp unix:///run/gobgp/gobgp.sock: lost 5 s ago: 10.9.0.2: hold timer expired'],
  ],
  [
    { state: { state: 'bgp-not-started', since: NOW - 3_000 } },
    [
      'source   gobgp unix:///run/gobgp/gobgp.sock: answers, but BGP has not been started in it, for 3 s',
    ],
  ],
  [
    {
      state: { state: 'syncing', since: NOW - 3_000, waitingFor: 'End-of-RIB of 10.9.0.2' },
      feed: { state: 'syncing', since: NOW - 3_000, pending: ['ipv4', 'ipv6'] },
    },
    [
      'source   gobgp unix:///run/gobgp/gobgp.sock: syncing for 3 s, waiting for End-of-RIB of 10.9.0.2',
      '         first full feed of ipv4 and ipv6 not ended yet',
    ],
  ],
  [
    {
      state: { state: 'stopped', since: NOW },
      feed: { state: 'expired', since: NOW - 49 * 3_600_000, reason: 'gone' },
    },
    [
      'source   gobgp unix:///run/gobgp/gobgp.sock: stopped 0 s ago',
      '         hold ended 2 d ago, learned routes are gone: gone',
    ],
  ],
];

for (const [source, expected] of SOURCE_LINES) {
  test(`source ${source.state?.state}, feed ${source.feed?.state ?? 'synced'}`, () => {
    const text = statusText({ ...BARE, source: { ...BARE.source, ...source } }, PLAIN);
    const lines = text.split('\n').slice(3, -1);
    assert.deepEqual(lines, expected);
  });
}

test('colour changes no width', () => {
  const coloured = statusText(STATUS, createStyle(true));
  assert.ok(coloured.includes('\x1b[32mready'));
  assert.equal(stripVTControlCharacters(coloured), statusText(STATUS, PLAIN));
});

test('a cluster: where it is asked, what is never learned, how each resource stands', () => {
  const lines = statusText({ ...STATUS, discovery: DISCOVERY }, PLAIN).split('\n');
  const line =
    'cluster  https://10.96.0.1:443 as node-a: known; never learned: 3 pod-cidr, 1 service-cidr';
  assert.ok(lines.includes(line), lines.join('\n'));
  const at = lines.findIndex((one) => one.startsWith('RESOURCE'));
  assert.deepEqual(
    lines.slice(at, at + 3).map((one) => one.trimEnd().split(/ {2,}/)),
    [
      ['RESOURCE', 'STATE', 'SINCE', 'OBJECTS', 'FAULTY'],
      ['ciliumloadbalancerippools.cilium.io', 'refused', '3 min ago', '0', '0', 'forbidden'],
      ['nodes', 'synced', '3 h ago', '3', '1'],
    ],
  );
  const settled = { ...DISCOVERY, settled: false, kept: {} };
  const awaited = statusText({ ...STATUS, discovery: settled }, PLAIN);
  assert.match(awaited, /node-a: not all known yet, what was before stays\n/);
});
