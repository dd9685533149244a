import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeStep, drawStep } from '../../chaos/steps.js';
import { Random } from '../../support/random.js';

const SETTING = { version: '4.8', multipath: true, gracefulRestart: false, routes: 0 } as const;

function history(seed: number): readonly string[] {
  const random = new Random(seed);
  return Array.from({ length: 300 }, () => describeStep(drawStep(random, SETTING)));
}

test('a seed draws the same steps each time, and another one others', () => {
  assert.deepEqual(history(7), history(7));
  assert.notDeepEqual(history(7), history(8));
});

test('the faults of a step share nothing, its changes need nothing that is broken, all is mended', () => {
  const random = new Random(1);
  const kinds = new Set<string>();
  for (let i = 0; i < 3000; i++) {
    const { faults, changes, mends } = drawStep(random, SETTING);
    const used = faults.flatMap(({ uses }) => uses);
    assert.equal(new Set(used).size, used.length);
    assert.ok(changes.every(({ needs }) => needs.every((need) => !used.includes(need))));
    assert.deepEqual(new Set(mends), new Set(faults));
    for (const { kind } of [...faults, ...changes]) kinds.add(kind);
  }
  assert.equal(kinds.size, 35, [...kinds].sort().join('\n'));
});
