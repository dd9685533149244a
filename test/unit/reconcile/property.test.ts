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
import { anyConfig, anyInterjection, anyStep } from './steps.js';
import { Story } from './story.js';

test('after any story the kernel is what it should be', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyConfig,
      fc.array(anyStep, { maxLength: 30 }),
      fc.constantFrom(1, 2, 3, PACE.lot),
      fc.array(anyInterjection, { maxLength: 12 }),
      async (first, steps, lot, coming) => {
        let times = 0;
        // A copy: what fails is run again to shrink it.
        const rest = [...coming];
        // Two times of three something comes, as long as there is some, while what goes waits for its turn or as a batch is under way.
        const interject = () => {
          if (++times % 3 === 0) return;
          const next = rest.shift();
          if (next !== undefined) story.interject(next);
        };
        const story = new Story(first, { lot, turn: async () => interject() });
        const { kernel } = story.node;
        const { execute } = kernel;
        kernel.execute = async (operations) => {
          const result = execute.call(kernel, operations);
          interject();
          return await result;
        };
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
