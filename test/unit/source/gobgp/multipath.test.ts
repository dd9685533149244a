import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Attributes, Path } from '../../../../src/rib/path.js';
import type { KnownPath } from '../../../../src/source/gobgp/known-path.js';
import { bestSet, equalCostSet } from '../../../../src/source/gobgp/multipath.js';
import { path } from '../build.js';

const internal = ({ peerAs }: Path) => peerAs === 65000;

function known(
  peer: string,
  attributes: Partial<Attributes> = {},
  rest: Partial<KnownPath> & { readonly peerAs?: number } = {},
): KnownPath {
  const { peerAs = 65001, ...flags } = rest;
  const set = flags.local ? [] : [{ ...path(peer, attributes), peerAs }];
  return { ...{ source: peer, pathId: 0, set, local: false, unreachable: false }, ...flags };
}

function peers(paths: readonly Path[]): string {
  return paths.map(({ peer }) => peer).join(' ');
}

const hops = (...asns: number[]) => [{ type: 'sequence', asns } as const];

describe('the set of a prefix', () => {
  it('is its best path, without use-multiple-paths', () => {
    assert.equal(peers(bestSet([known('10.9.0.2'), known('10.9.0.3')])), '10.9.0.2');
  });

  it('is empty where the best is local or has no reachable next hop', () => {
    for (const first of [
      known('10.9.0.2', {}, { local: true }),
      known('10.9.0.2', {}, { unreachable: true }),
    ]) {
      assert.deepEqual(bestSet([first, known('10.9.0.3')]), []);
      assert.deepEqual(equalCostSet([first, known('10.9.0.3')], internal), []);
    }
    assert.deepEqual(bestSet([]), []);
  });

  const rows: readonly [string, KnownPath, KnownPath, boolean][] = [
    ['equal paths', known('10.9.0.2'), known('10.9.0.3'), true],
    [
      'neighbours of two ASes',
      known('10.9.0.2', { asPath: hops(65001) }),
      known('10.9.0.3', { asPath: hops(65002) }),
      true,
    ],
    [
      'default local preference, and 100',
      known('10.9.0.2'),
      known('10.9.0.3', { localPref: 100 }),
      true,
    ],
    ['no MED, and 0', known('10.9.0.2'), known('10.9.0.3', { med: 0 }), true],
    ['another local preference', known('10.9.0.2', { localPref: 200 }), known('10.9.0.3'), false],
    [
      'a longer AS path',
      known('10.9.0.2', { asPath: hops(1) }),
      known('10.9.0.3', { asPath: hops(1, 2) }),
      false,
    ],
    ['another origin', known('10.9.0.2'), known('10.9.0.3', { origin: 'incomplete' }), false],
    ['another MED', known('10.9.0.2'), known('10.9.0.3', { med: 5 }), false],
    ['an internal path', known('10.9.0.2'), known('10.9.0.3', {}, { peerAs: 65000 }), false],
    ['an unreachable path', known('10.9.0.2'), known('10.9.0.3', {}, { unreachable: true }), false],
    [
      'a set, counted as one',
      known('10.9.0.2', { asPath: hops(1, 2) }),
      known('10.9.0.3', { asPath: [...hops(1), { type: 'set', asns: [2, 3] }] }),
      true,
    ],
    [
      'a confederation, not counted',
      known('10.9.0.2', { asPath: hops(1) }),
      known('10.9.0.3', { asPath: [{ type: 'confed-sequence', asns: [9] }, ...hops(1)] }),
      true,
    ],
  ];
  for (const [name, first, second, joined] of rows) {
    it(`${joined ? 'takes' : 'leaves out'} ${name}`, () => {
      const expected = joined ? '10.9.0.2 10.9.0.3' : '10.9.0.2';
      assert.equal(peers(equalCostSet([first, second], internal)), expected);
    });
  }
});
