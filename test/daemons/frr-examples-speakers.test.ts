/** The folders beside-speaker-*: two speakers before one router; what is announced survives what befalls the learner. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Daemon } from '../support/daemon.js';
import { ExampleLab, exampleFile } from '../support/example-lab.js';
import { FRR_VERSIONS, startFrr } from '../support/frr.js';
import { GOBGPD_VERSIONS, type Gobgpd, gobgpBinary, startGobgpd } from '../support/gobgpd.js';
import { until } from '../support/wait.js';

const NET = '198.51.100.0/24';
const OTHER = '10.77.0.0/16';
const SERVICE = '203.0.113.10/32';
const LEARNED = { [NET]: ['via 10.9.0.2 dev eth1'] };
const DEADLINE_MS = 60_000;

/** The router, which takes calls only: speakers call. */
async function router(lab: ExampleLab, ...neighbors: string[]): Promise<Gobgpd> {
  const gobgpd = lab.keep(
    await startGobgpd({
      ...{ version: '4.8', netns: lab.fabrics.router1, as: 65001, routerId: '10.9.0.2' },
      // It sends End-of-RIB, as routers do; FRR's update-delay waits for that.
      neighbors: neighbors.map((address) => ({
        ...{ address, as: 65000, gracefulRestart: { restartTime: 5 } },
      })),
    }),
  );
  for (const prefix of [NET, OTHER]) {
    await gobgpd.cli('global', 'rib', 'add', prefix, 'nexthop', '10.9.0.2');
  }
  return gobgpd;
}

/** The speaker of Kubernetes, which calls `owner` from an address of its own. */
async function localSpeaker(lab: ExampleLab, owner: string): Promise<Gobgpd> {
  await lab.node.ip('address', 'add', '10.255.0.3/32', 'dev', 'lo');
  const speaker = lab.keep(
    await startGobgpd({
      ...{ version: '3.10', netns: lab.node, as: 64512, routerId: '10.9.0.3', port: -1 },
      neighbors: [
        {
          ...{ address: owner, as: 65000, passive: false, localAddress: '10.255.0.3' },
          extra: { 'ebgp-multihop': { config: { enabled: true, 'multihop-ttl': 2 } } },
        },
      ],
    }),
  );
  await speaker.cli('global', 'rib', 'add', SERVICE, 'nexthop', '10.255.0.3');
  // What no speaker should announce goes no further.
  await speaker.cli('global', 'rib', 'add', '192.0.2.0/24', 'nexthop', '10.255.0.3');
  return speaker;
}

async function isAnnounced(gobgpd: Gobgpd): Promise<void> {
  await until(async () => (await gobgpd.cli('global', 'rib')).includes(SERVICE), {
    what: 'the service is announced to the router',
    deadlineMs: DEADLINE_MS,
  });
}

/** Of the node's own AS, by its own address, and nothing but the service. */
async function isAnnouncedAsOurs(gobgpd: Gobgpd): Promise<void> {
  await isAnnounced(gobgpd);
  const rib = await gobgpd.cli('global', 'rib');
  const line = rib.split('\n').find((one) => one.includes(SERVICE)) ?? '';
  assert.match(line, /10\.9\.0\.1\b.*\b65000\b/);
  assert.doesNotMatch(rib, /64512|192\.0\.2\.0/);
}

/** Does `work`, and looks all the while whether the router has the service's route. */
async function announcedMeanwhile(gobgpd: Gobgpd, work: () => Promise<void>): Promise<void> {
  let done = false;
  const watch = async () => {
    do {
      const rib = await gobgpd.cli('global', 'rib');
      assert.ok(rib.includes(SERVICE), `the router lost the service’s route: ${rib}`);
      await pause(100);
    } while (!done);
  };
  const both = await Promise.allSettled([
    watch(),
    work().finally(() => {
      done = true;
    }),
  ]);
  for (const one of both) if (one.status === 'rejected') throw one.reason;
  await isAnnounced(gobgpd);
}

