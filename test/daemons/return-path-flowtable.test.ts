/** Connection marks beside a flowtable, in a kernel that has them (test/guest/flowtable.ts). */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runInGuest } from '../support/guest.js';

/** Below what scripts/run-test-files.ts gives a file, so that the console is seen. */
const DEADLINE_MS = 220_000;

it('marked connections and a flowtable, in a guest', async (t) => {
  const { results, exit, console } = await runInGuest('test/guest/flowtable.ts', DEADLINE_MS);
  for (const { name, fault } of results) {
    await t.test(name, () => assert.ok(fault === undefined, fault));
  }
  assert.equal(exit, 0, console);
  assert.equal(results.length, 4, console);
});
