/** Routes on nexthop groups: when, and what a moved next hop costs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KernelMonitor, kernelNexthops, kernelRoutes, ownRoutes } from '../support/kernel-view.js';
import { type FileRoute, ROUTER1, ROUTER2, TwoFabrics } from '../support/two-fabrics.js';
import { until } from '../support/wait.js';

/** Behind another router: the main table knows the way. */
const REMOTE = '10.77.0.1';

describe('nexthop objects', () => {
  const many: readonly FileRoute[] = Array.from({ length: 500 }, (_, i) => ({
    prefix: `10.${128 + (i >> 8)}.${i & 255}.0/24`,
    nextHop: REMOTE,
  }));
  const standing = async (lab: TwoFabrics) =>
    (await kernelRoutes(lab.node, 100)).filter(({ nhid }) => nhid !== undefined).length;

  it('always: a next hop that moves is one message, whatever number of routes stands on it; never: one a route', async () => {
    await using lab = await TwoFabrics.create();
    await lab.node.ip('route', 'add', '10.77.0.0/24', 'via', '10.9.0.9');
    await lab.feed(many);
    const table = { id: 100, filters: [{ permit: {} }] };
    const config = (objects: string) => ({
      source: lab.source,
      tables: [{ ...table, nextHop: { objects } }],
    });
    const daemon = await lab.daemon(config('always'));
    assert.equal(await standing(lab), many.length);
    const groups = (await kernelNexthops(lab.node)).filter(({ group }) => group !== undefined);
    assert.equal(groups.length, 1);

    const compatible = (mode: 0 | 1) => lab.node.sysctl('net/ipv4/nexthop_compat_mode', mode);
    /** What was written to have all routes follow their next hop to another gateway. */
    const moves = async (to: string) => {
      // Else the kernel tells of every route on a changed object, though nobody wrote one.
      await compatible(0);
      await using monitor = await KernelMonitor.start(lab.node);
      await lab.node.ip('route', 'replace', '10.77.0.0/24', 'via', to);
      await until(
        async () => {
          const { tables, ready } = await daemon.status();
          return ready && tables[0]?.nextHops[0]?.resolved[0]?.startsWith(`via ${to} `);
        },
        { what: 'the next hop has moved' },
      );
      const written = await monitor.own();
      await compatible(1);
      const routes = [...(await ownRoutes(lab.node, 100, ['ipv4'])).values()];
      assert.ok(routes.every(([leg]) => leg?.startsWith(`via ${to} `)));
      return written;
    };
    const messages = await moves('10.9.1.7');
    const changed = messages.filter((line) => !/^\[ROUTE\](Deleted )?throw /.test(line));
    assert.equal(changed.filter((line) => line.startsWith('[ROUTE]')).length, 0);
    assert.equal(changed.filter((line) => line.includes(' group ')).length, 1);

    await daemon.configure(config('never'));
    await until(async () => (await kernelNexthops(lab.node)).length === 0, {
      what: 'no nexthop objects any more',
    });
    assert.equal(await standing(lab), 0);
    assert.equal((await ownRoutes(lab.node, 100, ['ipv4'])).size, many.length);
    const replaced = (await moves('10.9.0.9')).filter((line) => / via 10\.9\.0\.9 /.test(line));
    assert.equal(replaced.length, many.length);
  });

  it('auto: from above 10,000 routes on', async () => {
    await using lab = await TwoFabrics.create();
    const feed = Array.from({ length: 10_050 }, (_, i) => ({
      prefix: `10.${128 + (i >> 8)}.${i & 255}.0/24`,
      nextHop: i % 2 === 0 ? ROUTER1 : [ROUTER1, ROUTER2],
    }));
    await lab.feed(feed.slice(0, 10_000));
    const daemon = await lab.daemon({ tables: [{ id: 100, filters: [{ permit: {} }] }] });
    assert.equal(await standing(lab), 0);
    await lab.feed(feed);
    await until(async () => (await standing(lab)) === feed.length, {
      what: 'all routes stand on groups',
      everyMs: 200,
    });
    assert.equal((await daemon.status()).tables[0]?.nexthopObjects, true);
    assert.equal((await kernelNexthops(lab.node)).length, 4);
    // Some way back and forth changes nothing: only well below the mark is it given up.
    await lab.feed(feed.slice(0, 9_000));
    await until(async () => (await standing(lab)) === 9_000, { what: 'the feed', everyMs: 200 });
    await lab.feed(feed.slice(0, 4_000));
    await until(async () => (await kernelNexthops(lab.node)).length === 0, {
      what: 'routes are inline again',
      everyMs: 200,
    });
    assert.equal((await ownRoutes(lab.node, 100, ['ipv4'])).size, 4_000);
  });
});
