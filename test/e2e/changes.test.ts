/** Changes after the first feed: each follows into the kernel, in place, and touches nothing else. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FeedAttributes } from '../support/bgp-wire.js';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { KernelMonitor, ownRoutes } from '../support/kernel-view.js';
import { Lab, legs, legs6, router, router6 } from '../support/lab.js';
import { until } from '../support/wait.js';

const PERMITTED = '65001:100';
const NETS = ['10.1.0.0/24', '10.1.1.0/24', '10.1.2.0/24', '10.1.3.0/24'];
const NETS6 = ['2001:db8:a::/48', '2001:db8:b::/48'];

const CONFIG = {
  tables: ['never', 'always'].map((objects, i) => ({
    id: 100 + i,
    filters: [{ permit: { community: PERMITTED } }],
    nextHop: { objects },
  })),
};

for (const version of GOBGPD_VERSIONS) {
  describe(`changes from gobgpd ${version}`, () => {
    let lab: Lab;
    let daemon: Daemon;
    /** What both tables are to hold: one has inline next hops, the other nexthop groups. */
    const expected = new Map<string, readonly string[]>();

    const announce = (prefixes: readonly string[], attributes: Partial<FeedAttributes> = {}) => {
      const nextHop = prefixes[0]?.includes(':') ? router6(0) : router(0);
      const all = { nextHop, communities: [PERMITTED], ...attributes };
      return lab.router(0).announce([{ attributes: all, prefixes }]);
    };
    const follows = async (what: string) => {
      for (const table of [100, 101]) {
        await until(
          async () => {
            assert.deepEqual(await ownRoutes(lab.node, table), expected);
            return true;
          },
          { what: `table ${table}: ${what}` },
        );
      }
    };
    const is = (prefixes: readonly string[], route: readonly string[]) => {
      for (const prefix of prefixes) expected.set(prefix, route);
    };

    before(async () => {
      lab = await Lab.start({ version, routers: 2 });
      await announce(NETS);
      await announce(NETS6);
      await lab.hasRoutes(4, 2);
      daemon = await lab.daemon(CONFIG);
      is(NETS, legs(0));
      is(NETS6, legs6(0));
      await follows('the first feed');
    });
    after(() => lab[Symbol.asyncDispose]());

    it('a new prefix comes, a withdrawn one goes, the others are not touched', async () => {
      await using monitor = await KernelMonitor.start(lab.node);
      await announce(['10.1.4.0/24', '10.1.4.128/25']);
      is(['10.1.4.0/24', '10.1.4.128/25'], legs(0));
      await follows('two more');
      await lab.router(0).withdraw(['10.1.3.0/24', '2001:db8:b::/48']);
      expected.delete('10.1.3.0/24');
      expected.delete('2001:db8:b::/48');
      await follows('two less');
      const lines = await monitor.settled();
      assert.equal(lines.filter((line) => line.includes('[ROUTE]')).length, 8, lines.join('\n'));
    });

    it('a changed next hop replaces the route in place', async () => {
      await using monitor = await KernelMonitor.start(lab.node);
      await announce(NETS.slice(0, 2), { nextHop: router(1) });
      await announce(['2001:db8:a::/48'], { nextHop: router6(1) });
      is(NETS.slice(0, 2), legs(1));
      is(['2001:db8:a::/48'], legs6(1));
      await follows('the other router');
      const lines = await monitor.settled();
      assert.ok(!lines.some((line) => line.includes('[ROUTE]Deleted')), lines.join('\n'));
    });

    it('a community that flips the filter takes the route out, and back', async () => {
      await announce(['10.1.2.0/24'], { communities: ['65001:666'] });
      expected.delete('10.1.2.0/24');
      await follows('without it');
      const [rejected] = await daemon.routes({ state: 'rejected', table: 'table100' });
      assert.equal(rejected?.prefix, '10.1.2.0/24');
      assert.equal(rejected?.reason, 'no-match');
      await announce(['10.1.2.0/24'], { communities: ['65001:666', PERMITTED] });
      is(['10.1.2.0/24'], legs(0));
      await follows('with it again');
    });

    it('an attribute that changes nothing here costs no write', async () => {
      await using monitor = await KernelMonitor.start(lab.node);
      await announce(['10.1.2.0/24'], { med: 50, asPath: [65010, 65011] });
      await until(
        async () => {
          const [route] = await daemon
            .routes({ table: 'table100', limit: '1000' })
            .then((routes) => routes.filter(({ prefix }) => prefix === '10.1.2.0/24'));
          return route?.asPath === '65001 65010 65011';
        },
        { what: 'the new AS path is heard' },
      );
      await announce(['10.1.9.0/24']); // Whatever the one before had caused is behind this.
      is(['10.1.9.0/24'], legs(0));
      await follows('the marker');
      const lines = await monitor.settled();
      assert.ok(!lines.some((line) => line.includes('10.1.2.0/24')), lines.join('\n'));
    });

    it('an IPv4 route may have an IPv6 next hop', async () => {
      await announce(['10.1.8.0/24'], { nextHop: router6(1) });
      is(['10.1.8.0/24'], legs6(1));
      await follows('RFC 8950');
    });

    it('an unreachable next hop is a rejected route with that reason, and comes back', async () => {
      await announce(['10.1.7.0/24'], { nextHop: '10.77.0.1' });
      await until(
        async () => {
          const [route] = await daemon.routes({ reason: 'next-hop-unreachable' });
          return route?.prefix === '10.1.7.0/24';
        },
        { what: 'rejected for its next hop' },
      );
      await follows('without it');
      await lab.node.ip('route', 'add', '10.77.0.0/24', 'via', router(1));
      is(['10.1.7.0/24'], legs(1));
      await follows('once it can be reached');
      await lab.node.ip('route', 'del', '10.77.0.0/24');
      expected.delete('10.1.7.0/24');
      await follows('no more');
    });

    it('a foreign route of the same prefix and metric is neither overwritten nor removed', async () => {
      const foreign = ['10.1.6.0/24', 'via', router(1), 'dev', 'eth1', 'metric', '20'];
      await lab.node.ip('route', 'add', ...foreign, 'table', '100', 'proto', 'static');
      await announce(['10.1.6.0/24']);
      await until(async () => (await ownRoutes(lab.node, 101)).has('10.1.6.0/24'), {
        what: 'table 101 has it',
      });
      await until(async () => (await daemon.routes({ reason: 'foreign-route' })).length === 1, {
        what: 'it is told',
      });
      const text = await lab.node.ip('route', 'show', '10.1.6.0/24', 'table', '100');
      assert.match(text, /via 10\.9\.0\.3 dev eth1 proto static metric 20/);
      await lab.router(0).withdraw(['10.1.6.0/24']);
      await follows('as before');
      assert.equal(await lab.node.ip('route', 'show', '10.1.6.0/24', 'table', '100'), text);
    });

    it('what others delete of ours is put back', async () => {
      await lab.node.ip('route', 'flush', 'table', '100', 'proto', '178');
      await follows('repaired');
      await until(
        async () =>
          /drift_repaired_total\{kind="route"\} \d/.test((await daemon.http('/metrics')).body),
        { what: 'it is counted' },
      );
    });

    it('all withdrawn: the tables are empty', async () => {
      await lab.router(0).withdraw('all');
      expected.clear();
      await follows('empty');
    });
  });
}
