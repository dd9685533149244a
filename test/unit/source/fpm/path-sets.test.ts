import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextHopText } from '../../../../src/rib/path.js';
import type { Gateway } from '../../../../src/source/fpm/decoder.js';
import { PathSets } from '../../../../src/source/fpm/path-sets.js';
import { address } from '../build.js';

const leg = (gateway: string, more: Partial<Gateway> = {}): Gateway => ({
  ...{ gateway: address(gateway), oif: 2, onlink: false, weight: 1 },
  ...more,
});

function sets(names: ReadonlyMap<number, string> = new Map([[2, 'eth1']])): PathSets {
  return new PathSets((index) => names.get(index));
}

function hops(of: PathSets, ...legs: Gateway[]): string[] | undefined {
  return of.of(legs)?.map(({ nextHop }) => nextHopText(nextHop));
}

describe('paths of legs', () => {
  const rows: readonly (readonly [string, readonly Gateway[], readonly string[] | undefined])[] = [
    ['a gateway', [leg('10.9.0.2')], ['10.9.0.2']],
    ['one over an interface that is not known', [leg('10.9.0.2', { oif: 9 })], ['10.9.0.2']],
    ['onlink: its interface matters', [leg('10.9.0.2', { onlink: true })], ['10.9.0.2%eth1']],
    ['onlink over an unknown one', [leg('10.9.0.2', { onlink: true, oif: 9 })], undefined],
    ['link-local', [leg('fe80::2')], ['fe80::2%eth1']],
    ['one of two over an unknown one', [leg('10.9.0.2'), leg('fe80::2', { oif: 9 })], undefined],
    ['several', [leg('10.9.0.2'), leg('10.9.0.3')], ['10.9.0.2', '10.9.0.3']],
  ];
  for (const [what, legs, wanted] of rows) {
    test(what, () => assert.deepEqual(hops(sets(), ...legs), wanted));
  }

  test('weights are shares of several legs only, and path ids tell equal gateways apart', () => {
    const all = sets();
    const [alone] = all.of([leg('10.9.0.2', { weight: 7 })]) ?? [];
    assert.deepEqual([alone?.pathId, alone?.attributes.linkBandwidth], [0, undefined]);
    const both = all.of([leg('10.9.0.2', { weight: 25 }), leg('10.9.0.2', { weight: 75 })]) ?? [];
    assert.deepEqual(
      both.map(({ pathId, attributes }) => [pathId, attributes.linkBandwidth]),
      [
        [1, 25],
        [2, 75],
      ],
    );
  });

  test('equal legs are the same objects; what differs in a share or a name is not', () => {
    const names = new Map([[2, 'eth1']]);
    const all = sets(names);
    const one = all.of([leg('fe80::2')]);
    assert.equal(all.of([leg('fe80::2')]), one);
    // Over which interface a global gateway came is for the node to say.
    assert.equal(all.of([leg('10.9.0.2')]), all.of([leg('10.9.0.2', { oif: 3 })]));
    assert.notEqual(all.of([leg('10.9.0.2'), leg('10.9.0.3')]), all.of([leg('10.9.0.2')]));
    names.set(2, 'fabric0');
    assert.notEqual(all.of([leg('fe80::2')]), one);
    names.delete(2);
    assert.equal(all.of([leg('fe80::2')]), undefined);
  });

  test('ten thousand sets are remembered, and then begun anew: memory has an end', () => {
    const all = sets();
    const first = all.of([leg('10.9.0.2')]);
    const weighted = (i: number) => [
      leg('10.9.0.2', { weight: 1 + (i % 255) }),
      leg('10.9.0.3', { weight: 1 + Math.floor(i / 255) }),
    ];
    for (let i = 0; i < 9_999; i++) all.of(weighted(i));
    assert.equal(all.of([leg('10.9.0.2')]), first);
    all.of(weighted(9_999));
    const again = all.of([leg('10.9.0.2')]);
    assert.notEqual(again, first);
    assert.deepEqual(again, first);
  });
});
