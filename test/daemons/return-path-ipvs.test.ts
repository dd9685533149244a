/**
 * Replies leave by the fabric that brought the request, behind kube-proxy in ipvs mode too: the same lab and
 * the same proof as in return-path.test.ts, in a kernel that has IPVS (test/guest/return-path-ipvs.ts).
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runInGuest } from '../support/guest.js';

/** Below what scripts/run-test-files.ts gives a file, so that the console is seen. */
const DEADLINE_MS = 220_000;

it('replies of services behind ipvs, in a guest', async (t) => {
  const { results, exit, console } = await runInGuest(
    'test/guest/return-path-ipvs.ts',
    DEADLINE_MS,
  );
  for (const { name, milliseconds, fault } of results) {
    t.diagnostic(`${milliseconds} ms in the guest: ${name}`);
    await t.test(name, () => assert.ok(fault === undefined, fault));
  }
  assert.equal(exit, 0, `the guest ended with ${exit ?? 'nothing'}:\n${console}`);
  const means = results.flatMap(({ name }) => /: with (\w+):/.exec(name)?.[1] ?? []);
  assert.deepEqual(means, ['nothing', 'source', 'endpoints', 'connmark'], console);
});
