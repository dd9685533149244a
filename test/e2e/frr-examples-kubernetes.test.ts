/**
 * The folders of frr-examples for Kubernetes: FRR gets what frr-k8s or MetalLB
 * render for one router, in our words, and the example's lines behind it, with
 * the options that those start bgpd with; and two speakers before one router.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Daemon } from '../support/daemon.js';
import { blockOf, ExampleLab, exampleFile } from '../support/example-lab.js';
import { FRR_VERSIONS, startFrr } from '../support/frr.js';
import { type Gobgpd, startGobgpd } from '../support/gobgpd.js';
import { ownRoutes } from '../support/kernel-view.js';
import { stays, until } from '../support/wait.js';

const NET = '198.51.100.0/24';
const OTHER = '10.77.0.0/16';
const SERVICE = '203.0.113.10/32';
const LEARNED = { [NET]: ['via 10.9.0.2 dev eth1'] };
/** update-delay of the examples waits for peers that are not up. */
const DEADLINE_MS = 100_000;

/** The router takes calls only: bgpd of MetalLB and frr-k8s, and a speaker, call. */
async function router(lab: ExampleLab, ...neighbors: string[]): Promise<Gobgpd> {
  const gobgpd = lab.keep(
    await startGobgpd({
      ...{ version: '4.8', netns: lab.fabrics.router1, as: 65001, routerId: '10.9.0.2' },
      neighbors: neighbors.map((address) => ({ address, as: 65000 })),
    }),
  );
  for (const prefix of [NET, OTHER]) {
    await gobgpd.cli('global', 'rib', 'add', prefix, 'nexthop', '10.9.0.2');
  }
  return gobgpd;
}

async function learns(lab: ExampleLab): Promise<void> {
  await until(
    async () => {
      assert.deepEqual(Object.fromEntries(await ownRoutes(lab.node, 100)), LEARNED);
      return true;
    },
    { what: 'what the router announces is in table 100', deadlineMs: DEADLINE_MS, everyMs: 200 },
  );
}

/** One router in both address families; `incoming` is its route-map. */
function rendered(incoming: string): string {
  return `
hostname node
ip nht resolve-via-default
ipv6 nht resolve-via-default
${incoming}
route-map 10.9.0.2-out permit 1
exit
router bgp 65000
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp default ipv4-unicast
 bgp graceful-restart preserve-fw-state
 neighbor 10.9.0.2 remote-as 65001
 neighbor 10.9.0.2 timers connect 3
 address-family ipv4 unicast
  neighbor 10.9.0.2 activate
  neighbor 10.9.0.2 route-map 10.9.0.2-in in
  neighbor 10.9.0.2 route-map 10.9.0.2-out out
 exit-address-family
 address-family ipv6 unicast
  neighbor 10.9.0.2 activate
  neighbor 10.9.0.2 route-map 10.9.0.2-in in
  neighbor 10.9.0.2 route-map 10.9.0.2-out out
 exit-address-family
exit
`;
}

const EXAMPLES = [
  {
    folder: 'frr-k8s',
    config: () =>
      rendered('route-map 10.9.0.2-in permit 1\nexit') +
      blockOf(exampleFile('frr-k8s', 'frrconfiguration.yaml'), 'rawConfig'),
    inMain: false,
  },
  {
    folder: 'metallb',
    config: () =>
      rendered('route-map 10.9.0.2-in deny 20\nexit') +
      blockOf(exampleFile('metallb', 'bgpextras.yaml'), 'extras'),
    inMain: false,
  },
  {
    folder: 'ovn-kubernetes',
    config: () =>
      rendered('route-map 10.9.0.2-in permit 1\nexit') +
      blockOf(exampleFile('ovn-kubernetes', 'frrconfiguration.yaml'), 'rawConfig'),
    inMain: true,
  },
] as const;

for (const { folder, config, inMain } of EXAMPLES) {
  describe(`frr-examples/${folder}`, { concurrency: FRR_VERSIONS.length }, () => {
    for (const version of FRR_VERSIONS) {
      it(`with FRR ${version}`, async () => {
        await using lab = await ExampleLab.create();
        await router(lab, '10.9.0.1');
        lab.keep(
          await startFrr({
            ...{ version, netns: lab.node, config: config() },
            args: { bgpd: ['-A', '127.0.0.1', '-p', '0'] },
          }),
        );
        const daemon = await lab.rib2fib(folder);
        await learns(lab);
        const main = await lab.node.ip('route', 'show', NET, 'table', 'main');
        assert.equal(main !== '', inMain, main);
        assert.equal((await daemon.cli('check')).code, 0);
      });
    }
  });
}

