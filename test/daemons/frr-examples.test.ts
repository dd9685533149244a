/** Every folder of frr-examples for a host, with real daemons: what these call best is in rib2fib's table, and nothing else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { FAMILIES } from '../../src/net/family.js';
import { startBird } from '../support/bird.js';
import type { Daemon } from '../support/daemon.js';
import { ExampleLab, exampleFile, gatewaysOf, type Routes } from '../support/example-lab.js';
import type { Feeder } from '../support/feeder.js';
import { FRR_VERSIONS, type Frr, type FrrOptions, startFrr } from '../support/frr.js';
import { GOBGPD_VERSIONS, gobgpBinary } from '../support/gobgpd.js';
import { until } from '../support/wait.js';

const ONE = '198.51.100.0/24';
const BOTH = '198.51.101.0/24';
const ONE6 = '2001:db8:1000::/48';
/** Not permitted by any example. */
const OTHER = '10.77.0.0/16';

const VIA1 = 'via 10.9.0.2 dev eth1';
const VIA1_6 = 'via 2001:db8:9::2 dev eth1';
const VIA2 = 'via 10.9.1.2 dev eth2';

const ALL_OF_ONE: Routes = { [ONE]: [VIA1], [BOTH]: [VIA1], [ONE6]: [VIA1_6] };
const ALL_OF_BOTH: Routes = { ...ALL_OF_ONE, [BOTH]: [VIA1, VIA2] };

async function announce(routers: readonly Feeder[]): Promise<void> {
  const [one, two] = routers;
  await one?.announce([
    { attributes: { nextHop: '10.9.0.2' }, prefixes: [ONE, BOTH, OTHER] },
    { attributes: { nextHop: '2001:db8:9::2' }, prefixes: [ONE6] },
  ]);
  await two?.announce([{ attributes: { nextHop: '10.9.1.2' }, prefixes: [BOTH] }]);
}

/** Nobody but rib2fib writes to its table, and its rule stands. */
async function isWhole(lab: ExampleLab, daemon: Daemon): Promise<void> {
  const rules = await lab.node.ip('rule', 'show', 'priority', '10000');
  assert.match(rules, /from 203\.0\.113\.0\/24 lookup 100/);
  const check = await daemon.cli('check');
  assert.equal(check.code, 0, check.stdout);
  assert.doesNotMatch(check.stdout, /warning/);
}

/** What the feed is not complete without; empty where it is. */
async function waitingFor(daemon: Daemon): Promise<string> {
  const { state } = (await daemon.status()).source;
  return state.state === 'syncing' ? state.waitingFor : '';
}

async function isSynced(daemon: Daemon): Promise<void> {
  await until(async () => (await daemon.status()).source.state.state === 'synced', {
    what: 'the feed is complete',
    deadlineMs: 60_000,
  });
}

interface FrrExample {
  readonly folder: string;
  readonly routers: 1 | 2;
  readonly args?: FrrOptions['args'];
  /** How FRR is stopped: zebra 10.3 that was killed takes what it left in main for BGP's. */
  readonly end: 'SIGKILL' | 'SIGTERM';
  /** What rib2fib waits for while FRR has no router. */
  readonly lacks: RegExp;
}

const NO_ROUTE = /^the first route of 192\.0\.2\.10: its End-of-RIB came without any$/;

const FRR_EXAMPLES: readonly FrrExample[] = [
  { folder: 'loopback-ibgp', routers: 1, end: 'SIGKILL', lacks: NO_ROUTE },
  { folder: 'two-uplinks', routers: 2, end: 'SIGKILL', lacks: NO_ROUTE },
  {
    folder: 'fpm',
    routers: 2,
    args: { zebra: zebraOptions() },
    end: 'SIGTERM',
    lacks: /^the first route of BGP$/,
  },
];

function zebraOptions(): readonly string[] {
  const line = /zebra_options="([^"]*)"/.exec(exampleFile('fpm', 'daemons'))?.[1] ?? '';
  return line.trim().split(/\s+/);
}

