/** Source `gobgp` by itself, against real daemons: what it offers, what it says of itself, and what it does not believe. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS, gobgpBinary, startGobgpd } from '../support/gobgpd.js';
import { Lab, router, router6 } from '../support/lab.js';
import { scratchDirectory } from '../support/leftovers.js';
import { connect, createNetns, here } from '../support/netns.js';
import { prefixesOf, type RouteSet, routes } from '../support/routes.js';
import { Consumer } from '../support/source-consumer.js';
import { stays, until } from '../support/wait.js';

/** The independent list: what was announced. */
function expected(...sets: readonly RouteSet[]): Map<string, readonly string[]> {
  return new Map(
    sets.flatMap(({ prefixes, attributes }) =>
      prefixes.map((prefix) => [prefix, [attributes.nextHop]] as const),
    ),
  );
}

const merged = (...maps: readonly ReadonlyMap<string, readonly string[]>[]) =>
  new Map(maps.flatMap((map) => [...map]));

const A = routes(5000, { family: 'ipv4', nextHops: [router(0)], within: '32.0.0.0/8' });
const B = routes(5000, { family: 'ipv4', nextHops: [router(1)], within: '33.0.0.0/8' });
const A6 = routes(1000, { family: 'ipv6', nextHops: [router6(0)] });
const ALL = merged(expected(...A), expected(...B), expected(...A6));

