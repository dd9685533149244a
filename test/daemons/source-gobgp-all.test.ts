/** Source `gobgp` with `paths: all`, against real daemons: every path of every peer, and each table's own choice among them. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Path } from '../../src/rib/path.js';
import { startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS, startGobgpd } from '../support/gobgpd.js';
import { ownRoutes } from '../support/kernel-view.js';
import { Lab, legs, router, router6 } from '../support/lab.js';
import { connect, createNetns } from '../support/netns.js';
import type { RouteSet } from '../support/routes.js';
import { Consumer } from '../support/source-consumer.js';
import { stays, until } from '../support/wait.js';

const COUNT = 3000;
const prefixes = Array.from({ length: COUNT }, (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`);
const own = (i: number): RouteSet[] => [{ prefixes, attributes: { nextHop: router(i) } }];
type Offers = ReadonlyMap<string, readonly string[]>;
const both: Offers = new Map(prefixes.map((prefix) => [prefix, [router(0), router(1)]]));
const only = (i: number): Offers => new Map(prefixes.map((prefix) => [prefix, [router(i)]]));
const merged = (...maps: readonly Iterable<readonly [string, readonly string[]]>[]): Offers =>
  new Map(maps.flatMap((map) => [...map]));

/** Routes that bear 65000:13 are rejected by gobgpd itself. */
const REJECT_13 = {
  'defined-sets': {
    'bgp-defined-sets': {
      'community-sets': [{ 'community-set-name': 'thirteen', 'community-list': ['65000:13'] }],
    },
  },
  'policy-definitions': [
    {
      name: 'no-thirteen',
      statements: [
        {
          conditions: {
            'bgp-conditions': { 'match-community-set': { 'community-set': 'thirteen' } },
          },
          actions: { 'route-disposition': 'reject-route' },
        },
      ],
    },
  ],
};

