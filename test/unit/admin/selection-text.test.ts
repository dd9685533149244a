import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selectionSteps } from '../../../src/admin/selection-text.js';
import type { TableConfig } from '../../../src/config/config.js';
import { Engine } from '../../../src/desired/engine.js';
import type { UnderlayRoute } from '../../../src/desired/topology.js';
import { Underlay } from '../../../src/desired/underlay.js';
import type { Path } from '../../../src/rib/path.js';
import {
  address,
  BEST_PATH,
  config,
  limit,
  NEXT_HOP,
  prefix,
  RESET,
  SYNCED,
  table,
  updates,
} from '../desired/build.js';
import { attributes, path, rule, sequence } from '../policy/build.js';

const NET = '10.1.0.0/16';

function route(to: string, metric: number, type: 'unicast' | 'local' = 'unicast'): UnderlayRoute {
  const gateway = metric === 0 ? undefined : address('10.9.0.9');
  const legs = [{ gateway, oif: 2, onlink: false, weight: 1 }];
  return {
    table: type === 'local' ? 255 : 254,
    prefix: prefix(to),
    metric,
    type,
    legs,
    dead: false,
  };
}

const UNDERLAY = new Underlay({
  links: [{ index: 2, name: 'eth1', up: true, carrier: true }],
  addresses: [],
  routes: [
    ...[route('10.9.0.0/24', 0), route('10.20.0.0/16', 20), route('2001:db8::/32', 0)],
    route('10.9.0.1/32', 0, 'local'),
  ],
});

/** Peer 10.9.0.n, AS 65001 unless another is given. */
function from(n: number, given: Partial<Path['attributes']> = {}, rest: Partial<Path> = {}): Path {
  const { peerAs = 65001, nextHop: _, ...more } = rest;
  return path({
    ...{ peer: `10.9.0.${n}`, nextHop: `10.9.0.${n}`, peerAs },
    ...{ session: { type: 'external', routerId: 0x0aff0000 + n }, ...more },
    attributes: attributes({ asPath: sequence(peerAs), ...given }),
  });
}

const over = (hop: string, of: Path): Path => ({
  ...of,
  nextHop: { address: address(hop), interface: undefined },
});

/** `outcome: text` of every step for these paths of one prefix. */
function steps(paths: readonly Path[], given: Partial<TableConfig> = {}): string[] {
  const engine = new Engine({ config: config(table(given)), now: 0, latched: new Set() });
  engine.setUnderlay(UNDERLAY, ['ipv4']);
  const heard = { prefix: prefix(NET), paths };
  engine.apply([RESET, { type: 'updates', updates: [heard] }, ...SYNCED], 0);
  const [only] = engine.tables.values();
  const entry = only?.entry(prefix(NET).key);
  assert.ok(only !== undefined && entry !== undefined);
  return [...selectionSteps(only, entry, paths, UNDERLAY)].map(({ stage, outcome, text }) => {
    assert.equal(stage, 'selection');
    return `${outcome}: ${text}`;
  });
}

test('peers of one address are told apart by router id', () => {
  const twin = (routerId: number, localPref: number) =>
    from(2, { localPref }, { session: { type: 'external', routerId } });
  assert.deepEqual(steps([twin(1, 100), twin(2, 50), from(3, { localPref: 20 })]), [
    'ok: path of 10.9.0.2 (0.0.0.1) is the best',
    'info: path of 10.9.0.2 (0.0.0.2) lost: local preference 50 against 100',
    'info: path of 10.9.0.3 lost: local preference 20 against 100',
  ]);
});

const BEST = 'ok: path of 10.9.0.2 is the best';

/** Loses to `from(2)` unless another is named, and what is said of it. */
const LOST: readonly (readonly [
  lost: Path,
  text: string,
  best?: Path,
  bestPath?: Partial<TableConfig['bestPath']>,
])[] = [
  [
    over('10.66.0.3', from(3)),
    'no way leads to its next hop: no usable route to 10.66.0.3 in the main table',
  ],
  [from(3, { communities: [0xffff0006] }), 'it is stale (LLGR_STALE)'],
  [from(3, { localPref: 50 }), 'local preference 50 against 100'],
  [from(3, { asPath: sequence(65001, 1, 2) }), 'AS path length 3 against 1'],
  [from(3, { origin: 'egp' }), 'origin egp against igp'],
  [from(3, { med: 5 }), 'MED 5 against 0 (none) of 10.9.0.2, through the same neighbouring AS'],
  [
    from(3, { med: 5 }, { peerAs: 65002 }),
    'MED 5 against 4',
    from(2, { med: 4 }),
    { alwaysCompareMed: true },
  ],
  [
    from(3, {}, { session: { type: 'confederation', routerId: 1 } }),
    'its session is confederation, not external',
  ],
  [over('10.20.0.1', from(3)), 'metric to the next hop 20 against 0'],
];

const OTHER_AS = 'as good until then, but through another AS (multipathRelax is off)';

/** Of equal cost through another AS. */
const TIES: typeof LOST = [
  [
    from(3, {}, { receivedAt: 2500 }),
    'heard 1.5 s later',
    from(2, {}, { receivedAt: 1000 }),
    { preferOldest: true },
  ],
  [from(3), 'router id 10.255.0.3 against 10.255.0.2'],
  [from(3, { originatorId: 0x0aff0002, clusterLength: 1 }), 'cluster list length 1 against 0'],
  [from(3, { originatorId: 0x0aff0002 }), 'peer address 10.9.0.3 against 10.9.0.2'],
];