for (const version of GOBGPD_VERSIONS) {
  describe(`source gobgp, gobgpd ${version}`, () => {
    let lab: Lab;
    before(async () => {
      lab = await Lab.start({ version, routers: 2 });
      await Promise.all([lab.router(0).announce([...A, ...A6]), lab.router(1).announce(B)]);
      await lab.hasRoutes(10_000, 1000);
    });
    after(() => lab[Symbol.asyncDispose]());

    it('offers the table as it stands, then is synced in both families', async () => {
      await using consumer = new Consumer(lab.gobgpd.address);
      await consumer.is('synced');
      await consumer.offers(ALL);
      assert.deepEqual(consumer.marks, ['reset', 'synced ipv4', 'synced ipv6']);
      assert.equal(consumer.source.counters().undecodable, 0);
    });

    it('offers changes, and leaves out what the daemon originates itself', async () => {
      await using consumer = new Consumer(lab.gobgpd.address);
      await consumer.is('synced');
      const more = { prefixes: ['198.51.100.0/24'], attributes: { nextHop: router(1) } };
      await lab.router(1).announce([more]);
      await consumer.offers(merged(ALL, expected(more)));
      const moved = { ...more, attributes: { nextHop: '10.9.0.77' } };
      await lab.router(1).announce([moved]);
      await consumer.offers(merged(ALL, expected(moved)));
      // A local route is better than any learned one.
      await lab.gobgpd.cli('global', 'rib', 'add', '198.51.100.0/24', 'nexthop', '10.9.0.1');
      await lab.gobgpd.cli('global', 'rib', 'add', '198.51.101.0/24');
      await consumer.offers(ALL);
      await lab.gobgpd.cli('global', 'rib', 'del', '198.51.100.0/24');
      await consumer.offers(merged(ALL, expected(moved)));
      await lab.gobgpd.cli('global', 'rib', 'del', '198.51.101.0/24');
      await lab.router(1).withdraw(['198.51.100.0/24']);
      await consumer.offers(ALL);
    });

    it('tells of its peers, and ends and restores a session', async () => {
      await using consumer = new Consumer(lab.gobgpd.address);
      await consumer.is('synced');
      const peer = () => consumer.source.peers().find(({ peer }) => peer === router(1));
      assert.deepEqual(peer()?.received, { ipv4: 5000, ipv6: 0 });
      assert.equal(peer()?.as, 65002);
      const { sessions } = consumer.source;
      assert.ok(sessions !== undefined);
      await sessions.disable(router(1), 'limit', 'shutdown');
      await consumer.offers(merged(expected(...A), expected(...A6)));
      await until(() => peer()?.adminDown === true, { what: 'the peer is shown as down' });
      assert.equal(peer()?.sessionState, 'idle (admin down)');
      await sessions.enable(router(1));
      await sessions.enable(router(1));
      await consumer.offers(ALL);
    });

    it('of a v4 server, reads everything anew from time to time', async () => {
      await using consumer = new Consumer(lab.gobgpd.address);
      await consumer.is('synced');
      await consumer.offers(ALL);
      assert.equal(consumer.updates, ALL.size);
      consumer.ahead += 700_000;
      const more = { prefixes: ['198.51.100.0/24'], attributes: { nextHop: router(0) } };
      await lab.router(0).announce([more]);
      const expectedUpdates = version === '3.10' ? ALL.size + 1 : 2 * ALL.size + 2;
      await until(() => consumer.updates >= expectedUpdates, { what: 'the second reading' });
      await lab.router(0).withdraw(more.prefixes);
      await consumer.offers(ALL);
      assert.equal(consumer.updates, expectedUpdates + 1);
      assert.deepEqual(consumer.marks, ['reset', 'synced ipv4', 'synced ipv6']);
    });

    it('believes the loss of one peer at once, and of the last within three seconds', async () => {
      await using consumer = new Consumer(lab.gobgpd.address);
      await consumer.is('synced');
      await lab.router(1).drop();
      await consumer.offers(merged(expected(...A), expected(...A6)), 2000);
      await lab.router(0).drop();
      await consumer.offers(new Map(), 3000);
      assert.equal(consumer.state, 'synced');
      await Promise.all([lab.router(0).connect(), lab.router(1).connect()]);
      await consumer.offers(ALL);
    });

    it('believes no withdrawal of a gobgpd that is stopped, killed or suspended', async () => {
      await using consumer = new Consumer(lab.gobgpd.address);
      await consumer.is('synced');
      for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
        await lab.gobgpd.stop(signal);
        const lost = await consumer.is('lost');
        assert.ok(lost.state === 'lost' && (lost.retryAt ?? 0) > 0 && lost.reason !== '');
        assert.equal(consumer.offered.size, ALL.size, signal);
        await lab.gobgpd.launch();
        await consumer.is('synced', 40_000);
        await consumer.offers(ALL);
      }
      lab.gobgpd.suspend();
      await stays(() => consumer.offered.size === ALL.size, { what: 'all offered', forMs: 1000 });
      lab.gobgpd.resume();
      assert.equal(consumer.withdrawn, 0);
      const feed = ['reset', 'synced ipv4', 'synced ipv6'];
      const marks = [0, 1, 2].flatMap(() => [...feed, 'lost']).concat(feed);
      assert.deepEqual(consumer.marks, marks);
    });

    it('loses nothing when BGP alone is stopped, and names that state', async () => {
      await using consumer = new Consumer(lab.gobgpd.address);
      await consumer.is('synced');
      await lab.gobgpd.cli('global', 'del', 'all');
      await until(() => consumer.marks.includes('lost'), { what: 'the feed is lost' });
      assert.equal(consumer.withdrawn, 0);
      if (version === '3.10') await consumer.is('bgp-not-started');
      await lab.gobgpd.stop();
      await lab.gobgpd.launch();
      await consumer.is('synced', 40_000);
    });
  });

  describe(`source gobgp, states and dumps, gobgpd ${version}`, { concurrency: 2 }, () => {
    it('waits for a gobgpd that starts later, and for its BGP', async () => {
      await using node = await createNetns('node');
      const scratch = scratchDirectory('bare');
      const address = `unix://${scratch.path}/api.sock`;
      await using consumer = new Consumer(address, 1500);
      await consumer.complains(/api\.sock: no such socket: is gobgpd running\?$/);
      // Without a configuration gobgpd waits for one over its API.
      const bare = [gobgpBinary(version, 'gobgpd'), '--api-hosts', address, '--pprof-disable'];
      const gobgpd = node.spawn(bare, { stdio: 'ignore' });
      const exit = once(gobgpd, 'exit');
      try {
        await consumer.is('bgp-not-started');
        assert.deepEqual(consumer.marks, []);
        const global = ['global', 'as', '65000', 'router-id', '10.255.255.1'];
        await node.exec(gobgpBinary(version, 'gobgp'), '--target', address, ...global);
        await until(
          () => {
            const state = consumer.source.state();
            return state.state === 'syncing' && state.waitingFor === 'a peer';
          },
          { what: 'it waits for a peer' },
        );
        await consumer.is('synced');
        assert.deepEqual(consumer.marks, ['reset', 'synced ipv4', 'synced ipv6']);
      } finally {
        gobgpd.kill();
        await exit;
        scratch.remove();
      }
    });

    it('knows the end of a dump of any size', async () => {
      await using lab = await Lab.start({ version });
      // Batches of the v4 API hold 1001 paths: whole ones, one less, one more.
      for (const size of [0, 1, 1000, 1001, 1002, 2002, 3003]) {
        const sets = routes(size, { family: 'ipv4', nextHops: [router(0)] });
        await lab.router(0).withdraw('all');
        await lab.hasRoutes(0);
        await lab.router(0).announce(sets);
        await lab.hasRoutes(size);
        await using consumer = new Consumer(lab.gobgpd.address);
        await consumer.is('synced');
        await consumer.offers(expected(...sets));
        assert.equal(prefixesOf(sets).length, size);
      }
    });

    it('keeps equal-cost sets whole across the batches of a dump', async () => {
      await using lab = await Lab.start({ version, routers: 2, gobgpd: { multipath: true } });
      const prefixes = Array.from(
        { length: 1500 },
        (_, i) => `10.${100 + (i >> 8)}.${i & 255}.0/24`,
      );
      const hops = [router(0), router(1)];
      for (const [i, nextHop] of hops.entries()) {
        await lab.router(i).announce([{ prefixes, attributes: { nextHop } }]);
      }
      await lab.hasRoutes(1500);
      const all = new Map(prefixes.map((prefix) => [prefix, hops] as const));
      await using consumer = new Consumer(lab.gobgpd.address);
      await consumer.offers(all);
      await lab.router(1).withdraw('all');
      await consumer.offers(new Map(prefixes.map((prefix) => [prefix, [router(0)]] as const)));
      await lab.router(1).announce([{ prefixes, attributes: { nextHop: router(1) } }]);
      await consumer.offers(all);
      await lab.gobgpd.stop('SIGTERM');
      await consumer.is('lost');
      assert.deepEqual(consumer.offered, all);
    });

    it('gives a link-local next hop its interface', async () => {
      await using fabric = await createNetns('fabric');
      await using node = await createNetns('node');
      await connect(fabric, { name: 'f0', addresses: ['fe80::2/64'] }, node, {
        name: 'eth1',
        addresses: ['fe80::1/64'],
      });
      await using gobgpd = await startGobgpd({
        ...{ version, netns: node, as: 65000 },
        neighbors: [{ address: 'fe80::2%eth1', as: 65001, passive: true }],
      });
      await using feeder = await startFeeder({
        ...{ netns: fabric, localAddress: 'fe80::2%f0', peerAddress: 'fe80::1%f0' },
        ...{ localAs: 65001, peerAs: 65000 },
      });
      await using consumer = new Consumer(gobgpd.address);
      const attributes = { nextHop: 'fe80::2' };
      await feeder.announce([
        { prefixes: ['2001:db8:1::/48'], attributes },
        { prefixes: ['10.1.0.0/16'], attributes },
      ]);
      await consumer.offers(
        new Map([
          ['2001:db8:1::/48', ['fe80::2%eth1']],
          ['10.1.0.0/16', ['fe80::2%eth1']],
        ]),
      );
      assert.equal(consumer.source.peers()[0]?.peer, 'fe80::2');
    });
  });
}

