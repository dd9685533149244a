/** What replies are known by -> rules, and which connections are marked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ReturnPath, RulesConfig } from '../../../src/config/config.js';
import { formatRule } from '../../../src/desired/format.js';
import {
  type MarkedConnections,
  markedConnections,
  outermost,
  unlessSame,
} from '../../../src/desired/marked-connections.js';
import { tableRules } from '../../../src/desired/rules.js';
import { Underlay } from '../../../src/desired/underlay.js';
import { NOTHING_FOUND } from '../../../src/discover/discovered.js';
import { FAMILIES, type Family } from '../../../src/net/family.js';
import { anyAddress, anyPrefix } from '../net/arbitrary.js';
import { address, match, prefix, rulesFrom, staticRoute, table } from './build.js';

/** eth1 with 10.9.0.1 and 2001:db8:9::1, eth2 with none. */
const UNDERLAY = new Underlay({
  links: ['lo', 'eth0', 'eth1', 'eth2'].map((name, i) => ({
    ...{ index: i + 1, name, up: true, carrier: true },
  })),
  addresses: ['10.9.0.1', '2001:db8:9::1'].map((text) => ({
    ...{ index: 3, address: address(text), length: 24, scope: 'global' as const },
    ...{ tentative: false, settled: true },
  })),
  routes: [],
});

const CONNMARK: ReturnPath = {
  ...{ by: 'connmark', mark: { value: 0x1000, mask: 0x3000 } },
  interfaces: ['bond0'],
};

function rules(given: Partial<RulesConfig>): RulesConfig {
  return { ...rulesFrom(), ...given };
}

const POOLS = rulesFrom('203.0.113.0/24', '2001:db8:100::/56').from;
const ENDPOINTS = ['10.42.0.10/32', 'fd00:42::10/128', '10.9.0.1/32', '2001:db8:9::1/128'].map(
  prefix,
);

/** What the rules of a table are, without the priority. */
const RULES: readonly (readonly [
  what: string,
  given: RulesConfig,
  families: readonly Family[],
  lines: readonly string[],
])[] = [
  [
    'by source: the pools; endpoints are of no use',
    rules({ from: POOLS }),
    FAMILIES,
    ['from 203.0.113.0/24 lookup 100', 'from 2001:db8:100::/56 lookup 100'],
  ],
  [
    'by endpoints: the pools, and endpoints that have no address of the node',
    rules({ from: POOLS, returnPath: { by: 'endpoints' } }),
    FAMILIES,
    [
      'from 203.0.113.0/24 lookup 100',
      'from 2001:db8:100::/56 lookup 100',
      'from 10.42.0.10/32 lookup 100',
      'from fd00:42::10/128 lookup 100',
    ],
  ],
  [
    'an endpoint within no pool, where the pools are none',
    rules({ returnPath: { by: 'endpoints' } }),
    ['ipv6'],
    ['from fd00:42::10/128 lookup 100'],
  ],
  [
    'by marks: one rule a family, and what is matched besides',
    rules({ from: POOLS, returnPath: CONNMARK, match: [match({ iif: 'eth2', family: 'ipv4' })] }),
    FAMILIES,
    [
      'from all fwmark 0x1000/0x3000 lookup 100',
      'from ::/0 fwmark 0x1000/0x3000 lookup 100',
      'from all iif eth2 lookup 100',
    ],
  ],
  [
    'by marks, where only IPv4 has a pool',
    rules({ from: POOLS.slice(0, 1), returnPath: CONNMARK }),
    FAMILIES,
    ['from all fwmark 0x1000/0x3000 lookup 100'],
  ],
  [
    'by marks, the pools an interface has',
    rules({ from: [{ kind: 'interface', interface: 'eth1' }], returnPath: CONNMARK }),
    FAMILIES,
    ['from all fwmark 0x1000/0x3000 lookup 100', 'from ::/0 fwmark 0x1000/0x3000 lookup 100'],
  ],
  [
    'by marks, an interface without an address',
    rules({ from: [{ kind: 'interface', interface: 'eth2' }], returnPath: CONNMARK }),
    FAMILIES,
    [],
  ],
];

