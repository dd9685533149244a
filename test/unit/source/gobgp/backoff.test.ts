import assert from 'node:assert/strict';
import { it } from 'node:test';
import { backoff } from '../../../../src/source/gobgp/backoff.js';

it('backoff grows from half a second to ten, less up to a quarter', () => {
  const longest = Array.from({ length: 9 }, (_, i) => backoff(i + 1, () => 1));
  assert.deepEqual(longest, [500, 800, 1280, 2048, 3277, 5243, 8389, 10_000, 10_000]);
  assert.equal(
    backoff(1, () => 0),
    375,
  );
  assert.equal(
    backoff(1000, () => 0),
    7500,
  );
});
