/** A gobgpd that is stopped under a large table: what an upgrade of its container does. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { KernelMonitor, kernelRoutes } from '../support/kernel-view.js';
import { Lab, router } from '../support/lab.js';
import { until } from '../support/wait.js';

/** Notices of routes that went. */
async function deletions(monitor: KernelMonitor): Promise<readonly string[]> {
  return (await monitor.settled()).filter((line) => line.includes('Deleted'));
}

async function sourceState(daemon: Daemon): Promise<string> {
  const { source } = await daemon.status();
  return `${source.state.state}, feed ${source.feed.state}`;
}

/** How many routes router 0 and router 1 announce. */
const SIZES = { '3.10': [10_000, 2_000], '4.8': [100_000, 2_000] } as const;

for (const version of GOBGPD_VERSIONS) {
  const [many, some] = SIZES[version];
  describe(`SIGTERM of gobgpd ${version} with ${many + some} routes of two peers`, () => {
    let lab: Lab;
    let daemon: Daemon;
    const total = many + some;

    before(async () => {
      lab = await Lab.start({ version, routers: 2 });
      await lab.router(0).announceGenerated(many, { family: 'ipv4', nextHops: [router(0)] });
      await lab.router(1).announceGenerated(some, {
        family: 'ipv4',
        nextHops: [router(1)],
        within: '10.64.0.0/10',
      });
      await lab.hasRoutes(total);
      const tables = [{ id: 100, filters: [{ permit: {} }] }];
      daemon = await lab.daemon({ hold: '300s', tables }, { deadlineMs: 90_000 });
    });
    after(() => lab[Symbol.asyncDispose]());

    it('empties nothing', async () => {
      const unicast = async () =>
        (await kernelRoutes(lab.node, 100, ['ipv4'])).filter(({ type }) => type === 'unicast');
      await until(async () => (await unicast()).length === total, {
        what: `table 100 holds ${total} routes`,
        deadlineMs: 30_000,
        everyMs: 200,
      });
      await using monitor = await KernelMonitor.start(lab.node);
      await lab.gobgpd.stop('SIGTERM');
      await until(async () => (await sourceState(daemon)) === 'lost, feed stale', {
        what: 'the source is lost',
      });
      assert.deepEqual(await deletions(monitor), []);
      assert.equal((await unicast()).length, total);
      await lab.gobgpd.launch();
      await until(async () => (await sourceState(daemon)) === 'synced, feed synced', {
        what: 'synced again',
        deadlineMs: 60_000,
        everyMs: 100,
      });
      assert.deepEqual(await monitor.settled(), []);
      assert.equal((await unicast()).length, total);
    });
  });
}
