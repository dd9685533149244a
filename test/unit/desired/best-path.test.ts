/** A source that offers every path: each table chooses for itself, by the node's own routes too. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Engine } from '../../../src/desired/engine.js';
import type { UnderlayRoute } from '../../../src/desired/topology.js';
import { Underlay } from '../../../src/desired/underlay.js';
import { type NextHop, nextHopText, type Path } from '../../../src/rib/path.js';
import type { SourceEvent } from '../../../src/source/source.js';
import { attributes, path, rule, sequence } from '../policy/build.js';
import {
  address,
  BEST_PATH,
  config,
  limit,
  nextHop,
  prefix,
  RESET,
  SYNCED,
  table,
  updates,
} from './build.js';

const LINKS = ['lo', 'eth0', 'eth1', 'eth2'].map((name, i) => ({
  ...{ name, index: i + 1, up: true, carrier: true },
}));

/** `10.20.0.0/16 via 192.0.2.1 metric 30`, out of eth0; without `via` on-link. */
function underlay(...texts: readonly string[]): Underlay {
  const routes = texts.map((text): UnderlayRoute => {
    const [to = ''] = text.split(' ');
    const after = (word: string) => new RegExp(` ${word} (\\S+)`).exec(text)?.[1];
    const gateway = after('via');
    const legs = [
      { gateway: gateway && address(gateway), oif: 2, onlink: false, weight: 1 } as const,
    ].map((leg) => ({ ...leg, gateway: leg.gateway || undefined }));
    const metric = Number(after('metric') ?? 0);
    return { table: 254, prefix: prefix(to), metric, type: 'unicast', legs, dead: false };
  });
  return new Underlay({ links: LINKS, addresses: [], routes });
}

/** Peer 10.9.0.n of AS 65000 + n, which gives itself as next hop unless another is named. */
function from(n: number, hop = `10.9.0.${n}`): Path {
  return path({
    ...{ nextHop: hop, peer: `10.9.0.${n}`, peerAs: 65000 + n },
    session: { type: 'external', routerId: n },
    attributes: attributes({ asPath: sequence(65000 + n) }),
  });
}

function heard(to: string, ...paths: readonly Path[]): SourceEvent {
  return { type: 'updates', updates: [{ prefix: prefix(to), paths }] };
}

const ON_LINK = '10.9.0.0/24';
const TO = '10.1.0.0/16';

function engineOf(first: Underlay, ...tables: Parameters<typeof config>): Engine {
  const engine = new Engine({ config: config(...tables), now: 0, latched: new Set() });
  engine.setUnderlay(first, ['ipv4']);
  return engine;
}

/** Next hops that the table's route for the prefix leads to. */
function ways(engine: Engine, id = 100, to = TO): string | undefined {
  return engine.tables.get(id)?.entry(prefix(to).key)?.set?.text;
}

test('a table for one peer gets that peer’s path where another wins elsewhere', () => {
  const only = (peer: string) => [rule('permit', 'filters[0]', { peer })];
  const engine = engineOf(
    underlay(ON_LINK),
    table({ id: 100, name: 'all' }),
    table({ id: 102, name: 'two', filters: only('10.9.0.2') }),
    table({ id: 103, name: 'three', filters: only('10.9.0.3') }),
    table({ id: 104, name: 'both', bestPath: { ...BEST_PATH, multipathRelax: true } }),
  );
  engine.apply([RESET, heard(TO, from(3), from(2)), ...SYNCED], 0);
  const all = () => [100, 102, 103, 104].map((id) => ways(engine, id));
  assert.deepEqual(all(), ['10.9.0.2', '10.9.0.2', '10.9.0.3', '10.9.0.2 + 10.9.0.3']);
  engine.apply([heard(TO, from(3))], 0);
  assert.deepEqual(all(), ['10.9.0.3', undefined, '10.9.0.3', '10.9.0.3']);
});

test('the way to the next hop counts, and one without a way loses first', () => {
  const near = '10.20.0.0/16 via 10.9.0.9 metric 10';
  const far = '10.30.0.0/16 via 10.9.0.9 metric 20';
  const engine = engineOf(underlay(ON_LINK, near, far), table());
  const preferred = from(2, '10.40.0.1');
  const better = { ...preferred.attributes, localPref: 200 };
  const paths = [from(3, '10.30.0.1'), from(4, '10.20.0.1'), { ...preferred, attributes: better }];
  engine.apply([RESET, heard(TO, ...paths), ...SYNCED], 0);
  assert.equal(ways(engine), '10.20.0.1');
  // On-link costs nothing, whatever the metric of the connected route.
  engine.setUnderlay(underlay(ON_LINK, near, '10.30.0.0/24 metric 600'), ['ipv4']);
  assert.equal(ways(engine), '10.30.0.1');
  engine.setUnderlay(underlay(ON_LINK, near, far, '10.40.0.0/16 via 10.9.0.9'), ['ipv4']);
  assert.equal(ways(engine), '10.40.0.1');
  engine.setUnderlay(underlay(), ['ipv4']);
  assert.equal(ways(engine), '10.40.0.1');
  const [only] = engine.tables.values();
  const entry = only?.entry(prefix(TO).key);
  assert.equal(entry && only?.reasonOf(entry), 'next-hop-unreachable');
});

