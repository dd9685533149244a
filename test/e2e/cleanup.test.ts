/** `cleanup`, and `run --flush`: all that is rib2fib's goes, and nothing else, in its own tables too. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Daemon, rib2fib } from '../support/daemon.js';
import { GOBGPD_VERSIONS } from '../support/gobgpd.js';
import { kernelNexthops, kernelRoutes, kernelRules, OWN } from '../support/kernel-view.js';
import { Lab, router, router6 } from '../support/lab.js';
import { until } from '../support/wait.js';

/** What others have in the very tables, at the very priorities, and with ids beside ours. */
const FOREIGN = [
  'nexthop add id 7 via 10.9.0.2 dev eth1',
  'nexthop add id 8 group 7 proto zebra',
  'nexthop add id 0x4ffffff0 via 10.9.0.3 dev eth1 proto static',
  'route add 192.0.2.0/24 via 10.9.0.2 table 100 proto static',
  'route add 10.1.0.0/24 via 10.9.0.3 table 100 proto bgp metric 30',
  'route add 192.0.3.0/24 nhid 8 table 101 proto zebra',
  'route add 2001:db8:f::/48 via 2001:db8:9::2 dev eth1 table 100 metric 20',
  'route add 192.0.4.0/24 via 10.9.0.2',
  'rule add from 192.0.2.1 lookup 100 priority 10000',
  'rule add from 203.0.113.0/24 lookup 100 priority 10000 protocol static',
  'rule add fwmark 0x99 lookup 101 priority 9000',
];

const CONFIG = {
  tables: (['never', 'always'] as const).map((objects, i) => ({
    id: 100 + i,
    filters: [{ permit: {} }],
    nextHop: { objects },
    onMiss: 'unreachable',
    keepInMain: ['10.42.0.0/16'],
    static: [{ prefix: '198.51.100.0/24', via: [{ gateway: router(0) }] }],
    rules: {
      priority: 10_000 + i,
      from: ['203.0.113.0/24', '2001:db8:100::/56'],
      match: [{ fwmark: '0x14/0xff' }],
    },
  })),
};

for (const version of GOBGPD_VERSIONS) {
  describe(`what is left behind, with gobgpd ${version}`, () => {
    let lab: Lab;
    let daemon: Daemon;
    let untouched: unknown;

    const everything = async () => {
      const found = [];
      for (const family of ['-4', '-6']) {
        found.push(await lab.node.ipJson(family, 'route', 'show', 'table', 'all'));
        found.push(await lab.node.ipJson(family, 'rule', 'show'));
      }
      return [...found, await kernelNexthops(lab.node, 'all')];
    };
    const own = async () => ({
      routes: [
        ...(await kernelRoutes(lab.node, 100)),
        ...(await kernelRoutes(lab.node, 101)),
      ].filter(({ protocol }) => protocol === OWN).length,
      rules: (await kernelRules(lab.node)).length,
      nexthops: (await kernelNexthops(lab.node)).length,
    });
    /** 40 + 20 + 1 learned, a static one, and what is thrown or unreachable, in each table. */
    const isFull = () =>
      until(async () => (await own()).routes >= 2 * 62 && (await own()).rules === 8, {
        what: 'both tables are full',
      });

    before(async () => {
      lab = await Lab.start({ version, routers: 2 });
      const attributes = { nextHop: router(0) };
      await lab.router(0).announce([{ attributes, prefixes: ['10.1.0.0/24'] }]);
      await lab.router(0).announceGenerated(40, { family: 'ipv4', nextHops: [0, 1].map(router) });
      await lab.router(0).announceGenerated(20, { family: 'ipv6', nextHops: [0, 1].map(router6) });
      await lab.hasRoutes(41, 20);
      await lab.node.ipBatch(FOREIGN);
      untouched = await everything();
      daemon = await lab.daemon(CONFIG);
      await isFull();
    });
    after(() => lab[Symbol.asyncDispose]());

    it('cleanup refuses while a daemon runs', async () => {
      const held = await own();
      const { code, stderr } = await rib2fib(lab.node, ['cleanup']);
      assert.equal(code, 1);
      assert.match(stderr, /runs/);
      assert.deepEqual(await own(), held);
    });

    it('a stopped daemon leaves all there; cleanup takes all of ours, and only that', async () => {
      const held = await own();
      assert.equal(await daemon.stop(), 0);
      assert.deepEqual(await own(), held);
      const { code, stdout } = await rib2fib(lab.node, ['cleanup', '--json']);
      assert.equal(code, 0);
      assert.deepEqual(JSON.parse(stdout), { ...held, connmark: false, failed: [] });
      assert.deepEqual(await everything(), untouched);
    });

    it('once more, there is nothing to do', async () => {
      const { code, stdout } = await rib2fib(lab.node, ['cleanup']);
      assert.equal(code, 0);
      assert.match(stdout, /nothing of rib2fib was in the kernel/);
    });

    it('run --flush does the same when it ends', async () => {
      await daemon.launch({ args: ['--flush'] });
      await isFull();
      assert.equal(await daemon.stop(), 0);
      assert.deepEqual(await everything(), untouched);
    });
  });
}
