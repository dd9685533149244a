/** Every folder of frr-examples with real daemons: what the routers announce is in rib2fib's table, and nothing else. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startBird } from '../support/bird.js';
import type { Daemon } from '../support/daemon.js';
import { ExampleLab, exampleFile } from '../support/example-lab.js';
import type { Feeder } from '../support/feeder.js';
import {
  FRR_VERSIONS,
  type Frr,
  type FrrOptions,
  type FrrVersion,
  startFrr,
} from '../support/frr.js';
import { GOBGPD_VERSIONS, gobgpBinary } from '../support/gobgpd.js';
import { ownRoutes } from '../support/kernel-view.js';
import { stays, until } from '../support/wait.js';

const TABLE = 100;
const ONE = '198.51.100.0/24';
const BOTH = '198.51.101.0/24';
const ONE6 = '2001:db8:1000::/48';
/** Not permitted by any example. */
const OTHER = '10.77.0.0/16';

const VIA1 = 'via 10.9.0.2 dev eth1';
const VIA1_6 = 'via 2001:db8:9::2 dev eth1';
const VIA2 = 'via 10.9.1.2 dev eth2';

/** update-delay of the examples waits for routers that are not up, 60 s at most. */
const DEADLINE_MS = 100_000;

type Routes = Readonly<Record<string, readonly string[]>>;

const ALL_OF_ONE: Routes = { [ONE]: [VIA1], [BOTH]: [VIA1], [ONE6]: [VIA1_6] };
const ALL_OF_BOTH: Routes = { ...ALL_OF_ONE, [BOTH]: [VIA1, VIA2] };

async function own(lab: ExampleLab): Promise<Routes> {
  return Object.fromEntries(await ownRoutes(lab.node, TABLE));
}

function becomes(lab: ExampleLab, wanted: Routes): Promise<unknown> {
  return until(
    async () => {
      assert.deepEqual(await own(lab), wanted);
      return true;
    },
    { what: `table ${TABLE} is ${JSON.stringify(wanted)}`, deadlineMs: DEADLINE_MS, everyMs: 200 },
  );
}

function remains(lab: ExampleLab, wanted: Routes, forMs: number): Promise<void> {
  return stays(
    async () => {
      assert.deepEqual(await own(lab), wanted);
      return true;
    },
    { what: `table ${TABLE} is ${JSON.stringify(wanted)}`, forMs, everyMs: 200 },
  );
}

