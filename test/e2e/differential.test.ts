/** The short form of `npm run test:differential`: what the kernel has of rib2fib beside each daemon's own best paths. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { comparisonText } from '../differential/comparison.js';
import { compareWith, DAEMONS, unreached } from '../differential/daemons.js';
import { randomTable } from '../differential/table.js';
import { Random } from '../support/random.js';

const PREFIXES = 1500;
const SEED = Math.floor(Math.random() * 2 ** 31);

describe(`best paths, ${PREFIXES} prefixes, seed ${SEED}`, { concurrency: DAEMONS.length }, () => {
  for (const daemon of DAEMONS) {
    it(`are those of ${daemon}`, async () => {
      const random = new Random(SEED);
      const table = randomTable(PREFIXES, random);
      let comparisons = 0;
      for await (const comparison of compareWith(daemon, table, random)) {
        assert.deepEqual(comparison.differences, [], comparisonText(comparison));
        assert.deepEqual(unreached(comparison), [], comparisonText(comparison));
        assert.equal(comparison.prefixes, PREFIXES);
        const explained = [...comparison.explained.values()].reduce((a, b) => a + b, 0);
        // Most of them by what GoBGP does not compare.
        const most = daemon.startsWith('frr') ? PREFIXES / 20 : PREFIXES / 10;
        assert.ok(explained < most, comparisonText(comparison));
        comparisons++;
      }
      assert.equal(comparisons, daemon.startsWith('frr') ? 4 : 3);
    });
  }
});
