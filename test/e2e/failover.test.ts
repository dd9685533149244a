/** 100,000 routes on one next hop: nothing is lost, and what moves costs the same as for 1,000. How long it takes is the bench's matter. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Failover } from '../support/failover.js';

it('a next hop that moves takes as many messages for 100,000 routes as for 1,000', async () => {
  const messages: number[] = [];
  for (const routes of [1_000, 100_000]) {
    await using failover = await Failover.start(routes);
    for (let move = 0; move < 3; move++) {
      messages.push((await failover.move()).messages);
      assert.equal(failover.installed(), routes);
    }
    await failover.flap();
    assert.equal(failover.installed(), routes);
    assert.equal(await failover.daemon.metric('drift_repaired_total'), 0);
  }
  // A single added, the group replaced, a single deleted; and for each family a `throw` route of a connected prefix.
  assert.deepEqual(
    messages,
    messages.map(() => 7),
  );
});
