/** A carrier that comes back at once: whatever the kernel dropped meanwhile is back at once too. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatusReport } from '../../src/admin/report.js';
import { ownRoutes } from '../support/kernel-view.js';
import { ROUTER1, ROUTER1_V6, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const FLAPS = 5;

describe('a carrier that flaps', () => {
  for (const objects of ['always', 'never'] as const) {
    it(`with nexthop objects ${objects}: no route waits for a retry`, async () => {
      await using lab = await TwoFabrics.create();
      const feed = Array.from({ length: 20 }, (_, i) => [
        { prefix: `10.1.${i}.0/24`, nextHop: ROUTER1 },
        { prefix: `2001:db8:1000:${i + 1}::/64`, nextHop: ROUTER1_V6 },
      ]).flat();
      await lab.feed(feed);
      const table = { id: 100, filters: [{ permit: {} }], nextHop: { objects } };
      const daemon = await lab.daemon({ tables: [table] });
      const standing = async () => (await ownRoutes(lab.node, 100)).size;
      // A refused operation waits a second at least: it cannot be missed.
      const waiting: StatusReport['kernel']['failing'][number][] = [];
      for (let flap = 0; flap < FLAPS; flap++) {
        await lab.router1.ip('link', 'set', 'n0', 'down');
        await until(async () => (await standing()) < feed.length, { what: 'routes go' });
        await lab.router1.ip('link', 'set', 'n0', 'up');
        await until(
          async () => {
            waiting.push(...(await daemon.status()).kernel.failing);
            return (await standing()) === feed.length;
          },
          { what: 'all routes are back', everyMs: 10 },
        );
      }
      assert.deepEqual(waiting, []);
    });
  }
});