async function announce(one: Feeder, two?: Feeder): Promise<void> {
  await one.announce([
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

interface FrrExample {
  readonly folder: string;
  readonly routers: 1 | 2;
  readonly args?: FrrOptions['args'];
  /** The whole configuration FRR gets, where it is not `frr.conf`. */
  readonly config?: () => string;
}

const FRR_EXAMPLES: readonly FrrExample[] = [
  { folder: 'loopback-ibgp', routers: 1 },
  { folder: 'two-uplinks', routers: 2 },
  { folder: 'fpm', routers: 2, args: { zebra: zebraOptions() } },
];

function zebraOptions(): readonly string[] {
  const line = /zebra_options="([^"]*)"/.exec(exampleFile('fpm', 'daemons'))?.[1] ?? '';
  return line.trim().split(/\s+/);
}

async function frrOf(lab: ExampleLab, example: FrrExample, version: FrrVersion): Promise<Frr> {
  const { folder, args, config } = example;
  return lab.keep(
    await startFrr({
      ...{ version, netns: lab.node },
      config: config?.() ?? exampleFile(folder, 'frr.conf'),
      ...(args === undefined ? {} : { args }),
    }),
  );
}

/** What FRR itself calls best: prefix to next hops, of what the examples permit. */
async function bestOf(frr: Frr): Promise<ReadonlyMap<string, readonly string[]>> {
  interface Rib {
    readonly routes: Record<
      string,
      readonly {
        readonly bestpath?: boolean;
        readonly multipath?: boolean;
        readonly nexthops: readonly { readonly ip: string; readonly used?: boolean }[];
      }[]
    >;
  }
  const { routes } = await frr.vtyshJson<Rib>('show bgp ipv4 unicast json');
  return new Map(
    Object.entries(routes)
      .filter(([prefix]) => prefix !== OTHER)
      .map(([prefix, paths]) => [
        prefix,
        paths
          .filter(({ bestpath, multipath }) => bestpath === true || multipath === true)
          .map(({ nexthops }) => nexthops[0]?.ip ?? '')
          .sort(),
      ]),
  );
}

for (const example of FRR_EXAMPLES) {
  describe(`frr-examples/${example.folder}`, { concurrency: FRR_VERSIONS.length }, () => {
    for (const version of FRR_VERSIONS) {
      it(`with FRR ${version}: learns, and sweeps nothing where FRR restarts with its routers cut`, async () => {
        await using lab = await ExampleLab.create();
        const { folder, routers } = example;
        const frr = await frrOf(lab, example, version);
        const daemon = await lab.rib2fib(folder);
        const one = await lab.router(1);
        const two = routers === 2 ? await lab.router(2) : undefined;
        await announce(one, two);
        const all = routers === 2 ? ALL_OF_BOTH : ALL_OF_ONE;
        await becomes(lab, all);
        await isWhole(lab, daemon);
        const main = await lab.node.ip('route', 'show', 'proto', 'bgp');
        assert.equal(main !== '', folder === 'fpm', main);
        const best = await bestOf(frr);
        const table = Object.entries(await own(lab)).filter(([prefix]) => !prefix.includes(':'));
        assert.deepEqual(
          new Map(
            table.map(([prefix, legs]) => [prefix, legs.map((leg) => leg.split(' ')[1]).sort()]),
          ),
          best,
        );

        await one.drop();
        await two?.drop();
        for (const name of [...frr.daemons].reverse()) await frr.stop(name, 'SIGKILL');
        for (const name of frr.daemons) await frr.launch(name);
        await remains(lab, all, 15_000);
        await one.connect();
        await two?.connect();
        await until(async () => (await daemon.status()).source.state.state === 'synced', {
          what: 'the feed is complete again',
          deadlineMs: DEADLINE_MS,
        });
        await becomes(lab, all);
      });
    }
  });
}

describe('frr-examples/bird', () => {
  it('with BIRD 2: learns, and holds the routes while BIRD is away', async () => {
    await using lab = await ExampleLab.create();
    const config = exampleFile('bird', 'bird.conf');
    const bird = lab.keep(await startBird({ netns: lab.node, config }));
    const daemon = await lab.rib2fib('bird');
    await announce(await lab.router(1), await lab.router(2));
    await becomes(lab, ALL_OF_BOTH);
    await isWhole(lab, daemon);
    await bird.stop('SIGKILL');
    await remains(lab, ALL_OF_BOTH, 3000);
    await bird.launch();
    await bird.established(['rib2fib', 'router1', 'router2'], DEADLINE_MS);
    await remains(lab, ALL_OF_BOTH, 5000);
  });
});

describe('frr-examples/gobgp', { concurrency: GOBGPD_VERSIONS.length }, () => {
  for (const version of GOBGPD_VERSIONS) {
    it(`with gobgpd ${version}: learns`, async () => {
      await using lab = await ExampleLab.create();
      const socket = `${lab.directory}/gobgp.sock`;
      const file = new URL('../../frr-examples/gobgp/gobgpd.toml', import.meta.url).pathname;
      const gobgpd = lab.node.spawn(
        [gobgpBinary(version, 'gobgpd'), '-f', file, '--api-hosts', `unix://${socket}`],
        { stdio: 'ignore' },
      );
      try {
        const daemon = await lab.rib2fib('gobgp', (text) =>
          text.replace('/run/gobgp/gobgp.sock', socket),
        );
        await announce(await lab.router(1), await lab.router(2));
        await becomes(lab, ALL_OF_BOTH);
        await until(async () => (await daemon.status()).source.state.state === 'synced', {
          what: 'the feed is complete',
          deadlineMs: DEADLINE_MS,
        });
      } finally {
        gobgpd.kill('SIGKILL');
      }
    });
  }
});
