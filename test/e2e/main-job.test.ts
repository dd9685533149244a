/**
 * The main job: a full feed reaches the table exactly, with its rules, and
 * nothing else in the kernel changes. What is expected comes from the
 * generator of the feed; what is there is read with iproute2.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import {
  kernelNexthops,
  kernelRoutes,
  kernelRules,
  OWN,
  ownRoutes,
} from '../support/kernel-view.js';
import { Lab, router, router6 } from '../support/lab.js';
import { type RouteOptions, routes } from '../support/routes.js';
import { until } from '../support/wait.js';

const IPV4: RouteOptions = { family: 'ipv4', nextHops: [0, 1, 2].map(router) };
const IPV6: RouteOptions = { family: 'ipv6', nextHops: [0, 1, 2].map(router6) };
const IPV4_COUNT = 10_000;
const IPV6_COUNT = 2_000;

/** Every route the router announced, over the next hop it named. */
function announced(): Map<string, readonly string[]> {
  const sets = [...routes(IPV4_COUNT, IPV4), ...routes(IPV6_COUNT, IPV6)];
  return new Map(
    sets.flatMap(({ prefixes, attributes }) =>
      prefixes.map((prefix) => [prefix, [`via ${attributes.nextHop} dev eth1`]] as const),
    ),
  );
}

function configuration(objects: 'auto' | 'never') {
  return {
    tables: [
      {
        id: 100,
        name: 'fabric',
        metric: 20,
        filters: [{ permit: {} }],
        nextHop: { objects },
        keepInMain: ['10.42.0.0/16'],
        rules: {
          priority: 10_000,
          from: ['203.0.113.0/24', '2001:db8:100::/56', { interface: 'eth1' }],
          match: [{ fwmark: '0x14/0xff', iif: 'eth1' }],
        },
      },
    ],
  };
}

/** Addresses of an interface of the node, other than link-local ones, as rules name them. */
const RULES = [
  '10000: from 10.9.0.1/32 lookup 100 -4',
  '10000: from 2001:db8:100::/56 lookup 100 -6',
  '10000: from 2001:db8:9::1/128 lookup 100 -6',
  '10000: from 203.0.113.0/24 lookup 100 -4',
  '10000: from all iif eth1 fwmark 0x14/0xff lookup 100 -4',
  '10000: from all iif eth1 fwmark 0x14/0xff lookup 100 -6',
];