test('with an override it is the gateways that must be reached', () => {
  const override = [address('10.9.0.99')];
  const engine = engineOf(underlay(ON_LINK), table({ nextHop: nextHop({ override }) }));
  engine.apply([RESET, heard(TO, from(3), from(2, '10.20.0.1')), ...SYNCED], 0);
  const [only] = engine.tables.values();
  assert.deepEqual(
    only?.entry(prefix(TO).key)?.paths.map(({ peer }) => peer),
    ['10.9.0.2'],
  );
  assert.equal(ways(engine), '10.9.0.99');
});

test('of several gateways the nearest counts, against next hops of the other family', () => {
  const override = [address('10.9.0.99'), address('10.30.0.99')];
  const routes = ['10.30.0.0/16 via 10.9.0.9 metric 20', '2001:db8::/32 via 10.9.0.9 metric 10'];
  const engine = engineOf(underlay(ON_LINK, ...routes), table({ nextHop: nextHop({ override }) }));
  engine.apply([RESET, heard(TO, from(2, '2001:db8::1'), from(3)), ...SYNCED], 0);
  assert.equal(ways(engine), '10.30.0.99 + 10.9.0.99');
});

test('a changed underlay decides again what competes over a next hop that moved, and no more', () => {
  const near = (metric: number) => `10.20.0.0/16 via 10.9.0.9 metric ${metric}`;
  const engine = engineOf(underlay(ON_LINK, near(10)), table());
  engine.apply(
    [
      RESET,
      heard('10.1.0.0/16', from(3, '10.20.0.1'), from(4)),
      heard('10.2.0.0/16', from(3, '10.20.0.1')),
      heard('10.3.0.0/16', from(3), from(4)),
      // A daemon's best set: chosen already.
      updates('10.4.0.0/16 via 10.20.0.1 + 10.9.0.4'),
      ...SYNCED,
    ],
    0,
  );
  const [only] = engine.tables.values();
  assert.ok(only !== undefined);
  const decided: string[] = [];
  const { evaluate } = only;
  only.evaluate = (to, paths, count) => {
    decided.push(to.text);
    evaluate.call(only, to, paths, count);
  };
  engine.setUnderlay(underlay(ON_LINK, near(20)), ['ipv4']);
  assert.deepEqual(decided.splice(0), ['10.1.0.0/16']);
  engine.setUnderlay(underlay(ON_LINK, near(20), '10.77.0.0/16 via 10.9.0.9'), ['ipv4']);
  assert.deepEqual(decided.splice(0), []);
  engine.setUnderlay(underlay(ON_LINK), ['ipv4']);
  assert.deepEqual(decided.splice(0), ['10.1.0.0/16']);
});

/** Competing prefixes 40.0.0.0/24 and on, more than are decided in one slice; 10.20.0.1 is the nearer of the two next hops. */
const MANY = 3_000;
const many = Array.from({ length: MANY }, (_, i) => `40.${i >> 8}.${i & 255}.0/24`);
const NEAR = '10.20.0.0/16 via 10.9.0.9 metric 10';
const FAR = '10.20.0.0/16 via 10.9.0.9 metric 30';
const OTHER = '10.30.0.0/16 via 10.9.0.9 metric 20';

function engineOfMany(...tables: Parameters<typeof config>): Engine {
  const engine = engineOf(underlay(ON_LINK, NEAR, OTHER), ...tables);
  const paths = [from(2, '10.20.0.1'), from(3, '10.30.0.1')];
  engine.apply([RESET, ...many.map((to) => heard(to, ...paths)), ...SYNCED], 0);
  return engine;
}

const waysOfMany = (engine: Engine) => many.map((to) => ways(engine, 100, to));

test('a metric that moved under many prefixes is followed in slices, and all of them in the end', () => {
  const engine = engineOfMany(table());
  assert.deepEqual(new Set(waysOfMany(engine)), new Set(['10.20.0.1']));
  let before = 0;
  let slices = 0;
  for (const _ of engine.followUnderlay(underlay(ON_LINK, FAR, OTHER), ['ipv4'])) {
    const done = waysOfMany(engine).filter((way) => way === '10.30.0.1').length;
    assert.ok(done > before && done - before <= 1_000, `${done - before} in a slice`);
    before = done;
    slices++;
  }
  assert.ok(slices >= 3);
  assert.deepEqual(new Set(waysOfMany(engine)), new Set(['10.30.0.1']));
});