/** Both sides of an example, and its routers, which have announced. */
async function set(
  lab: ExampleLab,
  { folder, routers, args }: FrrExample,
  version: FrrOptions['version'],
  change?: (text: string) => string,
): Promise<{ frr: Frr; daemon: Daemon; feeders: readonly Feeder[] }> {
  const config = exampleFile(folder, 'frr.conf');
  const frr = lab.keep(
    await startFrr({
      ...{ version, netns: lab.node, config },
      ...(args === undefined ? {} : { args }),
    }),
  );
  const daemon = await lab.rib2fib(folder, change);
  const feeders = [await lab.router(1)];
  if (routers === 2) feeders.push(await lab.router(2));
  await announce(feeders);
  return { frr, daemon, feeders };
}

/** FRR ends and comes back while no router can be reached; its update-delay, made shorter, passes. */
async function restartCutOff(
  frr: Frr,
  end: FrrExample['end'],
  feeders: readonly Feeder[],
): Promise<void> {
  for (const name of [...frr.daemons].reverse()) await frr.stop(name, end);
  for (const feeder of feeders) await feeder.drop();
  await frr.configure(frr.options.config.replace('update-delay 60 20', 'update-delay 10 3'));
  for (const name of frr.daemons) await frr.launch(name);
  const delay = await frr.vtysh('show running-config');
  assert.match(delay, /update-delay 10 3/);
}

/** `gobgp global rib -j`, as far as it is looked at. */
type GobgpRib = Readonly<
  Record<
    string,
    readonly { readonly best?: boolean; readonly attrs: readonly { nexthop?: string }[] }[]
  >
>;