test('each step at which a path may lose is said in its own words', () => {
  for (const [lost, text, best = from(2), given = {}] of LOST) {
    const bestPath = { ...BEST_PATH, ...given };
    assert.deepEqual(steps([lost, best], { bestPath }), [
      `info: path of 10.9.0.3 lost: ${text}`,
      BEST,
    ]);
  }
  for (const [lost, text, best = from(2), given = {}] of TIES) {
    const bestPath = { ...BEST_PATH, ...given };
    const other = { ...lost, peerAs: 65002 };
    assert.deepEqual(steps([other, best], { bestPath }), [
      `info: path of 10.9.0.3 lost: ${text}; ${OTHER_AS}`,
      BEST,
    ]);
  }
});

test('MED: the path that won it is named, though another is the best', () => {
  const through = (n: number, med: number | undefined, peerAs: number) =>
    from(n, { med, asPath: sequence(peerAs) }, { peerAs });
  const paths = [
    through(2, undefined, 65002),
    through(3, 30, 65001),
    through(4, 20, 65001),
    through(5, 10, 65001),
    // Lost before: its MED beats nobody.
    through(6, 0, 65001),
  ];
  const longer = { ...paths[4], attributes: attributes({ asPath: sequence(65001, 7), med: 0 }) };
  const bestPath = { ...BEST_PATH, multipathRelax: true };
  assert.deepEqual(steps([...paths.slice(0, 4), longer as Path], { bestPath }), [
    BEST,
    'info: path of 10.9.0.3 lost: MED 30 against 10 of 10.9.0.5, through the same neighbouring AS',
    'info: path of 10.9.0.4 lost: MED 20 against 10 of 10.9.0.5, through the same neighbouring AS',
    'ok: path of 10.9.0.5 is as good, and shares the route',
    'info: path of 10.9.0.6 lost: AS path length 2 against 1',
  ]);
});

test('with gateways in the place of next hops it is not the next hop that is to blame', () => {
  const nextHop = { ...NEXT_HOP, override: [address('10.66.0.9')] };
  assert.deepEqual(steps([over('2001:db8::2', from(2)), over('10.66.0.3', from(3))], { nextHop }), [
    BEST,
    'info: path of 10.9.0.3 lost: no way leads to its next hop',
  ]);
});

test('internal paths differ by their AS paths, and paths of one peer by their identifiers', () => {
  const internal = (n: number, pathId: number, ...asns: number[]) =>
    from(
      n,
      { asPath: sequence(...asns) },
      {
        ...{ peerAs: 65000, pathId },
        session: { type: 'internal', routerId: 7 },
      },
    );
  const paths = [internal(2, 2, 65001), over('10.9.0.7', internal(2, 4, 65002))];
  assert.deepEqual(steps(paths), [
    'ok: path 2 of 10.9.0.2 is the best',
    'info: path 4 of 10.9.0.2 lost: path id 4 against 2; as good until then, but by another AS path (multipathRelax is off)',
  ]);
});

test('what is as good, and what never came that far', () => {
  const paths = [
    from(2),
    from(3),
    over('10.9.0.3', from(4)),
    from(5),
    from(6),
    over('10.9.0.1', from(7)),
  ];
  const given = {
    filters: [rule('deny', 'filters[0]', { peer: '10.9.0.6' }), rule('permit', 'filters[1]')],
    multipath: 2,
  };
  assert.deepEqual(steps(paths, given), [
    'info: path of 10.9.0.7 is left out: 10.9.0.1 is an address of this node',
    BEST,
    'ok: path of 10.9.0.3 is as good, and shares the route',
    'info: path of 10.9.0.4 is as good, by the same next hop',
    'info: path of 10.9.0.5 is as good, but multipath is 2',
  ]);
  assert.deepEqual(steps([from(2)]), ['ok: path of 10.9.0.2 is the only one']);
  assert.deepEqual(steps([path({ nextHop: '10.9.0.2' })]), [
    'ok: 1 of the permitted paths, multipath 16',
  ]);
});

test('a path whose peer is at its limit is left out, and one with room left is not', () => {
  const roomy = { peer: '10.9.0.2', id: 'fabric/10.9.0.2/ipv4' };
  const limits = [
    limit('block', 9, roomy),
    limit('block', 1, { peer: '10.9.0.3', id: 'fabric/10.9.0.3/ipv4' }),
  ];
  const engine = new Engine({ config: config(table({ limits })), now: 0, latched: new Set() });
  engine.setUnderlay(UNDERLAY, ['ipv4']);
  const first = { prefix: prefix('10.0.0.0/16'), paths: [from(3)] };
  const paths = [from(2), from(3)];
  const both = { prefix: prefix(NET), paths };
  engine.apply([RESET, { type: 'updates', updates: [first, both] }, updates(), ...SYNCED], 0);
  const [only] = engine.tables.values();
  const entry = only?.entry(both.prefix.key);
  assert.ok(only !== undefined && entry !== undefined);
  assert.deepEqual(
    [...selectionSteps(only, entry, paths, UNDERLAY)].map(({ text }) => text),
    [
      'path of 10.9.0.3 is left out: fabric/10.9.0.3/ipv4 has no room for it',
      'path of 10.9.0.2 is the only one',
    ],
  );
});
