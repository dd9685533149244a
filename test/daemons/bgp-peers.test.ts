/** Source `bgp` with real FRR and BIRD as the routers: what each of them does differently. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startBird } from '../support/bird.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { FRR_VERSIONS, startFrr } from '../support/frr.js';
import { ownRoutesBecome } from '../support/kernel-view.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import { stays, until } from '../support/wait.js';

const NODE = '10.9.0.1';
const ROUTER = '10.9.0.2';
const ROUTER6 = '2001:db8:9::2';
const V4 = ['198.51.100.0/24', '203.0.113.0/24'];
const V6 = ['2001:db8:a::/48'];

const BOTH: Readonly<Record<string, readonly string[]>> = Object.fromEntries([
  ...V4.map((prefix) => [prefix, [`via ${ROUTER} dev eth1`]]),
  ...V6.map((prefix) => [prefix, [`via ${ROUTER6} dev eth1`]]),
]);

async function lab() {
  const fabric = await createNetns('fabric');
  const node = await createNetns('node');
  await connect(fabric, { name: 'f0', addresses: [`${ROUTER}/24`, `${ROUTER6}/64`] }, node, {
    name: 'eth1',
    addresses: [`${NODE}/24`, '2001:db8:9::1/64'],
  });
  return { fabric, node };
}

function startListener(node: Netns, peer: Readonly<Record<string, unknown>> = {}): Promise<Daemon> {
  const peers = [{ address: ROUTER, as: 65001, ...peer }];
  const bgp = { listen: `${NODE}:179`, as: 65000, routerId: '10.255.0.1', peers };
  const config = { source: { bgp }, tables: [{ id: 100, filters: [{ permit: {} }] }] };
  return startDaemon({ netns: node, config, until: 'admin' });
}

async function peerIs(daemon: Daemon, up: boolean, deadlineMs = 40_000): Promise<void> {
  await until(async () => (await daemon.status()).source.peers[0]?.established === up, {
    what: `the session is ${up ? 'up' : 'down'}`,
    deadlineMs,
  });
}

async function isSynced(daemon: Daemon, deadlineMs = 40_000): Promise<void> {
  await until(async () => (await daemon.status()).source.state.state === 'synced', {
    what: 'the feed is complete',
    deadlineMs,
  });
}

function frrConfig(more = ''): string {
  return `
ip route ${V4[0]} Null0
ip route ${V4[1]} Null0
ipv6 route ${V6[0]} Null0
router bgp 65001
 bgp router-id 10.255.0.2
 no bgp ebgp-requires-policy
 bgp graceful-restart
 bgp graceful-restart restart-time 60
 bgp graceful-restart preserve-fw-state
 neighbor ${NODE} remote-as 65000
 neighbor ${NODE} timers connect 2
${more} address-family ipv4 unicast
  redistribute static
  neighbor ${NODE} activate
 exit-address-family
 address-family ipv6 unicast
  redistribute static
  neighbor ${NODE} activate
  neighbor ${NODE} route-map v6 out
 exit-address-family
route-map v6 permit 10
 set ipv6 next-hop global ${ROUTER6}
`;
}

for (const version of FRR_VERSIONS) {
  describe(`FRR ${version}`, { concurrency: 1 }, () => {
    it('its routes are ours, and stay while its bgpd is killed and restarts gracefully', async () => {
      const { fabric, node } = await lab();
      await using _fabric = fabric;
      await using _node = node;
      await using daemon = await startListener(node);
      await using frr = await startFrr({ version, netns: fabric, config: frrConfig() });
      const become = (routes: typeof BOTH, what: string) =>
        ownRoutesBecome(node, 100, routes, { what, deadlineMs: 40_000 });
      await become(BOTH, 'the routes of FRR');
      await isSynced(daemon);
      const { source } = await daemon.status();
      assert.equal(source.counters.undecodable, 0);
      await frr.stop('bgpd', 'SIGKILL');
      await peerIs(daemon, false);
      await stays(
        async () => {
          await ownRoutesBecome(node, 100, BOTH, { what: 'held', deadlineMs: 1_000 });
          return true;
        },
        { what: 'all routes are kept', forMs: 3_000 },
      );
      // Back with one route less.
      const { [V4[1] as string]: _gone, ...rest } = BOTH;
      await frr.vtysh('configure terminal', `no ip route ${V4[1]} Null0`);
      await frr.launch('bgpd');
      await peerIs(daemon, true);
      await become(rest, 'what it has not repeated is gone');
      // An orderly end is no restart: FRR says so by its NOTIFICATION, unless both know RFC 8538.
      await frr.vtysh('configure terminal', 'router bgp 65001', `neighbor ${NODE} shutdown`);
      await peerIs(daemon, false);
    });

    it('tells several paths of a prefix, and asks for none', async () => {
      const { fabric, node } = await lab();
      await using _fabric = fabric;
      await using _node = node;
      await using daemon = await startListener(node, { addPath: true });
      const more = ` neighbor ${NODE} description the learner\n`;
      const config = frrConfig(more).replace(
        `  neighbor ${NODE} activate`,
        `  neighbor ${NODE} activate\n  neighbor ${NODE} addpath-tx-all-paths`,
      );
      await using frr = await startFrr({ version, netns: fabric, config });
      await ownRoutesBecome(node, 100, BOTH, { what: 'the routes of FRR', deadlineMs: 40_000 });
      type Neighbors = Record<
        string,
        { readonly prefixStats?: unknown; readonly neighborCapabilities?: Record<string, unknown> }
      >;
      const known = await frr.vtyshJson<Neighbors>(`show bgp neighbors ${NODE} json`);
      const text = JSON.stringify(known[NODE]?.neighborCapabilities);
      for (const capability of ['addPath', 'extendedMessage', 'gracefulRestart']) {
        assert.match(text, new RegExp(capability, 'i'), text.slice(0, 1500));
      }
      const explained = await daemon.explain(V4[0] as string);
      assert.match(JSON.stringify(explained), /10\.9\.0\.2/);
    });
  });
}

describe('BIRD 2', { concurrency: 1 }, () => {
  const birdConfig = (more: string, routes: readonly string[] = [...V4, ...V6]) => `
router id 10.255.0.2;
protocol device {}
protocol static four { ipv4; ${routes
    .filter((prefix) => !prefix.includes(':'))
    .map((prefix) => `route ${prefix} blackhole;`)
    .join(' ')} }
protocol static six { ipv6; ${routes
    .filter((prefix) => prefix.includes(':'))
    .map((prefix) => `route ${prefix} blackhole;`)
    .join(' ')} }
protocol bgp learner {
  local ${ROUTER} as 65001;
  neighbor ${NODE} as 65000;
  connect delay time 1;
  error wait time 1, 2;
  ${more}
  ipv4 { import none; export all; next hop self; };
  ipv6 { import none; export filter { bgp_next_hop = ${ROUTER6}; accept; }; };
}
`;

  it('killed, its routes stay for its restart time, then as a last resort (RFC 9494)', async () => {
    const { fabric, node } = await lab();
    await using _fabric = fabric;
    await using _node = node;
    await using daemon = await startListener(node, {
      gracefulRestart: { restartTime: '3s', longLivedTime: '6s' },
    });
    const more =
      'graceful restart on; graceful restart time 60; long lived graceful restart on; long lived stale time 60; enable extended messages on;';
    await using bird = await startBird({ netns: fabric, config: birdConfig(more) });
    await ownRoutesBecome(node, 100, BOTH, { what: 'the routes of BIRD', deadlineMs: 40_000 });
    await isSynced(daemon);
    await bird.stop('SIGKILL');
    await peerIs(daemon, false);
    await until(
      async () => JSON.stringify(await daemon.explain(V4[0] as string)).includes('65535:6'),
      {
        what: 'its routes are marked LLGR_STALE',
      },
    );
    await ownRoutesBecome(node, 100, BOTH, { what: 'they stay' });
    await ownRoutesBecome(node, 100, {}, { what: 'and go in the end', deadlineMs: 15_000 });
    await bird.launch();
    await ownRoutesBecome(node, 100, BOTH, { what: 'they are back', deadlineMs: 40_000 });
  });

  it('tells all anew on demand, and what it does not repeat goes (RFC 7313)', async () => {
    const { fabric, node } = await lab();
    await using _fabric = fabric;
    await using _node = node;
    await using daemon = await startListener(node);
    await using bird = await startBird({ netns: fabric, config: birdConfig('') });
    await ownRoutesBecome(node, 100, BOTH, { what: 'the routes of BIRD', deadlineMs: 40_000 });
    await isSynced(daemon);
    await bird.birdc('reload', 'out', 'learner');
    await bird.configure(birdConfig('', [...V4.slice(1), ...V6]));
    await bird.birdc('configure');
    const { [V4[0] as string]: _gone, ...rest } = BOTH;
    await ownRoutesBecome(node, 100, rest, { what: 'the rest', deadlineMs: 10_000 });
    assert.equal((await daemon.status()).source.peers[0]?.received.ipv4, 1);
  });

  it('of the wrong role is refused, and told why (RFC 9234)', async () => {
    const { fabric, node } = await lab();
    await using _fabric = fabric;
    await using _node = node;
    await using daemon = await startListener(node, { bgpRole: 'customer' });
    await using bird = await startBird({
      netns: fabric,
      config: birdConfig('local role customer;'),
    });
    await until(async () => /role mismatch/i.test(await bird.birdc('show', 'protocols', 'all')), {
      what: 'BIRD is told',
      deadlineMs: 20_000,
    });
    assert.equal((await daemon.status()).source.peers[0]?.established, false);
    await bird.configure(birdConfig('local role provider;'));
    await bird.birdc('configure');
    await peerIs(daemon, true);
  });

  it('shuts down with words, which are in our log (RFC 9003)', async () => {
    const { fabric, node } = await lab();
    await using _fabric = fabric;
    await using _node = node;
    await using daemon = await startListener(node);
    await using bird = await startBird({ netns: fabric, config: birdConfig('') });
    await peerIs(daemon, true);
    await bird.birdc('disable', 'learner', '"new cables, back at noon"');
    await daemon.logged(
      ({ msg }) => msg?.includes('"new cables, back at noon"') === true,
      'what BIRD said',
    );
    await ownRoutesBecome(node, 100, {}, { what: 'its routes are gone' });
  });
});
