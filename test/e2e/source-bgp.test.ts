/** Source `bgp` in the built daemon: real gobgpds as its peers, routes that end in the kernel. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { announcement } from '../support/bgp-wire.js';
import type { Daemon } from '../support/daemon.js';
import { startDaemon } from '../support/daemon.js';
import { type Feeder, startFeeder } from '../support/feeder.js';
import { GOBGPD_VERSIONS, type Gobgpd, startGobgpd } from '../support/gobgpd.js';
import { KernelMonitor, ownRoutes, ownRoutesBecome } from '../support/kernel-view.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { RawBgp } from '../support/raw-bgp.js';
import { prefixesOf, type RouteSet, routes } from '../support/routes.js';
import { stays, until } from '../support/wait.js';

const NODE = '10.9.0.1';
const ROUTER = '10.9.0.2';
const ROUTER6 = '2001:db8:9::2';

/** The node, and a router on its fabric. */
async function lab() {
  const fabric = await createNetns('fabric');
  const node = await createNetns('node');
  await connect(fabric, { name: 'f0', addresses: [`${ROUTER}/24`, `${ROUTER6}/64`] }, node, {
    name: 'eth1',
    addresses: [`${NODE}/24`, '2001:db8:9::1/64'],
  });
  return { fabric, node };
}

function table(rest: Readonly<Record<string, unknown>> = {}) {
  return { tables: [{ id: 100, filters: [{ permit: {} }], ...rest }] };
}

async function keysOf(node: Netns): Promise<readonly string[]> {
  return [...(await ownRoutes(node, 100)).keys()].sort();
}

async function isUp(daemon: Daemon, up = true, deadlineMs = 40_000): Promise<void> {
  await until(
    async () => (await daemon.status()).source.peers.every(({ established }) => established === up),
    { what: `the session is ${up ? 'up' : 'down'}`, deadlineMs },
  );
}

describe('a gobgpd beside us as the feed', { concurrency: GOBGPD_VERSIONS.length }, () => {
  for (const version of GOBGPD_VERSIONS) {
    describe(`gobgpd ${version}`, { concurrency: 1 }, () => {
      let fabric: Netns;
      let node: Netns;
      let gobgpd: Gobgpd;
      let router: Feeder;
      let daemon: Daemon;
      const sets: readonly RouteSet[] = [
        ...routes(3000, { family: 'ipv4', nextHops: [ROUTER], within: '10.64.0.0/10' }),
        ...routes(500, { family: 'ipv6', nextHops: [ROUTER6] }),
      ];
      const all = prefixesOf(sets).sort();
      const reflected = {
        'route-reflector': {
          config: {
            'route-reflector-client': true,
            'route-reflector-cluster-id': '10.255.255.1',
          },
        },
      };
      const holds = (expected: readonly string[], deadlineMs = 30_000) =>
        until(
          async () => {
            assert.deepEqual(await keysOf(node), expected);
            return true;
          },
          { what: `table 100 holds ${expected.length} routes`, deadlineMs, everyMs: 100 },
        );

      before(async () => {
        ({ fabric, node } = await lab());
        gobgpd = await startGobgpd({
          ...{ version, netns: node, as: 65000, listen: [NODE] },
          neighbors: [
            { address: ROUTER, as: 65001 },
            {
              ...{ address: '127.0.0.2', as: 65000, passive: false, remotePort: 1790 },
              extra: reflected,
            },
          ],
        });
        router = await startFeeder({
          ...{ netns: fabric, localAddress: ROUTER, peerAddress: NODE },
          ...{ localAs: 65001, peerAs: 65000 },
        });
        await router.announce(sets);
        const peers = [{ address: '127.0.0.1', as: 65000, role: 'feed' }];
        const bgp = { listen: '127.0.0.2:1790', as: 65000, routerId: '10.255.0.9', peers };
        daemon = await startDaemon({
          netns: node,
          config: { source: { bgp }, hold: '20s', ...table() },
        });
      });
      after(async () => {
        await daemon?.[Symbol.asyncDispose]();
        await router?.[Symbol.asyncDispose]();
        await gobgpd?.[Symbol.asyncDispose]();
        await node?.[Symbol.asyncDispose]();
        await fabric?.[Symbol.asyncDispose]();
      });

      it('all routes are in the kernel, by the next hops that it tells', async () => {
        await holds(all);
        const kernel = await ownRoutes(node, 100);
        for (const { prefixes, attributes } of sets) {
          for (const prefix of prefixes) {
            assert.match(String(kernel.get(prefix)), new RegExp(`via ${attributes.nextHop} `));
          }
        }
        const { source } = await daemon.status();
        assert.equal(source.state.state, 'synced');
        assert.deepEqual(source.peers[0]?.received, { ipv4: 3000, ipv6: 500 });
        assert.equal(source.counters.undecodable, 0);
      });

      it('it has heard nothing from us', async () => {
        assert.match(await gobgpd.cli('neighbor', '127.0.0.2', 'adj-in'), /not in table/i);
      });

      it('a change is in the kernel at once, a withdrawal too', async () => {
        const extra = ['10.250.0.0/16'];
        await router.announce([{ prefixes: extra, attributes: { nextHop: ROUTER } }]);
        await holds([...all, ...extra].sort());
        await router.withdraw(extra);
        await holds(all);
        // A withdrawal is undone where the session ends within two seconds: not in the next test.
        await stays(async () => (await keysOf(node)).length === all.length, {
          what: 'nothing else happens',
          forMs: 2_500,
        });
      });

      it('its upgrade takes no route: what it takes back before it goes is held', async () => {
        await using monitor = await KernelMonitor.start(node);
        await gobgpd.stop('SIGTERM');
        await isUp(daemon, false);
        await holds(all);
        await stays(async () => (await keysOf(node)).length === all.length, {
          what: 'all routes are held',
          forMs: 3_000,
        });
        const gone = (await monitor.settled()).filter((line) => line.includes('Deleted'));
        assert.ok(
          gone.length <= 55,
          `${gone.length} of ${all.length} routes were gone for a while`,
        );
        assert.equal((await daemon.status()).source.state.state, 'lost');
        await gobgpd.launch();
        await router.established();
        await until(async () => (await daemon.status()).source.state.state === 'synced', {
          what: 'the feed is complete again',
          deadlineMs: 60_000,
        });
        await holds(all);
      });

      it('killed, its routes are held too, and go when hold ends', async () => {
        await gobgpd.stop('SIGKILL');
        await isUp(daemon, false);
        await stays(async () => (await keysOf(node)).length === all.length, {
          what: 'all routes are held',
          forMs: 3_000,
        });
        await holds([], 40_000);
      });
    });
  }
});

