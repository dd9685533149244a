/**
 * Whatever happens, in whatever order: once it is quiet, the kernel is what the
 * configuration, the source and the node say, as a model of the test's own
 * works it out, in lots of whatever size. On the way no foreign object is
 * touched (the fake kernel throws), the loop never spins, and nothing is refused
 * that the test did not have refused.
 */
import { test } from 'node:test';
import fc from 'fast-check';
import { PACE } from '../../../src/reconcile/pace.js';
import { anyConfig, anyStep } from './steps.js';
import { Story } from './story.js';

test('after any story the kernel is what it should be', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyConfig,
      fc.array(anyStep, { maxLength: 30 }),
      fc.constantFrom(1, 2, 3, PACE.lot),
      fc.boolean(),
      async (first, steps, lot, busy) => {
        let turns = 0;
        // Every other time something has come up while what goes waits for its turn.
        const turn = async () => {
          if (!busy || ++turns % 2 === 0) return;
          for (const table of story.node.engine.tables.values()) table.touch();
        };
        const story = new Story(first, { lot, turn });
        await story.node.start();
        for (const step of steps) await story.tell(step);
        await story.quiet();
        story.check();
        await story.node.stop();
      },
    ),
    { numRuns: 300 },
  );
});
