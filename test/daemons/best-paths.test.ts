/** The short form of `npm run test:differential`: what the kernel has of rib2fib beside each daemon's own best paths. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { comparisonText } from '../differential/comparison.js';
import { compareWith, DAEMONS, unreached } from '../differential/daemons.js';
import { randomTable } from '../differential/table.js';
import { Random } from '../support/random.js';

const PREFIXES = 1500;
const SEED = Math.floor(Math.random() * 2 ** 31);
/** One for each way the daemon can be told to choose. */
const COMPARISONS = {
  ...{ 'gobgp-3.10': 3, 'gobgp-4.8': 3, 'frr-8.4': 4, 'frr-10.3': 4, 'bird-2': 2 },
} as const;

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
        const most = daemon.startsWith('gobgp') ? PREFIXES / 10 : PREFIXES / 20;
        assert.ok(explained < most, comparisonText(comparison));
        comparisons++;
      }
      assert.equal(comparisons, COMPARISONS[daemon]);
    });
  }
});
