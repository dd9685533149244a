import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { selectPaths } from '../../../src/policy/select.js';
import { nextHopText } from '../../../src/rib/path.js';
import { path } from './build.js';

const hops = (paths: readonly ReturnType<typeof path>[]) =>
  paths.map((each) => nextHopText(each.nextHop));

test('all permitted paths are legs, by next hop in numerical order', () => {
  const paths = ['10.9.0.10', 'fe80::1%eth2', '10.9.0.2', '2001:db8::1', 'fe80::1%eth1'].map(
    (nextHop) => path({ nextHop }),
  );
  assert.deepEqual(hops(selectPaths(paths, 16)), [
    '10.9.0.2',
    '10.9.0.10',
    '2001:db8::1',
    'fe80::1%eth1',
    'fe80::1%eth2',
  ]);
});

test('a next hop is one leg, of the lowest peer and path identifier', () => {
  const paths = [
    path({ peer: '10.9.0.3' }),
    path({ peer: '10.9.0.2', pathId: 2 }),
    path({ peer: '10.9.0.2', pathId: 1 }),
  ];
  assert.deepEqual(selectPaths(paths, 16), [paths[2]]);
});

test('legs beyond multipath are left out', () => {
  const paths = ['10.9.0.4', '10.9.0.3', '10.9.0.2'].map((nextHop) => path({ nextHop }));
  assert.deepEqual(hops(selectPaths(paths, 2)), ['10.9.0.2', '10.9.0.3']);
});

test('one path is selected as it is, and none gives none', () => {
  const paths = [path()];
  assert.equal(selectPaths(paths, 1), paths);
  assert.deepEqual(selectPaths([], 16), []);
});

test('the outcome does not depend on the order, and loses no next hop', () => {
  const given = fc.uniqueArray(
    fc.record({
      nextHop: fc.constantFrom('10.9.0.2', '10.9.0.3', '10.9.0.10', 'fe80::1%a', 'fe80::1%b'),
      peer: fc.constantFrom('10.9.0.2', '10.9.0.10', '2001:db8::1'),
      pathId: fc.nat(3),
    }),
    { selector: JSON.stringify, maxLength: 8 },
  );
  fc.assert(
    fc.property(given, fc.integer({ min: 1, max: 4 }), fc.gen(), (all, multipath, gen) => {
      const paths = all.map(path);
      const shuffled = gen(fc.shuffledSubarray, paths, { minLength: paths.length });
      const one = selectPaths(paths, multipath);
      assert.deepEqual(selectPaths(shuffled, multipath), one);
      assert.ok(one.every((each) => paths.includes(each)));
      const distinct = new Set(hops(paths)).size;
      assert.equal(one.length, Math.min(distinct, multipath));
      assert.equal(new Set(hops(one)).size, one.length);
    }),
  );
});