for (const [what, given, families, lines] of RULES) {
  test(`rules ${what}`, () => {
    const found = { ...NOTHING_FOUND, endpoints: ENDPOINTS };
    const made = tableRules(table({ rules: given }), UNDERLAY, families, found);
    assert.deepEqual(
      made.map((rule) => formatRule(rule).replace(/ pref .*$/, '')),
      lines,
    );
  });
}

function connections(
  given: Partial<RulesConfig>,
  interfaces: readonly number[] = [],
  families: readonly Family[] = FAMILIES,
): MarkedConnections | undefined {
  const statics = [staticRoute('0.0.0.0/0', '10.9.0.2%eth9', '10.9.0.3')];
  const one = table({ rules: rules(given), static: statics });
  const found = NOTHING_FOUND;
  return markedConnections({ table: one, underlay: UNDERLAY, families, interfaces, found });
}

test('connections arrive where routes lead out: learned ones, static ones, and as configured', () => {
  const marked = connections({ from: POOLS, returnPath: CONNMARK }, [4, 3, 77]);
  assert.deepEqual(marked?.interfaces, ['bond0', 'eth1', 'eth2', 'eth9']);
  assert.deepEqual(marked?.mark, { value: 0x1000, mask: 0x3000 });
  assert.deepEqual(marked?.pools.map(String), ['2001:db8:100::/56', '203.0.113.0/24']);
});

test('pools of a family that is switched off, and those within another, are left out', () => {
  const from = rulesFrom('10.0.0.0/8', '10.9.0.0/16', '2001:db8::/32').from;
  const interfaces = { kind: 'interface', interface: 'eth1' } as const;
  const marked = connections({ from: [...from, interfaces], returnPath: CONNMARK }, [], ['ipv4']);
  assert.deepEqual(marked?.pools.map(String), ['10.0.0.0/8']);
});

test('what goes by something else marks nothing', () => {
  assert.equal(connections({ from: POOLS }), undefined);
  assert.equal(connections({ from: POOLS, returnPath: { by: 'endpoints' } }), undefined);
});

test('another object is another wish', () => {
  const made = () => connections({ from: POOLS, returnPath: CONNMARK }, [3]);
  const before = made();
  assert.equal(unlessSame(before, made()), before);
  assert.equal(unlessSame(before, undefined), undefined);
  assert.notEqual(unlessSame(undefined, made()), undefined);
  const other = connections({ from: POOLS, returnPath: CONNMARK }, [3, 4]);
  assert.equal(unlessSame(before, other), other);
});

test('the outermost of prefixes hold the same addresses, each once', () => {
  const near = anyPrefix.chain((one) =>
    fc.tuple(
      fc.constant(one),
      fc.integer({ min: 0, max: one.length }).map((n) => one.truncate(n)),
    ),
  );
  fc.assert(
    fc.property(fc.array(near), fc.array(anyAddress), (pairs, others) => {
      const all = pairs.flat();
      const found = outermost(all);
      for (const one of [...all.map((prefix) => prefix.address), ...others]) {
        assert.equal(
          found.filter((prefix) => prefix.contains(one)).length,
          all.some((prefix) => prefix.contains(one)) ? 1 : 0,
        );
      }
    }),
  );
});

test('what discovery finds is a pool like any other, and its gateways are ways in', () => {
  const found = {
    ...{ ...NOTHING_FOUND, from: [prefix('198.51.100.0/24')] },
    gateways: [{ gateway: address('10.9.1.2'), interface: 'eth2', weight: 1 }],
  };
  const route = { ...staticRoute('0.0.0.0/0'), discover: 'metallbPeers' as const };
  const one = table({ rules: rules({ returnPath: CONNMARK }), static: [route] });
  const families = FAMILIES;
  const marked = markedConnections({
    ...{ table: one, underlay: UNDERLAY, families, interfaces: [], found },
  });
  assert.deepEqual(marked?.pools.map(String), ['198.51.100.0/24']);
  assert.deepEqual(marked.interfaces, ['bond0', 'eth2']);
  const [rule, ...more] = tableRules(one, UNDERLAY, families, found);
  assert.deepEqual([rule?.family, rule?.fwmark?.value, more], ['ipv4', 0x1000, []]);
});