for (const version of GOBGPD_VERSIONS) {
  describe(`source gobgp, all paths, gobgpd ${version}`, () => {
    let lab: Lab;
    const consume = () => new Consumer(lab.gobgpd.address, 60_000, { paths: 'all' });
    before(async () => {
      lab = await Lab.start({ version, routers: 2 });
      await Promise.all([lab.router(0).announce(own(0)), lab.router(1).announce(own(1))]);
      await lab.hasRoutes(COUNT);
    });
    after(() => lab[Symbol.asyncDispose]());

    it('offers every path of the table as it stands, with what selection asks for', async () => {
      await using consumer = consume();
      await consumer.is('synced');
      await consumer.offers(both);
      assert.deepEqual(consumer.marks, ['reset', 'synced ipv4', 'synced ipv6']);
      assert.equal(consumer.source.offers, 'all');
      assert.equal(consumer.source.counters().undecodable, 0);
      // One event a prefix: the sets came whole.
      assert.equal(consumer.updates, COUNT);
      const paths = consumer.paths.get(prefixes[0] ?? '') ?? [];
      const of = (i: number) => paths.find(({ peer }) => peer === router(i)) as Path;
      assert.deepEqual(of(0).session, { type: 'external', routerId: 0x0a090002 });
      assert.deepEqual(of(1).session, { type: 'external', routerId: 0x0a090003 });
      const age = Date.now() - (of(0).receivedAt ?? 0);
      assert.ok(age > -2000 && age < 120_000, `${age} ms`);
      assert.equal(consumer.paths.get(prefixes[1] ?? '')?.[0]?.session, of(0).session);
    });

    it('tells of each path as it comes, changes and goes', async () => {
      await using consumer = consume();
      await consumer.is('synced');
      await lab.router(0).withdraw(prefixes.slice(0, 10));
      const fewer = merged(both, [...only(1)].slice(0, 10));
      await consumer.offers(fewer);
      await lab
        .router(0)
        .announce([
          { prefixes: prefixes.slice(0, 1), attributes: { nextHop: '10.9.0.77', med: 7 } },
        ]);
      await consumer.offers(merged(fewer, [[prefixes[0] ?? '', ['10.9.0.3', '10.9.0.77']]]));
      const changed = consumer.paths.get(prefixes[0] ?? '');
      assert.equal(changed?.find(({ peer }) => peer === router(0))?.attributes.med, 7);
      await lab.router(0).announce(own(0));
      await consumer.offers(both);
      const { updates } = consumer;
      await lab.router(0).announce(own(0));
      await stays(() => consumer.offered.size === COUNT, { what: 'all offered', forMs: 500 });
      assert.ok(consumer.updates >= updates);
      await consumer.offers(both);
    });

    it('leaves out what the daemon originates, and keeps what its peers say of the same', async () => {
      await using consumer = consume();
      await consumer.is('synced');
      await lab.gobgpd.cli('global', 'rib', 'add', prefixes[0] ?? '', 'nexthop', '10.9.0.1');
      await lab.gobgpd.cli('global', 'rib', 'add', '198.51.100.0/24', 'nexthop', '10.9.0.1');
      await lab.router(0).withdraw(prefixes.slice(1, 2));
      await consumer.offers(merged(both, [[prefixes[1] ?? '', [router(1)]]]));
      await using later = consume();
      await later.is('synced');
      await later.offers(merged(both, [[prefixes[1] ?? '', [router(1)]]]));
      await lab.gobgpd.cli('global', 'rib', 'del', prefixes[0] ?? '');
      await lab.gobgpd.cli('global', 'rib', 'del', '198.51.100.0/24');
      await lab.router(0).announce(own(0));
      await consumer.offers(both);
    });

    it('believes the loss of one peer at once, and of the last within three seconds', async () => {
      await using consumer = consume();
      await consumer.is('synced');
      await lab.router(1).drop();
      await consumer.offers(only(0), 2000);
      await lab.router(0).drop();
      await consumer.offers(new Map(), 4000);
      assert.equal(consumer.state, 'synced');
      await Promise.all([lab.router(0).connect(), lab.router(1).connect()]);
      await consumer.offers(both);
    });

    it('believes no withdrawal of a gobgpd that is stopped or killed', async () => {
      await using consumer = consume();
      await consumer.is('synced');
      await consumer.offers(both);
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        await lab.gobgpd.stop(signal);
        await consumer.is('lost');
        assert.deepEqual(consumer.offered, both, signal);
        await lab.gobgpd.launch();
        await consumer.is('synced', 40_000);
        await consumer.offers(both);
      }
      assert.equal(consumer.withdrawn, 0);
    });

    it('misses nothing that changes while the table is read', async () => {
      for (let round = 0; round < 4; round++) {
        const gone = prefixes.filter((_, i) => i % 4 === round);
        await using consumer = consume();
        await lab.router(0).withdraw(gone);
        await lab.router(1).announce([{ prefixes: gone, attributes: { nextHop: '10.9.0.9' } }]);
        await consumer.is('synced');
        await consumer.offers(
          merged(
            both,
            gone.map((prefix) => [prefix, ['10.9.0.9']] as const),
          ),
        );
        await Promise.all([lab.router(0).announce(own(0)), lab.router(1).announce(own(1))]);
        await consumer.offers(both);
      }
    });
  });

  describe(`all paths of gobgpd ${version}, past its policies and into tables`, () => {
    it('takes what an import policy rejects for withdrawn', async () => {
      const apply = {
        'import-policy-list': ['no-thirteen'],
        'default-import-policy': 'accept-route',
      };
      await using lab = await Lab.start({
        version,
        routers: 2,
        gobgpd: { extra: REJECT_13, global: { 'apply-policy': { config: apply } } },
      });
      const prefix = '10.1.0.0/16';
      const announce = (i: number, ...communities: string[]) =>
        lab
          .router(i)
          .announce([{ prefixes: [prefix], attributes: { nextHop: router(i), communities } }]);
      await using consumer = new Consumer(lab.gobgpd.address, 60_000, { paths: 'all' });
      await consumer.is('synced');
      await announce(0, '65000:1');
      await announce(1, '65000:1');
      await consumer.offers(new Map([[prefix, [router(0), router(1)]]]));
      await announce(0, '65000:13');
      await consumer.offers(new Map([[prefix, [router(1)]]]));
      await announce(1, '65000:13');
      await consumer.offers(new Map());
      await announce(0);
      await consumer.offers(new Map([[prefix, [router(0)]]]));
    });

    it('tells internal sessions from external ones, and reads what route reflectors add', async () => {
      await using lab = await Lab.start({
        ...{ version, routers: 2 },
        gobgpd: {
          neighbors: [
            { address: router(0), as: 65000 },
            { address: router(1), as: 65002 },
          ],
        },
        feeder: { localAs: 65000 },
        routing: false,
      });
      await lab.startRouting([{}, { localAs: 65002 }]);
      const prefix = '10.1.0.0/16';
      const reflected = { originatorId: '10.255.0.9', clusterList: ['10.255.0.1', '10.255.0.2'] };
      await lab
        .router(0)
        .announce([
          { prefixes: [prefix], attributes: { nextHop: router(0), localPref: 150, ...reflected } },
        ]);
      await lab.router(1).announce([{ prefixes: [prefix], attributes: { nextHop: router(1) } }]);
      await using consumer = new Consumer(lab.gobgpd.address, 60_000, { paths: 'all' });
      await consumer.is('synced');
      await consumer.offers(new Map([[prefix, [router(0), router(1)]]]));
      const paths = consumer.paths.get(prefix) ?? [];
      const [internal, external] = [0, 1].map((i) => paths.find(({ peer }) => peer === router(i)));
      assert.equal(internal?.session?.type, 'internal');
      assert.equal(internal.attributes.originatorId, 0x0aff0009);
      assert.equal(internal.attributes.clusterLength, 2);
      assert.equal(internal.attributes.localPref, 150);
      assert.equal(external?.session?.type, 'external');
      assert.equal(external.attributes.clusterLength, 0);
    });

    it('tells several paths of one peer apart (RFC 7911)', async () => {
      const families = ['ipv4', 'ipv6'].map((family) => ({
        config: { 'afi-safi-name': `${family}-unicast` },
        'add-paths': { config: { receive: true } },
      }));
      await using lab = await Lab.start({
        ...{ version, routers: 2, feeder: { addPath: true } },
        gobgpd: {
          neighbors: [0, 1].map((i) => ({
            ...{ address: router(i), as: 65001 + i, extra: { 'afi-safis': families } },
          })),
        },
      });
      const [prefix, prefix6] = ['10.1.0.0/16', '2001:db8:1::/48'];
      const say = (i: number, id: number, nextHop: string, med: number, to = prefix) =>
        lab.router(i).announce([{ prefixes: [`${to}#${id}`], attributes: { nextHop, med } }]);
      await say(0, 1, '10.9.0.11', 10);
      await say(0, 2, '10.9.0.12', 20);
      await say(0, 7, router6(7), 20, prefix6);
      await say(0, 8, router6(8), 20, prefix6);
      await say(1, 1, '10.9.0.21', 0);
      await using consumer = new Consumer(lab.gobgpd.address, 60_000, { paths: 'all' });
      await consumer.is('synced');
      const six = [prefix6, [router6(7), router6(8)].sort()] as const;
      await consumer.offers(new Map([[prefix, ['10.9.0.11', '10.9.0.12', '10.9.0.21']], six]));
      const ids = () =>
        (consumer.paths.get(prefix) ?? []).map(({ peer, pathId }) => `${peer} ${pathId}`).sort();
      assert.deepEqual(ids(), ['10.9.0.2 1', '10.9.0.2 2', '10.9.0.3 1']);
      await lab.router(0).withdraw([`${prefix}#1`]);
      await consumer.offers(new Map([[prefix, ['10.9.0.12', '10.9.0.21']], six]));
      await say(0, 2, '10.9.0.13', 5);
      await consumer.offers(new Map([[prefix, ['10.9.0.13', '10.9.0.21']], six]));
      await lab.router(0).drop();
      await consumer.offers(new Map([[prefix, ['10.9.0.21']]]));
      await lab.router(0).connect();
      await consumer.offers(new Map([[prefix, ['10.9.0.13', '10.9.0.21']], six]));
      assert.deepEqual(ids(), ['10.9.0.2 2', '10.9.0.3 1']);
    });

    it('gives each table the path of the peer it permits, and the best of all to one that permits all', async () => {
      await using lab = await Lab.start({ version, routers: 3 });
      const prefix = '10.1.0.0/16';
      const asPath = (i: number) => (i === 0 ? { asPath: [65099] } : {});
      for (const i of [0, 1, 2]) {
        await lab.router(i).announce([
          { prefixes: [prefix], attributes: { nextHop: router(i), ...asPath(i) } },
          { prefixes: ['2001:db8:1::/48'], attributes: { nextHop: router6(i), ...asPath(i) } },
        ]);
      }
      const source = { gobgp: { address: lab.gobgpd.address, paths: 'all' } };
      const peer = (i: number) => [{ permit: { peer: router(i) } }];
      const daemon = await lab.daemon({
        source,
        tables: [
          { id: 100, filters: [{ permit: {} }] },
          { id: 101, filters: [{ permit: {} }], bestPath: { multipathRelax: true } },
          { id: 102, filters: peer(0) },
          { id: 103, filters: peer(2) },
        ],
      });
      const has = (expected: readonly (readonly string[] | undefined)[]) =>
        until(
          async () => {
            const tables = [100, 101, 102, 103].map((id) => ownRoutes(lab.node, id));
            const found = (await Promise.all(tables)).map((routes) => routes.get(prefix));
            assert.deepEqual(found, expected);
            return true;
          },
          { what: 'each table its own' },
        );
      await has([legs(1), legs(1, 2), legs(0), legs(2)]);
      const { tables } = await daemon.explain(prefix);
      const selection = tables[0]?.steps.filter(({ stage }) => stage === 'selection');
      assert.deepEqual(selection?.map(({ text }) => text).sort(), [
        `path of ${router(0)} lost: AS path length 2 against 1`,
        `path of ${router(1)} is the best`,
        `path of ${router(2)} lost: router id 10.9.0.4 against 10.9.0.3; as good until then, but through another AS (multipathRelax is off)`,
      ]);
      await lab.router(1).close();
      await has([legs(2), legs(2), legs(0), legs(2)]);
    });

    it('goes by the main table’s way to the next hops, and by what becomes of it', async () => {
      await using lab = await Lab.start({ version, routers: 2 });
      const { node } = lab;
      const prefix = '10.1.0.0/16';
      const [near, far] = ['10.20.0.0/24', '10.30.0.0/24'];
      const way = (to: string, i: number, metric: number) =>
        ['route', 'add', to, 'via', router(i), 'metric', String(metric)] as const;
      await node.ip(...way(near, 0, 10));
      await node.ip(...way(far, 1, 20));
      for (const [i, nextHop] of ['10.20.0.1', '10.30.0.1'].entries()) {
        await lab.router(i).announce([{ prefixes: [prefix], attributes: { nextHop } }]);
      }
      const source = { gobgp: { address: lab.gobgpd.address, paths: 'all' } };
      const tables = [{ id: 100, filters: [{ permit: {} }] }];
      const daemon = await lab.daemon({ source, tables });
      const goesOver = (i: number) =>
        until(async () => `${(await ownRoutes(node, 100)).get(prefix)}` === `${legs(i)}`, {
          what: `the route goes over router ${i}`,
        });
      const lost = async () =>
        (await daemon.explain(prefix)).tables[0]?.steps.find(({ text }) => / lost: /.test(text))
          ?.text;
      await goesOver(0);
      assert.equal(await lost(), `path of ${router(1)} lost: metric to the next hop 20 against 10`);
      await node.ip('route', 'del', near, 'metric', '10');
      await goesOver(1);
      assert.equal(
        await lost(),
        `path of ${router(0)} lost: no way leads to its next hop: no usable route to 10.20.0.1 in the main table`,
      );
      await node.ip(...way(near, 0, 30));
      await until(async () => (await lost())?.endsWith('metric to the next hop 30 against 20'), {
        what: 'the way is there again, and longer',
      });
      await goesOver(1);
      await node.ip(...way(near, 0, 5));
      await goesOver(0);
    });

    it('counts what was received exactly', async () => {
      await using lab = await Lab.start({ version, routers: 2 });
      const source = { gobgp: { address: lab.gobgpd.address, paths: 'all' } };
      const many = (n: number) => prefixes.slice(0, n);
      await lab.router(0).announce([{ prefixes: many(3), attributes: { nextHop: router(0) } }]);
      await lab.router(1).announce([{ prefixes: many(5), attributes: { nextHop: router(1) } }]);
      const limit = (i: number, max: number) => ({
        ...{ peer: router(i), family: 'ipv4', max, count: 'received', action: 'block' },
      });
      const daemon = await lab.daemon({
        source,
        tables: [
          {
            id: 100,
            filters: [{ permit: { peer: router(0) } }],
            limits: [limit(0, 9), limit(1, 9)],
          },
        ],
      });
      const counts = async () =>
        (await daemon.status()).tables[0]?.limits.map(({ used }) => used).join();
      await until(async () => (await counts()) === '3,5', { what: 'three and five received' });
      await lab.router(1).withdraw(prefixes.slice(0, 2));
      await until(async () => (await counts()) === '3,3', { what: 'three and three received' });
    });

    it('tells routers of one link-local address on two interfaces apart', async () => {
      await using fabric = await createNetns('fabric');
      await using node = await createNetns('node');
      for (const i of [1, 2]) {
        await connect(fabric, { name: `f${i}`, addresses: ['fe80::2/64'] }, node, {
          name: `eth${i}`,
          addresses: [`fe80::${i}0/64`],
        });
      }
      await using gobgpd = await startGobgpd({
        ...{ version, netns: node, as: 65000 },
        neighbors: [1, 2].map((i) => ({ address: `fe80::2%eth${i}`, as: 65000 + i })),
      });
      const feeder = (i: number) =>
        startFeeder({
          ...{ netns: fabric, localAddress: `fe80::2%f${i}`, peerAddress: `fe80::${i}0%f${i}` },
          ...{ localAs: 65000 + i, peerAs: 65000, routerId: `192.0.2.${i}` },
        });
      await using one = await feeder(1);
      await using two = await feeder(2);
      const prefix = '2001:db8:1::/48';
      const sets = [{ prefixes: [prefix], attributes: { nextHop: 'fe80::2' } }];
      await one.announce(sets);
      await two.announce(sets);
      await using consumer = new Consumer(gobgpd.address, 60_000, { paths: 'all' });
      await consumer.is('synced');
      await consumer.offers(new Map([[prefix, ['fe80::2%eth1', 'fe80::2%eth2']]]));
      await one.withdraw([prefix]);
      await consumer.offers(new Map([[prefix, ['fe80::2%eth2']]]));
      await one.announce(sets);
      await consumer.offers(new Map([[prefix, ['fe80::2%eth1', 'fe80::2%eth2']]]));
    });
  });
}
