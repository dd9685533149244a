/** A carrier that comes back at once: whatever the kernel dropped meanwhile is back at once too. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ownRoutes } from '../support/kernel-view.js';
import { ROUTER1, ROUTER1_V6, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

const FLAPS = 5;
const FIRST_RETRY_MS = 900;

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
      // What is refused at the moment of a change may be tried again at once; a wait is a second at least.
      const waited: string[] = [];
      for (let flap = 0; flap < FLAPS; flap++) {
        await lab.router1.ip('link', 'set', 'n0', 'down');
        await until(async () => (await standing()) < feed.length, { what: 'routes go' });
        await lab.router1.ip('link', 'set', 'n0', 'up');
        const since = new Map<string, number>();
        await until(
          async () => {
            const asked = performance.now();
            const { failing } = (await daemon.status()).kernel;
            const now = new Set(failing.map(({ what }) => what));
            for (const what of since.keys()) if (!now.has(what)) since.delete(what);
            for (const what of now) {
              const first = since.get(what) ?? performance.now();
              since.set(what, first);
              if (asked - first >= FIRST_RETRY_MS) waited.push(what);
            }
            return (await standing()) === feed.length;
          },
          { what: 'all routes are back', everyMs: 10 },
        );
      }
      assert.deepEqual(waited, []);
    });
  }
});
