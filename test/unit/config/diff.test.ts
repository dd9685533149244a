import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Config } from '../../../src/config/config.js';
import { diffConfigs } from '../../../src/config/diff.js';
import { loadConfig } from '../../../src/config/load.js';
import { withFiles } from './files-in-directory.js';

const BEFORE = `source: { gobgp: { address: "127.0.0.1:50051" } }
hold: 60s
tables:
  - id: 100
    name: fabric
    filters: [ { deny: { prefix: 10.0.0.0/8 } }, { permit: {} } ]
    limits: [ { family: ipv4, max: 500 }, { family: ipv6, max: 5, peer: "fe80::1", action: teardown } ]
    keepInMain: [ 10.43.0.0/16 ]
    static: [ { prefix: 0.0.0.0/0, via: [ { gateway: 10.9.0.2, interface: eth1 } ] } ]
    rules: { priority: 1000, from: [ 192.0.2.0/24 ], match: [ { fwmark: 20 } ] }
  - id: 200
discovery: { kubernetes: { node: a, protect: [ podCidrs ] } }
prefixLists: { a: [ permit 10.0.0.0/8, permit 11.0.0.0/8 ], b: [ permit any ] }
`;

/** What is replaced in the text above, and what a reload then tells. */
const ROWS: readonly (readonly [from: string, to: string, lines: readonly string[]])[] = [
  ['hold: 60s', 'hold: 60000ms', []],
  ['hold: 60s', 'hold: forever', ['hold: 1m -> forever']],
  [
    '{ node: a, protect: [ podCidrs ] }',
    '{ node: b, protect: [], status: false }',
    [
      'discovery.kubernetes.node: a -> b',
      'discovery.kubernetes.protect: podCidrs -> none',
      'discovery.kubernetes.status: true -> false',
    ],
  ],
  ['{ kubernetes: { node: a, protect: [ podCidrs ] } }', '{}', ['discovery.kubernetes: removed']],
  [
    'match: [ { fwmark: 20 } ]',
    'match: [ { fwmark: 20 } ], discover: [ { ciliumPools: { names: [ x, y ] } }, { metallbPools: { advertised: false } }, { services: { class: lb, namespaces: [ n ], externalIPs: true, selector: { matchLabels: { a: b }, matchExpressions: [ { key: c, operator: In, values: [ d, e ] }, { key: f, operator: NotIn, values: [ g ] }, { key: h, operator: Exists }, { key: i, operator: DoesNotExist } ] } } } ]',
    [
      'tables[fabric].rules.discover: +ciliumPools x,y +metallbPools advertised or not +services class lb a=b,c in (d,e),f notin (g),h,!i in n externalIPs',
    ],
  ],
  [
    'via: [ { gateway: 10.9.0.2, interface: eth1 } ]',
    'discover: { metallbPeers: {} }',
    ['tables[fabric].static: +0.0.0.0/0 via metallbPeers -0.0.0.0/0 via 10.9.0.2%eth1'],
  ],
  [
    '127.0.0.1:50051',
    '127.0.0.1:50052',
    ['source: gobgp 127.0.0.1:50051 -> gobgp 127.0.0.1:50052'],
  ],
  [
    '"127.0.0.1:50051"',
    '"127.0.0.1:50051", paths: all',
    ['source: gobgp 127.0.0.1:50051 -> gobgp 127.0.0.1:50051 paths all'],
  ],
  [
    '    name: fabric',
    '    name: fabric\n    bestPath: { multipathRelax: true }',
    ['tables[fabric].bestPath.multipathRelax: false -> true'],
  ],
  ['    name: fabric', '    name: dc', ['tables[fabric].name: fabric -> dc']],
  ['    name: fabric', '    name: fabric\n    metric: 30', ['tables[fabric].metric: 20 -> 30']],
  ['{ deny: { prefix: 10.0.0.0/8 } }, ', '', ['tables[fabric].filters: -1 rules']],
  [
    '{ permit: {} }',
    '{ deny: {} }, { permit: { family: ipv6 } }',
    ['tables[fabric].filters: +2 -1 rules'],
  ],
  [
    '{ deny: { prefix: 10.0.0.0/8 } }, { permit: {} }',
    '{ permit: {} }, { deny: { prefix: 10.0.0.0/8 } }',
    ['tables[fabric].filters: reordered'],
  ],
  ['max: 500', 'max: 600', ['tables[fabric].limits[all/ipv4].max: 500 -> 600']],
  [
    'teardown',
    'teardown, restartAfter: 1h',
    ['tables[fabric].limits[fe80::1/ipv6].restartAfter: 15m -> 1h'],
  ],
  [
    'family: ipv4, max',
    'family: ipv4, peer: 10.9.0.2, max',
    ['tables[fabric].limits[all/ipv4]: removed', 'tables[fabric].limits[10.9.0.2/ipv4]: added'],
  ],
  [
    '[ 10.43.0.0/16 ]',
    '[ 10.42.0.0/16 ]',
    ['tables[fabric].keepInMain: +10.42.0.0/16 -10.43.0.0/16'],
  ],
  [
    'interface: eth1 }',
    'interface: eth1, weight: 2 }',
    ['tables[fabric].static: +0.0.0.0/0 via 10.9.0.2%eth1*2 -0.0.0.0/0 via 10.9.0.2%eth1'],
  ],
  ['priority: 1000', 'priority: 999', ['tables[fabric].rules.priority: 1000 -> 999']],
  [
    '[ 192.0.2.0/24 ]',
    '[ { interface: eth1 } ]',
    ['tables[fabric].rules.from: +eth1 -192.0.2.0/24'],
  ],
  ['fwmark: 20', 'iif: eth1', ['tables[fabric].rules.match: +iif eth1 -fwmark 0x14/0xffffffff']],
  [
    'id: 200',
    'id: 300',
    ['tables[table200]: removed (id 200)', 'tables[table300]: added (id 300)'],
  ],
  [', permit 11.0.0.0/8', '', ['prefixLists.a: -1 entries']],
  ['[ permit 10.0.0.0/8', '[ deny 10.0.0.0/8', ['prefixLists.a: +1 -1 entries']],
  ['[ permit 10.0.0.0/8', '[ seq 2 permit 10.0.0.0/8', ['prefixLists.a: +2 -2 entries']],
  ['permit 11.0.0.0/8', 'seq 7 deny any, seq 10 permit 11.0.0.0/8', ['prefixLists.a: +2 entries']],
  ['b: [', 'c: [', ['prefixLists.b: removed', 'prefixLists.c: added']],
  [
    'hold',
    'metrics: { listen: "[::1]:1" }\nlog: { level: debug }\nalerts: { alertmanager: "http://a" }\nhold',
    [
      'metrics.listen: 127.0.0.1:9469 -> [::1]:1 (at the next start)',
      'alerts.alertmanager: none -> http://a (at the next start)',
      'log.level: info -> debug',
    ],
  ],
];

async function load(text: string): Promise<Config> {
  return withFiles({ 'c.yaml': text }, async (directory) => {
    const result = await loadConfig(join(directory, 'c.yaml'));
    assert.ok(result.ok, JSON.stringify(result));
    return result.config;
  });
}

describe('diffConfigs', () => {
  for (const [from, to, lines] of ROWS) {
    it(`${from} -> ${to}`, async () => {
      assert.ok(BEFORE.includes(from));
      const after = await load(BEFORE.replace(from, to));
      assert.deepEqual(diffConfigs(await load(BEFORE), after), lines);
    });
  }

  it('tells of another listener, and of other tables, of source fpm', async () => {
    const one = await load('source: { fpm: {} }\ntables: [ { id: 100 } ]\n');
    const text = 'source: { fpm: { listen: "[::1]:2621", tables: [ 254, 50 ] } }';
    const other = await load(`${text}\ntables: [ { id: 100 } ]\n`);
    assert.deepEqual(diffConfigs(one, other), [
      'source: fpm 127.0.0.1:2620 tables 254 -> fpm [::1]:2621 tables 254 50',
    ]);
  });
});