/** Holds while `work` is done: the router has the service's route. */
async function announcedMeanwhile(gobgpd: Gobgpd, work: () => Promise<void>): Promise<void> {
  const announced = async () => (await gobgpd.cli('global', 'rib')).includes(SERVICE);
  assert.ok(await announced());
  let done = false;
  const watched = stays(async () => done || (await announced()), {
    ...{ what: 'the router has the service’s route', forMs: 20_000, everyMs: 100 },
  });
  // Told when it is awaited below; a rejection before must not be nobody's.
  watched.catch(() => {});
  try {
    await work();
    assert.ok(await announced());
  } finally {
    done = true;
  }
  await watched;
}

async function restartAndTearDown(lab: ExampleLab, daemon: Daemon, peer: string): Promise<void> {
  await daemon.stop('SIGKILL');
  await daemon.launch({ until: 'admin' });
  await learns(lab);
  await daemon.stop();
  await daemon.launch({ until: 'admin' });
  await learns(lab);
  await until(async () => (await daemon.status()).source.peers.some((one) => one.established), {
    what: `the session of ${peer} is up`,
    deadlineMs: DEADLINE_MS,
  });
}

describe('two speakers, one router', { concurrency: 3 }, () => {
  it('frr-examples/beside-speaker-second-address: a session of our own, from another address', async () => {
    await using lab = await ExampleLab.create();
    await lab.node.ip('address', 'add', '10.9.0.11/24', 'dev', 'eth1');
    const gobgpd = await router(lab, '10.9.0.1', '10.9.0.11');
    const speaker = lab.keep(
      await startGobgpd({
        ...{ version: '3.10', netns: lab.node, as: 65000, routerId: '10.9.0.1', port: -1 },
        neighbors: [{ address: '10.9.0.2', as: 65001, passive: false, localAddress: '10.9.0.1' }],
      }),
    );
    await speaker.established();
    await speaker.cli('global', 'rib', 'add', SERVICE, 'nexthop', '10.9.0.1');
    await until(async () => (await gobgpd.cli('global', 'rib')).includes(SERVICE), {
      what: 'the service is announced',
    });
    const daemon = await lab.rib2fib('beside-speaker-second-address');
    await learns(lab);
    await announcedMeanwhile(gobgpd, () => restartAndTearDown(lab, daemon, '10.9.0.2'));
    await announcedMeanwhile(gobgpd, async () => {
      const text = exampleFile('beside-speaker-second-address', 'rib2fib.yaml');
      const limit = '- { family: ipv4, max: 1, peer: 10.9.0.2, count: received, action: teardown }';
      const changed = text.replace(/- \{ family: ipv4, max: 1000 \}/, limit);
      await daemon.configure(`${changed}\nadmin: { socket: "${daemon.adminSocket}" }\n`);
      await until(
        async () => (await daemon.status()).source.peers.every((one) => !one.established),
        { what: 'the learner’s session is ended', deadlineMs: 20_000 },
      );
      await until(
        async () => {
          const sessions = await gobgpd.neighbors();
          const up = sessions.filter((one) => one.established).map(({ address }) => address);
          assert.deepEqual(up, ['10.9.0.1']);
          return true;
        },
        { what: 'the router has the speaker’s session only' },
      );
    });
  });

  for (const version of FRR_VERSIONS) {
    it(`frr-examples/beside-speaker-local-frr: FRR ${version} owns the session`, async () => {
      await using lab = await ExampleLab.create();
      await lab.node.ip('address', 'add', '10.255.0.3/32', 'dev', 'lo');
      const gobgpd = await router(lab, '10.9.0.1');
      const config = exampleFile('beside-speaker-local-frr', 'frr.conf');
      const frr = lab.keep(await startFrr({ version, netns: lab.node, config }));
      const speaker = lab.keep(
        await startGobgpd({
          ...{ version: '3.10', netns: lab.node, as: 64512, routerId: '10.9.0.3', port: -1 },
          neighbors: [
            {
              ...{ address: '192.0.2.10', as: 65000, passive: false, localAddress: '10.255.0.3' },
              extra: { 'ebgp-multihop': { config: { enabled: true, 'multihop-ttl': 2 } } },
            },
          ],
        }),
      );
      await speaker.cli('global', 'rib', 'add', SERVICE, 'nexthop', '10.255.0.3');
      const daemon = await lab.rib2fib('beside-speaker-local-frr');
      await frr.established(['10.9.0.2', '127.0.0.2', '10.255.0.3'], DEADLINE_MS);
      await learns(lab);
      await until(async () => (await gobgpd.cli('global', 'rib')).includes(SERVICE), {
        what: 'the service is announced to the router',
        deadlineMs: DEADLINE_MS,
      });
      const rib = await gobgpd.cli('global', 'rib');
      const line = rib.split('\n').find((one) => one.includes(SERVICE)) ?? '';
      assert.match(line, /10\.9\.0\.1\b.*\b65000\b/);
      assert.doesNotMatch(line, /64512/);
      await announcedMeanwhile(gobgpd, () => restartAndTearDown(lab, daemon, '192.0.2.10'));
    });
  }
});
