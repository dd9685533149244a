import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bandwidthWeights, NextHopSets } from '../../../src/desired/next-hop-set.js';
import { legKey } from '../../../src/desired/route.js';
import { Underlay } from '../../../src/desired/underlay.js';
import { address, nextHop, pathVia, prefix } from './build.js';

const LINKS = [3, 4].map((index) => ({ index, name: `eth${index}`, up: true, carrier: true }));

/** On-link prefixes by interface index. */
function underlay(connected: Readonly<Record<string, number>>): Underlay {
  const routes = Object.entries(connected).map(([to, oif]) => ({
    table: 254,
    prefix: prefix(to),
    metric: 0,
    type: 'unicast' as const,
    legs: [{ gateway: undefined, oif, onlink: false, weight: 1 }],
    dead: false,
  }));
  return new Underlay({ links: LINKS, addresses: [], routes });
}

const BOTH = underlay({ '10.9.0.0/24': 3, '10.9.1.0/24': 4 });

function sets(config = nextHop({})): NextHopSets {
  return new NextHopSets(config, BOTH);
}

test('equal next hops are one set, whatever the peer, the order or the doubles', () => {
  const all = sets();
  const one = all.of([pathVia('10.9.0.2'), pathVia('10.9.1.2')]);
  assert.equal(all.of([pathVia('10.9.1.2@192.0.2.9'), pathVia('10.9.0.2')]), one);
  assert.equal(all.of([pathVia('10.9.1.2'), pathVia('10.9.0.2'), pathVia('10.9.0.2@x')]), one);
  assert.notEqual(all.of([pathVia('10.9.0.2')]), one);
  assert.equal(one.text, '10.9.0.2 + 10.9.1.2');
  assert.deepEqual(one.legs.map(legKey), ['10.9.0.2%3', '10.9.1.2%4']);
});

test('a set lives while something refers to it; the next of the same key is another', () => {
  const all = sets();
  const one = all.of([pathVia('10.9.0.2')]);
  one.references = 2;
  all.release(one);
  assert.equal(all.of([pathVia('10.9.0.2')]), one);
  all.release(one);
  assert.deepEqual(all.values(), []);
  assert.deepEqual([...all.interfaces()], []);
  const next = all.of([pathVia('10.9.0.2')]);
  assert.notEqual(next, one);
  assert.equal(next.key, one.key);
});

test('a new underlay: who changed, who lost its last leg, who found its first', () => {
  const all = sets();
  const both = all.of([pathVia('10.9.0.2'), pathVia('10.9.1.2')]);
  const one = all.of([pathVia('10.9.1.2')]);
  const other = all.of([pathVia('10.9.0.2')]);
  const version = all.interfacesVersion;
  const changes = (next: Underlay) =>
    new Map(all.setUnderlay(next).map(({ set, crossed }) => [set, crossed]));
  assert.deepEqual(
    changes(underlay({ '10.9.0.0/24': 3 })),
    new Map([
      [both, false],
      [one, true],
    ]),
  );
  assert.deepEqual([...all.interfaces()], [3]);
  assert.ok(all.interfacesVersion > version);
  assert.equal(one.reason, 'next-hop-unreachable');
  assert.equal(both.unresolved.length, 1);
  assert.deepEqual(
    changes(BOTH),
    new Map([
      [both, false],
      [one, true],
    ]),
  );
  assert.deepEqual(changes(underlay({ '10.9.0.0/24': 4, '10.9.1.0/24': 4 })).get(other), false);
  assert.deepEqual(changes(underlay({ '10.9.0.0/24': 4, '10.9.1.0/24': 4 })), new Map());
});

test('a new underlay: who lost a way, and who only found one', () => {
  const all = sets();
  const both = all.of([pathVia('10.9.0.2'), pathVia('10.9.1.2')]);
  const one = all.of([pathVia('10.9.1.2')]);
  const losers = (next: Underlay) => all.setUnderlay(next).map(({ set, lost }) => [set.text, lost]);
  const gone = underlay({ '10.9.0.0/24': 3 });
  assert.deepEqual(losers(gone), [
    [both.text, true],
    [one.text, true],
  ]);
  assert.deepEqual(losers(BOTH), [
    [both.text, false],
    [one.text, false],
  ]);
  const moved = underlay({ '10.9.0.0/24': 3, '10.9.1.0/24': 5 });
  assert.deepEqual(losers(moved), [
    [both.text, true],
    [one.text, true],
  ]);
});

test('the target is the same object until the legs change', () => {
  const all = sets();
  const set = all.of([pathVia('10.9.0.2')]);
  const { target } = set;
  all.setUnderlay(underlay({ '10.9.0.0/24': 3 }));
  assert.equal(set.target, target);
  all.setUnderlay(underlay({ '10.9.0.0/24': 4 }));
  assert.notEqual(set.target, target);
});

test('override, of its own family only; several are legs of one set', () => {
  const all = sets(nextHop({ override: [address('10.9.0.254'), address('10.9.1.254')] }));
  const set = all.of([pathVia('1.1.1.1'), pathVia('2.2.2.2')]);
  assert.deepEqual(set.legs.map(legKey), ['10.9.0.254%3', '10.9.1.254%4']);
  assert.equal(all.of([pathVia('3.3.3.3')]), set);
  assert.equal(all.of([pathVia('fe80::1%eth3')]).text, 'fe80::1%eth3');
});

test('weights: in proportion, the widest at 100, none below 1; all 1 where one path says nothing', () => {
  const weights = (...paths: string[]) => bandwidthWeights(paths.map(pathVia));
  assert.deepEqual(weights('10.9.0.2 bw 10', '10.9.1.2 bw 5'), [100, 50]);
  assert.deepEqual(weights('10.9.0.2 bw 1000000', '10.9.1.2 bw 1'), [100, 1]);
  assert.deepEqual(weights('10.9.0.2 bw 7', '10.9.1.2 bw 7'), [1, 1]);
  assert.deepEqual(weights('10.9.0.2 bw 7', '10.9.1.2'), [1, 1]);
  assert.deepEqual(weights('10.9.0.2 bw 7', '10.9.1.2 bw 0'), [1, 1]);
});

test('two next hops over one gateway are one leg of their weights together, 256 at most', () => {
  const routes = [
    { to: '10.9.0.0/24', gateway: undefined },
    { to: '172.16.0.0/16', gateway: address('10.9.0.7') },
  ].map(({ to, gateway }) => ({
    table: 254,
    prefix: prefix(to),
    metric: 0,
    type: 'unicast' as const,
    legs: [{ gateway, oif: 3, onlink: false, weight: 1 }],
    dead: false,
  }));
  const all = new NextHopSets(nextHop({}), new Underlay({ links: LINKS, addresses: [], routes }));
  const legs = (...paths: string[]) => all.of(paths.map(pathVia)).legs.map(legKey);
  assert.deepEqual(legs('172.16.0.1', '10.9.0.7'), ['10.9.0.7%3 w2']);
  assert.deepEqual(legs('172.16.0.1 bw 10', '172.16.0.2 bw 9', '172.16.0.3 bw 9'), [
    '10.9.0.7%3 w256',
  ]);
});
