import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChangedPrefixes } from '../../../src/desired/changed-prefixes.js';
import { PrefixMap } from '../../../src/net/prefix-map.js';
import { anyPrefix } from '../net/arbitrary.js';

test('each once, IPv4 first, in the order of arrival, and nothing once it is cleared', () => {
  const changed = new ChangedPrefixes();
  fc.assert(
    fc.property(fc.array(anyPrefix, { maxLength: 100 }), (prefixes) => {
      for (const prefix of prefixes) changed.add(prefix);
      const once = [...new Set(prefixes.map(({ text }) => text))];
      const expected = [
        ...once.filter((text) => !text.includes(':')),
        ...once.filter((text) => text.includes(':')),
      ];
      assert.equal(changed.size, once.length);
      const met = () => [...changed].map(({ text }) => text);
      assert.deepEqual([met(), met()], [expected, expected]);
      changed.clear();
      assert.deepEqual([changed.size, met()], [0, []]);
    }),
    { numRuns: 300 },
  );
});

test('what waits to be looked at keeps its number, though no table holds it any more', () => {
  const changed = new ChangedPrefixes();
  const prefixes = fc.sample(anyPrefix, { numRuns: 6_000, seed: 9 });
  const [withdrawn, ...others] = [...new Map(prefixes.map((one) => [one.text, one])).values()];
  if (withdrawn === undefined) throw new Error('there are some');
  const table = PrefixMap.ofTable<number>();
  table.set(withdrawn, 1);
  table.delete(withdrawn);
  changed.add(withdrawn);
  for (let round = 0; round < 3; round++) {
    for (const prefix of others) table.set(prefix, round);
    for (const prefix of others) table.delete(prefix);
  }
  assert.deepEqual(
    [...changed].map(({ text }) => text),
    [withdrawn.text],
  );
});
