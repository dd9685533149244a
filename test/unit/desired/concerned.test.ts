/** The node changed: what is decided again, and that it is all that had to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Engine } from '../../../src/desired/engine.js';
import type { InterfaceAddress, UnderlayRoute } from '../../../src/desired/topology.js';
import { Underlay } from '../../../src/desired/underlay.js';
import { address, config, prefix, RESET, SYNCED, table, updates } from './build.js';

const LINKS = ['lo', 'eth0', 'eth1', 'eth2'].map((name, i) => ({
  ...{ name, index: i + 1, up: true, carrier: true },
}));

/** `10.9.0.1/24 dev 3`: with its local and its connected route. */
function underlay(...addresses: readonly string[]): Underlay {
  const own: InterfaceAddress[] = [];
  const routes: UnderlayRoute[] = [];
  for (const text of addresses) {
    const [word = '', , dev = ''] = text.split(' ');
    const [host = '', length = ''] = word.split('/');
    const [index, at] = [Number(dev), address(host)];
    const state = { scope: 'global', tentative: false, settled: true } as const;
    own.push({ index, address: at, length: Number(length), ...state });
    const legs = [{ gateway: undefined, oif: index, onlink: false, weight: 1 }];
    const of = (table: number, to: string, type: 'local' | 'unicast') =>
      routes.push({ table, prefix: prefix(to), metric: 0, type, legs, dead: false });
    of(255, `${host}/32`, 'local');
    of(254, `${host.split('.').slice(0, 3).join('.')}.0/${length}`, 'unicast');
  }
  return new Underlay({ links: LINKS, addresses: own, routes });
}

const BASE = ['192.0.2.10/24 dev 2', '10.9.0.1/24 dev 3', '10.9.1.1/24 dev 4'];

function engineOver(first: Underlay): Engine {
  const engine = new Engine({ config: config(table()), now: 0, latched: new Set() });
  engine.setUnderlay(first, ['ipv4']);
  return engine;
}

/** The prefixes that are decided while `work` runs. */
function decided(engine: Engine, work: () => void): string[] {
  const [only] = engine.tables.values();
  assert.ok(only !== undefined);
  const found: string[] = [];
  const { evaluate } = only;
  only.evaluate = (to, paths, count) => {
    found.push(to.text);
    evaluate.call(only, to, paths, count);
  };
  work();
  only.evaluate = evaluate;
  return found;
}

test('an address that comes: only what has it as a next hop', () => {
  const engine = engineOver(underlay(...BASE));
  const heard = ['10.1.0.0/16 via 10.9.0.2', '10.2.0.0/16 via 10.9.0.3 + 10.9.0.7'];
  engine.apply([RESET, updates(...heard), ...SYNCED], 0);
  const [only] = engine.tables.values();
  const more = underlay(...BASE, '10.9.0.7/24 dev 3');
  assert.deepEqual(
    decided(engine, () => engine.setUnderlay(more, ['ipv4'])),
    ['10.2.0.0/16'],
  );
  assert.equal(only?.entry(prefix('10.2.0.0/16'))?.paths.length, 1);
  assert.deepEqual(
    decided(engine, () => engine.setUnderlay(underlay(...BASE), ['ipv4'])),
    ['10.2.0.0/16'],
  );
  assert.equal(only?.entry(prefix('10.2.0.0/16'))?.paths.length, 2);
});

test('the first and the last route out of an interface: only what its connected prefix covers', () => {
  const engine = engineOver(underlay(...BASE));
  const heard = [
    '10.1.0.0/16 via 10.9.0.2',
    '10.9.1.128/25 via 10.9.0.2',
    '10.9.0.0/16 via 10.9.0.2',
  ];
  engine.apply([RESET, updates(...heard), ...SYNCED], 0);
  const hears = (text: string) => () => engine.apply([updates(text)], 0);
  assert.deepEqual(decided(engine, hears('10.2.0.0/16 via 10.9.1.2')), [
    '10.2.0.0/16',
    '10.9.1.128/25',
  ]);
  const [only] = engine.tables.values();
  const reason = () => only?.entry(prefix('10.9.1.128/25'))?.reason;
  assert.equal(reason(), 'kept-in-main');
  assert.deepEqual(decided(engine, hears('10.2.0.0/16')), ['10.2.0.0/16', '10.9.1.128/25']);
  assert.equal(reason(), undefined);
});

test('a node that changes step by step decides as one that was so from the start', () => {
  const anyAddress = fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 5 }))
    .map(([net, host]) => `10.9.${net}.${host}/24 dev ${2 + (net % 3)}`);
  const anyNode = fc
    .uniqueArray(anyAddress, { maxLength: 6 })
    // Beyond a certain number a change is not looked into: both ways are to be walked.
    .chain((some) => fc.constantFrom(some, [...some, ...many]));
  const many = Array.from({ length: 40 }, (_, i) => `10.10.0.${i + 1}/24 dev 2`);
  const anyHop = fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 5 }))
    .map(([net, host]) => `10.9.${net}.${host}`);
  const anyRoute = fc
    .tuple(
      fc.constantFrom('10.9.0.0/25', '10.9.1.0/24', '10.9.2.8/29', '10.9.3.0/26', '20.0.0.0/8'),
      fc.uniqueArray(anyHop, { minLength: 1, maxLength: 3 }),
    )
    .map(([to, hops]) => `${to} via ${hops.join(' + ')}`);
  fc.assert(
    fc.property(
      fc.array(anyNode, { minLength: 1, maxLength: 5 }),
      fc.uniqueArray(anyRoute, { selector: (text) => text.split(' ')[0], maxLength: 5 }),
      (nodes, heard) => {
        const feed = [RESET, updates(...heard), ...SYNCED];
        const engine = engineOver(underlay());
        engine.apply(feed, 0);
        for (const addresses of nodes) engine.setUnderlay(underlay(...addresses), ['ipv4']);
        const fresh = engineOver(underlay(...(nodes.at(-1) ?? [])));
        fresh.apply(feed, 0);
        assert.deepEqual(outcome(engine), outcome(fresh));
      },
    ),
    { numRuns: 500 },
  );
});

function outcome(engine: Engine): unknown {
  const [only] = engine.tables.values();
  return [...(only?.entries() ?? [])].map(({ prefix: to, reason, set, paths }) => [
    ...[to.text, reason, set?.key, set?.legs.length, paths.length],
    only?.wanted(to).map(({ kind }) => kind),
  ]);
}