describe('a router as the neighbour', { concurrency: 1 }, () => {
  let fabric: Netns;
  let node: Netns;
  before(async () => {
    ({ fabric, node } = await lab());
  });
  after(async () => {
    await node?.[Symbol.asyncDispose]();
    await fabric?.[Symbol.asyncDispose]();
  });

  const sets = routes(200, { family: 'ipv4', nextHops: [ROUTER] });
  const become = (prefixes: readonly string[]) =>
    ownRoutesBecome(
      node,
      100,
      Object.fromEntries(prefixes.map((prefix) => [prefix, [`via ${ROUTER} dev eth1`]])),
      { what: `${prefixes.length} routes by ${ROUTER}`, deadlineMs: 20_000 },
    );
  const own = { as: 65000, routerId: '10.255.0.1', listen: `${NODE}:179` };
  const feeder = () =>
    startFeeder({
      ...{ netns: fabric, localAddress: ROUTER, peerAddress: NODE, localAs: 65001, peerAs: 65000 },
      detached: true,
    });

  it('is lost: its routes go at once; back: they are back', async () => {
    const peers = [{ address: ROUTER, as: 65001 }];
    const config = { source: { bgp: { ...own, peers } }, ...table() };
    await using router = await feeder();
    await router.announce(sets);
    await using daemon = await startDaemon({ netns: node, config });
    await become(prefixesOf(sets));
    await router.close();
    await become([]);
    await router.connect();
    await become(prefixesOf(sets));
    assert.equal((await router.state()).updatesReceived, 4, 'two End-of-RIBs a session');
    await daemon.stop();
    assert.deepEqual((await router.state()).lastNotification, [6, 2]);
    assert.equal((await keysOf(node)).length, 200, 'routes stay when rib2fib goes');
  });

  it('beyond its limit its session is ended, with Maximum Number of Prefixes Reached', async () => {
    const peers = [{ address: ROUTER, as: 65001 }];
    const limits = [
      { peer: ROUTER, family: 'ipv4', max: 100, action: 'teardown', restartAfter: '4s' },
    ];
    const config = { source: { bgp: { ...own, peers } }, hold: '1s', ...table({ limits }) };
    await using router = await feeder();
    await using daemon = await startDaemon({ netns: node, config, until: 'admin' });
    await router.announce(sets);
    await until(async () => String((await router.state()).lastNotification) === '6,1', {
      what: 'the router is told why',
      deadlineMs: 20_000,
    });
    await become([]);
    const [peer] = (await daemon.status()).source.peers;
    assert.deepEqual([peer?.adminDown, peer?.sessionState], [true, 'idle (admin down)']);
    await router.withdraw(prefixesOf(sets).slice(50));
    await until(async () => (await keysOf(node)).length === 50, {
      what: 'the session is back, and within its limit',
      deadlineMs: 20_000,
    });
  });

  it('ended by its limit, it stays so over a reload that brings another peer', async () => {
    const limits = [{ peer: ROUTER, family: 'ipv4', max: 100, action: 'teardown' }];
    const config = (...others: string[]) => ({
      source: {
        bgp: { ...own, peers: [ROUTER, ...others].map((address) => ({ address, as: 65001 })) },
      },
      ...{ hold: '1s', ...table({ limits }) },
    });
    await using router = await feeder();
    await using daemon = await startDaemon({ netns: node, config: config(), until: 'admin' });
    await router.announce(sets);
    const ended = async () => {
      const { peers } = (await daemon.status()).source;
      return peers.find(({ peer }) => peer === ROUTER)?.adminDown === true;
    };
    await until(ended, { what: 'its session is ended', deadlineMs: 20_000 });
    await become([]);
    const { sessions } = await router.state();
    await daemon.configure(config('10.9.0.77'));
    await until(async () => (await daemon.status()).source.peers.length === 2, {
      what: 'the reload',
      deadlineMs: 20_000,
    });
    await until(ended, { what: 'its session is ended in the new source', deadlineMs: 20_000 });
    // It calls again every second or so.
    await stays(async () => (await router.state()).sessions === sessions && (await ended()), {
      ...{ what: 'no session', forMs: 6_000 },
    });
    assert.deepEqual(await keysOf(node), []);
    assert.equal((await daemon.cli('limit', 'clear', 'all')).code, 0);
    await until(async () => (await router.state()).sessions > sessions, {
      what: 'the session is back',
      deadlineMs: 20_000,
    });
  });

  it('its password is wrong, then right (RFC 2385); no password, no session', async () => {
    const password = 'a secret of ours';
    const neighbor = (secret: string | undefined) => ({
      ...{ address: NODE, as: 65000, passive: false },
      ...(secret === undefined
        ? {}
        : {
            extra: {
              config: { 'neighbor-address': NODE, 'peer-as': 65000, 'auth-password': secret },
            },
          }),
    });
    const peers = [{ address: ROUTER, as: 65001, password }];
    const config = { source: { bgp: { ...own, peers } }, ...table() };
    await using daemon = await startDaemon({ netns: node, config, until: 'admin' });
    for (const secret of [undefined, 'another', password]) {
      await using _gobgpd = await startGobgpd({
        ...{ version: '4.8', netns: fabric, as: 65001, port: -1, neighbors: [neighbor(secret)] },
      });
      if (secret === password) await isUp(daemon);
      else {
        await stays(async () => (await daemon.status()).source.peers[0]?.established === false, {
          what: 'no session',
          forMs: 8_000,
        });
      }
    }
  });

  it('is called, signed and bounded; from further away it is not heard', async () => {
    const password = 'x';
    const peer = { address: ROUTER, as: 65001, password, ttlSecurity: 1, connect: true };
    const bgp = { ...own, listen: 'off', peers: [{ ...peer, localAddress: NODE }] };
    await using daemon = await startDaemon({
      ...{ netns: node, until: 'admin', config: { source: { bgp }, ...table() } },
    });
    const started = (ttl: boolean) =>
      startGobgpd({
        ...{ version: '4.8', netns: fabric, as: 65001, listen: [ROUTER] },
        neighbors: [
          {
            ...{ address: NODE, as: 65000 },
            extra: {
              config: { 'neighbor-address': NODE, 'peer-as': 65000, 'auth-password': password },
              ...(ttl ? { 'ttl-security': { config: { enabled: true, 'ttl-min': 255 } } } : {}),
            },
          },
        ],
      });
    await using near = await started(true);
    await isUp(daemon);
    await near.stop('SIGKILL');
    // Its kernel's TTL is 64: as from 191 routers away.
    await using _far = await started(false);
    await isUp(daemon, false);
    await stays(async () => (await daemon.status()).source.peers[0]?.established === false, {
      what: 'no session',
      forMs: 8_000,
    });
  });

  it('at a link-local address: next hops there, of both families, by its interface', async () => {
    await fabric.ip('address', 'add', 'fe80::2/64', 'dev', 'f0', 'nodad');
    await node.ip('address', 'add', 'fe80::1/64', 'dev', 'eth1', 'nodad');
    const peers = [
      { address: 'fe80::2', interface: 'eth1', as: 65001 },
      { address: ROUTER, as: 65001 },
    ];
    const bgp = { ...own, listen: '[::]:179', peers };
    const config = { source: { bgp }, ...table() };
    await using _daemon = await startDaemon({ netns: node, config, until: 'admin' });
    await using raw = RawBgp.start(fabric);
    const session = { localAs: 65001, internal: false };
    const near = await raw.connect('fe80::2%f0', 'fe80::1%f0');
    await near.establish();
    near.send(
      ...announcement('ipv4', ['10.70.0.0/16'], { nextHop: 'fe80::2' }, session),
      ...announcement('ipv6', ['2001:db8:70::/48'], { nextHop: 'fe80::2' }, session),
    );
    const far = await raw.connect(ROUTER, NODE);
    await far.establish({ routerId: '10.255.0.3' });
    far.send(...announcement('ipv6', ['2001:db8:72::/48'], { nextHop: 'fe80::2' }, session));
    const legs = ['via fe80::2 dev eth1'];
    await ownRoutesBecome(
      node,
      100,
      { '10.70.0.0/16': legs, '2001:db8:70::/48': legs, '2001:db8:72::/48': legs },
      { what: 'routes by the link-local router', deadlineMs: 20_000 },
    );
  });

  it('at a link-local address is called, from one of several of ours', async () => {
    await fabric.ip('address', 'replace', 'fe80::2/64', 'dev', 'f0', 'nodad');
    for (const own of ['fe80::1/64', 'fe80::3/64']) {
      await node.ip('address', 'replace', own, 'dev', 'eth1', 'nodad');
    }
    await using raw = RawBgp.start(fabric);
    const called = await raw.listen('fe80::2%f0', 179);
    const peer = { address: 'fe80::2', interface: 'eth1', as: 65001, connect: true };
    const bgp = { ...own, listen: 'off', peers: [{ ...peer, localAddress: 'fe80::3' }] };
    const config = { source: { bgp }, ...table() };
    await using daemon = await startDaemon({ netns: node, config, until: 'admin' });
    const connection = await called();
    assert.equal(connection.remote, 'fe80::3%f0');
    await connection.establish();
    await isUp(daemon);
  });

  it('rib2fib restarts, and is told other options of it: no route is gone for a moment', async () => {
    const config = (holdTime: string) => ({
      source: { bgp: { ...own, peers: [{ address: ROUTER, as: 65001, holdTime }] } },
      ...table(),
    });
    await using router = await feeder();
    await router.announce(sets);
    await using daemon = await startDaemon({ netns: node, config: config('90s') });
    await become(prefixesOf(sets));
    await using monitor = await KernelMonitor.start(node);
    await daemon.stop('SIGKILL');
    await daemon.launch();
    const sessions = (await router.state()).sessions;
    await daemon.configure(config('30s'));
    await daemon.logged(
      (line) => JSON.stringify(line).includes(`source.peers[${ROUTER}].holdTime: 90s -> 30s`),
      'what a reload changed',
    );
    await until(async () => (await router.state()).sessions > sessions, {
      what: 'a new session',
      deadlineMs: 20_000,
    });
    await until(async () => (await daemon.status()).source.state.state === 'synced', {
      what: 'the feed is complete',
      deadlineMs: 20_000,
    });
    await become(prefixesOf(sets));
    assert.deepEqual(
      (await monitor.settled()).filter((line) => line.includes('Deleted')),
      [],
    );
  });
});