describe('source gobgp, an address that is not what it should be', { concurrency: 2 }, () => {
  const scratch = scratchDirectory('tls');
  const server = { cert: join(scratch.path, 'cert.pem'), key: join(scratch.path, 'key.pem') };
  before(async () => {
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
    const files = ['-nodes', '-subj', '/CN=gobgpd', '-keyout', server.key, '-out', server.cert];
    await here.exec('openssl', ...request, ...files);
  });
  after(() => scratch.remove());

  for (const version of GOBGPD_VERSIONS) {
    it(`says that gobgpd ${version} speaks TLS, or does not, other than configured`, async () => {
      const port = { '3.10': 52_310, '4.8': 52_480 }[version];
      const api = { host: '127.0.0.1', port };
      const bgp = { version, as: 65000, port: -1 };
      const address = `127.0.0.1:${port}`;
      {
        await using gobgpd = await startGobgpd({ ...bgp, api, tls: server });
        await using consumer = new Consumer(gobgpd.address);
        await consumer.complains(
          /^127\.0\.0\.1:\d+ speaks TLS, but source\.gobgp\.tls is not set$/,
        );
      }
      await using _gobgpd = await startGobgpd({ ...bgp, api });
      const tls = { ca: server.cert, cert: undefined, key: undefined };
      await using consumer = new Consumer(address, 60_000, { tls });
      await consumer.complains(/ answers gRPC without TLS, but source\.gobgp\.tls is set/);
    });
  }

  it('says what it is', async () => {
    await using refused = new Consumer('127.0.0.1:9');
    await refused.complains(/^127\.0\.0\.1:9: connection refused: is gobgpd running/);
    const http = createServer().listen(0, '127.0.0.1');
    await once(http, 'listening');
    const { port } = http.address() as AddressInfo;
    await using consumer = new Consumer(`127.0.0.1:${port}`);
    await consumer.complains(/ answers, but not gRPC \("HTTP\/1\.1 400 Bad Request"\)/);
    http.close();
  });
});