/** Killed, and stopped in good order: the routes stay both times, and the feed comes back. */
async function restarts(lab: ExampleLab, daemon: Daemon): Promise<void> {
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await daemon.stop(signal);
    assert.deepEqual(await lab.own(), LEARNED);
    await daemon.launch({ until: 'admin' });
    await lab.remains(LEARNED, async () => (await daemon.status()).source.state.state === 'synced');
  }
}

/** A limit that is exceeded at once ends the learner's session. */
async function tearsDown(daemon: Daemon, folder: string, peer: string): Promise<void> {
  const limit = `- { family: ipv4, max: 1, peer: ${peer}, count: received, action: teardown }`;
  const text = exampleFile(folder, 'rib2fib.yaml');
  const changed = text.replace(/- \{ family: ipv4, max: 1000 \}/, limit);
  assert.notEqual(changed, text);
  await daemon.configure(`${changed}\nadmin: { socket: "${daemon.adminSocket}" }\n`);
  await until(async () => (await daemon.status()).source.peers.every((one) => !one.established), {
    what: 'the learner’s session is ended',
    deadlineMs: 20_000,
  });
}

describe('two speakers, one router', { concurrency: 3 }, () => {
  it('beside-speaker-second-address: a session of our own, from another address', async () => {
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
    await isAnnounced(gobgpd);
    const folder = 'beside-speaker-second-address';
    const daemon = await lab.rib2fib(folder);
    await lab.becomes(LEARNED);
    await announcedMeanwhile(gobgpd, async () => {
      await restarts(lab, daemon);
      await tearsDown(daemon, folder, '10.9.0.2');
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
    it(`beside-speaker-local-frr: FRR ${version} owns the session`, async () => {
      await using lab = await ExampleLab.create();
      const folder = 'beside-speaker-local-frr';
      const gobgpd = await router(lab, '10.9.0.1');
      const config = exampleFile(folder, 'frr.conf');
      const frr = lab.keep(await startFrr({ version, netns: lab.node, config }));
      await localSpeaker(lab, '192.0.2.10');
      const daemon = await lab.rib2fib(folder);
      await frr.established(['10.9.0.2', '127.0.0.2', '10.255.0.3'], DEADLINE_MS);
      await lab.becomes(LEARNED);
      await isAnnouncedAsOurs(gobgpd);
      const best = await frr.bestPaths('ipv4');
      assert.deepEqual(best.get(NET), ['10.9.0.2']);
      await announcedMeanwhile(gobgpd, async () => {
        await restarts(lab, daemon);
        await tearsDown(daemon, folder, '192.0.2.10');
        type Neighbors = Record<string, { readonly bgpState?: string }>;
        await until(
          async () => {
            const known = await frr.vtyshJson<Neighbors>('show bgp neighbors json');
            return known['127.0.0.2']?.bgpState !== 'Established';
          },
          { what: 'FRR sees the session end' },
        );
      });
    });
  }

  for (const version of GOBGPD_VERSIONS) {
    it(`beside-speaker-local-gobgp: gobgpd ${version} owns the session`, async () => {
      await using lab = await ExampleLab.create();
      const folder = 'beside-speaker-local-gobgp';
      const gobgpd = await router(lab, '10.9.0.1');
      const socket = `${lab.directory}/gobgp.sock`;
      const file = new URL(`../../frr-examples/${folder}/gobgpd.toml`, import.meta.url);
      const owner = lab.node.spawn(
        [
          ...[gobgpBinary(version, 'gobgpd'), '-f', fileURLToPath(file)],
          ...['--api-hosts', `unix://${socket}`],
        ],
        { stdio: 'ignore' },
      );
      try {
        await localSpeaker(lab, '192.0.2.10');
        const daemon = await lab.rib2fib(folder, (text) =>
          text.replace('/run/gobgp/gobgp.sock', socket),
        );
        await lab.becomes(LEARNED);
        await isAnnouncedAsOurs(gobgpd);
        await announcedMeanwhile(gobgpd, () => restarts(lab, daemon));
      } finally {
        const exit = once(owner, 'exit');
        owner.kill('SIGKILL');
        await exit;
      }
    });
  }
});
