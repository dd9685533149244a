/** A restart of the daemon is not felt: the kernel's own notifications are counted, and there are none. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import {
  KernelMonitor,
  kernelNexthops,
  kernelRoutes,
  kernelRules,
  ownRoutes,
} from '../support/kernel-view.js';
import { Lab, router, router6 } from '../support/lab.js';
import { until } from '../support/wait.js';

const MANY = 300;

/** Everything rib2fib can write, inline (100) and on nexthop groups (101). */
const TABLES = (['never', 'always'] as const).map((objects, i) => ({
  id: 100 + i,
  name: objects,
  filters: [{ permit: {} }],
  nextHop: { objects },
  onMiss: 'unreachable',
  static: [
    {
      prefix: '0.0.0.0/0',
      via: [{ gateway: router(0), weight: 2 }, { gateway: router(1) }],
    },
    { prefix: '2001:db8:f::/48', via: [{ gateway: router6(0) }, { gateway: router6(1) }] },
  ],
  keepInMain: ['10.42.0.0/16', '2001:db8:42::/48'],
  rules: {
    priority: 10_000 + i,
    from: ['203.0.113.0/24', '2001:db8:100::/56', { interface: 'eth1' }],
    match: [{ fwmark: '0x14/0xff', iif: 'eth1' }, { to: '198.51.100.0/24' }],
  },
}));

for (const version of GOBGPD_VERSIONS) {
  describe(`a restart of rib2fib, with gobgpd ${version} running on`, () => {
    let lab: Lab;
    let daemon: Daemon;

    /** All that is rib2fib's in the kernel, but for the kernel's own marks. */
    const holdings = async () => ({
      inline: await kernelRoutes(lab.node, 100),
      objects: await kernelRoutes(lab.node, 101),
      rules: await kernelRules(lab.node),
      nexthops: await kernelNexthops(lab.node),
    });

    before(async () => {
      lab = await Lab.start({ version, routers: 2, gobgpd: { multipath: true } });
      for (const i of [0, 1]) {
        const linkBandwidth = { as: 65001, bytesPerSecond: 1_000_000 * (i + 1) };
        await lab.router(i).announce([
          { attributes: { nextHop: router(i) }, prefixes: ['10.1.0.0/24', '10.1.1.0/24'] },
          { attributes: { nextHop: router6(i) }, prefixes: ['2001:db8:a::/48'] },
          { attributes: { nextHop: router(i), linkBandwidth }, prefixes: ['10.2.0.0/24'] },
          { attributes: { nextHop: router6(i), linkBandwidth }, prefixes: ['2001:db8:b::/48'] },
        ]);
      }
      await lab.router(0).announceGenerated(MANY, {
        family: 'ipv4',
        nextHops: [router(0), router(1), router6(0)],
      });
      await lab.router(0).announceGenerated(MANY, {
        family: 'ipv6',
        nextHops: [router6(0), router6(1)],
      });
      await lab.hasRoutes(MANY + 3, MANY + 2);
      daemon = await lab.daemon({ tables: TABLES });
      for (const id of [100, 101]) {
        await until(async () => (await ownRoutes(lab.node, id)).size === 2 * MANY + 7, {
          what: `table ${id} holds everything`,
        });
      }
    });
    after(() => lab[Symbol.asyncDispose]());

    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      it(`writes nothing after ${signal}`, async () => {
        await using monitor = await KernelMonitor.start(lab.node);
        const then = await holdings();
        const code = await daemon.stop(signal);
        assert.equal(code, signal === 'SIGTERM' ? 0 : null);
        assert.deepEqual(await holdings(), then);
        await daemon.launch();
        const { tables, kernel } = await daemon.status();
        assert.equal(kernel.failingTotal, 0);
        for (const { routes } of tables) {
          assert.equal(routes.ipv4.installed, routes.ipv4.desired);
          assert.equal(routes.ipv6.installed, routes.ipv6.desired);
        }
        assert.deepEqual(await monitor.settled(), []);
        assert.deepEqual(await holdings(), then);
      });
    }

    it('writes what changed meanwhile, and no more', async () => {
      await daemon.stop();
      await using monitor = await KernelMonitor.start(lab.node);
      await lab.router(0).withdraw(['10.1.0.0/24']);
      await lab.router(1).withdraw(['10.1.0.0/24', '10.1.1.0/24']);
      await lab
        .router(0)
        .announce([{ attributes: { nextHop: router(0) }, prefixes: ['10.3.0.0/24'] }]);
      await daemon.launch();
      for (const id of [100, 101]) {
        await until(async () => !(await ownRoutes(lab.node, id)).has('10.1.0.0/24'), {
          what: `10.1.0.0/24 is gone from table ${id}`,
        });
        const routes = await ownRoutes(lab.node, id);
        assert.deepEqual(routes.get('10.1.1.0/24'), [`via ${router(0)} dev eth1`]);
        assert.deepEqual(routes.get('10.3.0.0/24'), [`via ${router(0)} dev eth1`]);
      }
      const lines = (await monitor.own()).filter((line) => line.includes('[ROUTE]'));
      assert.equal(lines.length, 6, lines.join('\n'));
    });

    it('with a table less in its configuration takes that one out, and touches no other', async () => {
      await daemon.stop();
      await using monitor = await KernelMonitor.start(lab.node);
      await daemon.configure(lab.config({ tables: TABLES.slice(0, 1) }));
      await daemon.launch();
      await until(async () => (await kernelNexthops(lab.node)).length === 0, {
        what: 'the nexthop objects are gone',
      });
      assert.deepEqual(await kernelRoutes(lab.node, 101), []);
      assert.ok((await kernelRules(lab.node)).every((rule) => rule.includes('lookup 100')));
      const others = (await monitor.own()).filter((line) => / (table|lookup) 100 /.test(line));
      assert.deepEqual(others, []);
    });
  });
}