for (const version of GOBGPD_VERSIONS) {
  describe(`10,000 IPv4 and 2,000 IPv6 routes from gobgpd ${version}`, () => {
    let lab: Lab;
    let daemon: Daemon;
    let foreignBefore: unknown;

    /** Every route of the namespace that is not rib2fib's, in whatever table. */
    const foreignRoutes = async () => {
      const found = [];
      for (const family of ['-4', '-6']) {
        const all = await lab.node.ipJson<{ protocol?: string }>(
          ...[family, 'route', 'show', 'table', 'all'],
        );
        found.push(...all.filter(({ protocol }) => protocol !== OWN));
      }
      return found;
    };
    const hasTable = (expected: ReadonlyMap<string, readonly string[]>, deadlineMs = 20_000) =>
      until(async () => (await ownRoutes(lab.node, 100)).size === expected.size, {
        what: `table 100 holds ${expected.size} routes`,
        deadlineMs,
        everyMs: 100,
      });

    before(async () => {
      lab = await Lab.start({ version, routers: 3 });
      foreignBefore = await foreignRoutes();
      await lab.router(0).announceGenerated(IPV4_COUNT, IPV4);
      await lab.router(0).announceGenerated(IPV6_COUNT, IPV6);
      await lab.hasRoutes(IPV4_COUNT, IPV6_COUNT);
      daemon = await lab.daemon(configuration('auto'));
    });
    after(() => lab[Symbol.asyncDispose]());

    it('reach table 100 exactly, on nexthop groups', async () => {
      const expected = announced();
      assert.equal(expected.size, IPV4_COUNT + IPV6_COUNT);
      assert.deepEqual(await ownRoutes(lab.node, 100), expected);
      const own = await kernelRoutes(lab.node, 100);
      const unicast = own.filter(({ type }) => type === 'unicast');
      assert.ok(unicast.every(({ metric, protocol }) => metric === 20 && protocol === OWN));
      assert.ok(unicast.every(({ nhid }) => nhid !== undefined));
      const groups = (await kernelNexthops(lab.node)).filter(({ group }) => group !== undefined);
      assert.equal(groups.length, 6); // One for each of the next hops.
    });

    it('are counted so by status, metrics and readiness', async () => {
      const { tables, ready } = await daemon.status();
      assert.ok(ready);
      const { ipv4, ipv6 } = tables[0]?.routes ?? {};
      // Two of each are kept in main: 10.42.0.0/16, and what eth1 is connected to.
      assert.deepEqual(ipv4, {
        heard: 10_000,
        accepted: 10_000,
        desired: 10_002,
        installed: 10_002,
        stale: 0,
      });
      assert.deepEqual(ipv6, {
        heard: 2_000,
        accepted: 2_000,
        desired: 2_002,
        installed: 2_002,
        stale: 0,
      });
      const { body } = await daemon.http('/metrics');
      assert.match(body, /^rib2fib_routes_installed\{table="fabric",family="ipv4"\} 10002$/m);
      assert.match(body, /^rib2fib_received_prefixes\{peer="10\.9\.0\.2",family="ipv6"\} 2000$/m);
      assert.equal((await daemon.http('/readyz')).status, 200);
    });

    it('with the rules that send traffic there, and what is kept in main', async () => {
      assert.deepEqual(await kernelRules(lab.node), RULES);
      const thrown = (await kernelRoutes(lab.node, 100)).filter(({ type }) => type === 'throw');
      assert.deepEqual(thrown.map(({ dst }) => dst).sort(), [
        '10.42.0.0/16',
        '10.9.0.0/24',
        '2001:db8:9::/64',
        'fe80::/64',
      ]);
    });

    it('route a packet from the pool, and no other', async () => {
      const [prefix = ''] = announced().keys();
      const [address = ''] = prefix.split('/');
      await lab.node.ip('address', 'add', '203.0.113.7/32', 'dev', 'lo');
      const [found] = await lab.node.ipJson<{ gateway?: string; table?: string }>(
        ...['route', 'get', address, 'from', '203.0.113.7'],
      );
      assert.equal(`via ${found?.gateway} dev eth1`, announced().get(prefix)?.[0]);
      await lab.node.ip('address', 'add', '192.0.2.7/32', 'dev', 'lo');
      await assert.rejects(
        lab.node.ip('route', 'get', address, 'from', '192.0.2.7'),
        /unreachable/,
      );
      await lab.node.ipBatch([
        'address del 203.0.113.7/32 dev lo',
        'address del 192.0.2.7/32 dev lo',
      ]);
    });

    it('stand on inline next hops just so when told', async () => {
      await daemon.configure(lab.config(configuration('never')));
      await until(async () => (await kernelNexthops(lab.node)).length === 0, {
        what: 'no nexthop object is left',
        deadlineMs: 20_000,
      });
      assert.deepEqual(await ownRoutes(lab.node, 100), announced());
    });

    it('follow withdrawals', async () => {
      const expected = announced();
      const gone = [...expected.keys()].filter((_, i) => i % 3 === 0);
      for (const prefix of gone) expected.delete(prefix);
      await lab.router(0).withdraw(gone);
      await hasTable(expected);
      assert.deepEqual(await ownRoutes(lab.node, 100), expected);
      await lab.router(0).withdraw('all');
      await hasTable(new Map());
    });

    it('and nothing of others has changed', async () => {
      assert.deepEqual(await foreignRoutes(), foreignBefore);
    });
  });
}