describe('frr-examples', { concurrency: 2 }, () => {
  for (const example of FRR_EXAMPLES) {
    const all = example.routers === 2 ? ALL_OF_BOTH : ALL_OF_ONE;
    describe(`frr-examples/${example.folder}`, { concurrency: true }, () => {
      for (const version of FRR_VERSIONS) {
        it(`with FRR ${version}: learns what it calls best; nothing goes where it restarts with its routers cut`, async () => {
          await using lab = await ExampleLab.create();
          const { frr, daemon, feeders } = await set(lab, example, version);
          await lab.becomes(all);
          await isWhole(lab, daemon);
          const main = await lab.node.ip('route', 'show', 'proto', 'bgp');
          assert.equal(main !== '', example.folder === 'fpm', main);
          const own = gatewaysOf(await lab.own());
          const best = await Promise.all(FAMILIES.map((family) => frr.bestPaths(family)));
          const permitted = best.flatMap((one) => [...one]).filter(([prefix]) => prefix !== OTHER);
          assert.deepEqual(own, new Map(permitted));
          assert.match(await frr.vtysh('show running-config'), /update-delay 60 20/);

          await restartCutOff(frr, example.end, feeders);
          await lab.remains(all, async () => example.lacks.test(await waitingFor(daemon)));
          // zebra tells nothing of an update-delay that ends: past it.
          const end = performance.now() + 4000;
          await lab.remains(all, async () => performance.now() > end);
          assert.match(await waitingFor(daemon), example.lacks);
          await Promise.all(feeders.map((feeder) => feeder.connect()));
          await lab.remains(all, async () => (await waitingFor(daemon)) === '');
          await isSynced(daemon);
          assert.deepEqual(await lab.own(), all);
        });
      }

      // As loopback-ibgp to rib2fib.
      if (example.folder === 'two-uplinks') return;
      it('sync.timeout is what ends that wait', async () => {
        await using lab = await ExampleLab.create();
        const timeout = (text: string) => text.replace('timeout: 360s', 'timeout: 15s');
        const { frr, daemon, feeders } = await set(lab, example, '10.3', timeout);
        await lab.becomes(all);
        await isSynced(daemon);
        await restartCutOff(frr, example.end, feeders);
        await lab.remains(all, async () => example.lacks.test(await waitingFor(daemon)));
        const { since } = (await daemon.status()).source.state;
        const left = since + 15_000 - Date.now() - 500;
        assert.ok(left > 0, 'it began before');
        const end = performance.now() + left;
        await lab.remains(all, async () => performance.now() > end);
        await lab.becomes({}, 5000);
      });
    });
  }

  describe('frr-examples/bird', () => {
    it('with BIRD 2: learns what it has; nothing goes where it restarts with its routers cut', async () => {
      await using lab = await ExampleLab.create();
      const config = exampleFile('bird', 'bird.conf');
      const bird = lab.keep(await startBird({ netns: lab.node, config }));
      const daemon = await lab.rib2fib('bird');
      const feeders = [await lab.router(1), await lab.router(2)];
      await announce(feeders);
      await lab.becomes(ALL_OF_BOTH);
      await isWhole(lab, daemon);
      // BIRD makes ECMP in its kernel protocol only: here all its routes are the next hops.
      const has = [...(await bird.routes())].filter(([prefix]) => prefix !== OTHER);
      assert.deepEqual(
        gatewaysOf(await lab.own()),
        new Map(has.map(([prefix, hops]) => [prefix, hops.toSorted()])),
      );

      await bird.stop('SIGKILL');
      for (const feeder of feeders) await feeder.drop();
      await bird.launch();
      await lab.remains(ALL_OF_BOTH, async () => NO_ROUTE.test(await waitingFor(daemon)));
      await pause(1000);
      await Promise.all(feeders.map((feeder) => feeder.connect()));
      await bird.established(['rib2fib', 'router1', 'router2']);
      await lab.remains(ALL_OF_BOTH, async () => (await waitingFor(daemon)) === '');
      await isSynced(daemon);
      assert.deepEqual(await lab.own(), ALL_OF_BOTH);
    });
  });

  describe('frr-examples/gobgp', { concurrency: true }, () => {
    for (const version of GOBGPD_VERSIONS) {
      it(`with gobgpd ${version}: learns what it calls best`, async () => {
        await using lab = await ExampleLab.create();
        const socket = `${lab.directory}/gobgp.sock`;
        const file = fileURLToPath(
          new URL('../../frr-examples/gobgp/gobgpd.toml', import.meta.url),
        );
        const gobgpd = lab.node.spawn(
          [gobgpBinary(version, 'gobgpd'), '-f', file, '--api-hosts', `unix://${socket}`],
          { stdio: 'ignore' },
        );
        try {
          const daemon = await lab.rib2fib('gobgp', (text) =>
            text.replace('/run/gobgp/gobgp.sock', socket),
          );
          await announce([await lab.router(1), await lab.router(2)]);
          await lab.becomes(ALL_OF_BOTH);
          await isSynced(daemon);
          await isWhole(lab, daemon);
          const rib = await lab.node.exec(
            ...[gobgpBinary(version, 'gobgp'), '--target', `unix://${socket}`],
            ...['global', 'rib', '-a', 'ipv4', '-j'],
          );
          const own = gatewaysOf(await lab.own());
          for (const [prefix, paths] of Object.entries(JSON.parse(rib) as GobgpRib)) {
            if (prefix === OTHER) continue;
            const hops = (of: typeof paths) =>
              of.map(({ attrs }) => attrs.find((one) => one.nexthop)?.nexthop ?? '').sort();
            // All that it has are equal; 3.x marks one of them as best, whatever their number.
            assert.deepEqual(own.get(prefix), hops(paths));
            const best = hops(paths.filter((path) => path.best === true));
            assert.ok(best.length > 0 && best.every((one) => own.get(prefix)?.includes(one)));
          }
        } finally {
          const exit = once(gobgpd, 'exit');
          gobgpd.kill('SIGKILL');
          await exit;
        }
      });
    }
  });
});