test('what is heard between slices is decided by the new metrics, and what is withdrawn stays so', () => {
  const engine = engineOfMany(table());
  const [first = '', second = ''] = many;
  const [last = '', butOne = ''] = many.toReversed();
  let slices = 0;
  for (const _ of engine.followUnderlay(underlay(ON_LINK, FAR, OTHER), ['ipv4'])) {
    if (slices++ > 0) continue;
    engine.apply([heard(first), heard(last), heard(second, from(2, '10.20.0.1'))], 0);
    engine.apply([heard(butOne, from(4, '10.20.0.1'), from(3, '10.30.0.1'))], 0);
    engine.apply([heard('41.0.0.0/24', from(2, '10.20.0.1'), from(3, '10.30.0.1'))], 0);
    assert.deepEqual(
      [first, last, second, butOne, '41.0.0.0/24'].map((to) => ways(engine, 100, to)),
      [undefined, undefined, '10.20.0.1', '10.30.0.1', '10.30.0.1'],
    );
  }
  assert.deepEqual(
    [first, last, second, butOne, '41.0.0.0/24', many[1_500] ?? ''].map((to) =>
      ways(engine, 100, to),
    ),
    [undefined, undefined, '10.20.0.1', '10.30.0.1', '10.30.0.1', '10.30.0.1'],
  );
  assert.equal(engine.tables.get(100)?.counts('ipv4').accepted, MANY - 1);
});

test('a configuration that comes between slices: the table that was replaced touches its limits no more', () => {
  const room = limit('block', MANY - 10);
  const engine = engineOfMany(table({ limits: [room] }));
  const refused = () => engine.tables.get(100)?.rejected().get('limit-blocked') ?? 0;
  assert.equal(refused(), 10);
  let slices = 0;
  for (const _ of engine.followUnderlay(underlay(ON_LINK, FAR, OTHER), ['ipv4'])) {
    if (slices++ > 0) continue;
    const filters = [rule('permit', 'filters[0]', { peer: '10.9.0.9' })];
    engine.reconfigure(config(table({ limits: [room], filters })));
  }
  assert.equal(slices, 1);
  const [only] = engine.tables.get(100)?.limits ?? [];
  assert.equal(only?.snapshot().count, 0);
  assert.equal(engine.tables.get(100)?.rejected().get('no-match'), MANY);
});

test('a node that changes step by step chooses as one that was so from the start', () => {
  const hops: NextHop[] = ['10.9.0.2', '10.20.0.1', '10.30.0.1', '10.40.0.1'].map((text) => ({
    address: address(text),
    interface: undefined,
  }));
  const anyNode = fc
    .tuple(
      ...['10.20.0.0/16', '10.30.0.0/16', '10.40.0.0/16'].map((to) =>
        fc.constantFrom('', to, `${to} via 10.9.0.9 metric 10`, `${to} via 10.9.0.9 metric 20`),
      ),
    )
    .map((routes) => underlay(ON_LINK, ...routes.filter((text) => text !== '')));
  const anyPaths = fc.uniqueArray(
    fc.record({ n: fc.integer({ min: 2, max: 5 }), hop: fc.constantFrom(...hops) }),
    { selector: ({ n }) => n, maxLength: 4 },
  );
  fc.assert(
    fc.property(
      fc.array(anyNode, { minLength: 1, maxLength: 5 }),
      fc.array(anyPaths, { maxLength: 4 }),
      fc.boolean(),
      (nodes, sets, multipathRelax) => {
        const feed = [
          RESET,
          ...sets.map((set, i) =>
            heard(`10.${i}.0.0/16`, ...set.map(({ n, hop }) => from(n, nextHopText(hop)))),
          ),
          ...SYNCED,
        ];
        const tables = [table({ bestPath: { ...BEST_PATH, multipathRelax } })];
        const engine = engineOf(underlay(), ...tables);
        engine.apply(feed, 0);
        for (const node of nodes) engine.setUnderlay(node, ['ipv4']);
        const fresh = engineOf(nodes.at(-1) ?? underlay(), ...tables);
        fresh.apply(feed, 0);
        const outcome = (of: Engine) => sets.map((_, i) => ways(of, 100, `10.${i}.0.0/16`));
        assert.deepEqual(outcome(engine), outcome(fresh));
      },
    ),
    { numRuns: 500 },
  );
});
