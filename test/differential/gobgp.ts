/**
 * The differential test against gobgpd: its own best path of each prefix, and
 * what rib2fib chooses from the paths it heard through the same gobgpd.
 *
 * What GoBGP leaves out of the decision is left out of ours here: it compares
 * router ids as the sessions have them, not ORIGINATOR_ID, knows no cluster
 * list length, and, without a zebra beside it, no ways to next hops.
 */
import assert from 'node:assert/strict';
import type { Path } from '../../src/rib/path.js';
import { Consumer } from '../e2e/source-consumer.js';
import { type Gobgpd, type GobgpdVersion, startGobgpd } from '../support/gobgpd.js';
import { until } from '../support/wait.js';
import { type Comparison, choiceOf, compare, type DaemonChoice } from './comparison.js';
import { bestByArrival, type Choices, optionsOf, pathOf } from './model.js';
import { Network } from './network.js';
import { NODE_AS, PEERS, type RandomTable } from './table.js';

interface Run {
  readonly what: string;
  readonly externalCompareRouterId: boolean;
  readonly choices: Choices;
}

const RUNS: readonly Run[] = [
  {
    what: 'always-compare-med, multipath',
    externalCompareRouterId: true,
    choices: { alwaysCompareMed: true, multipathRelax: true },
  },
  { what: 'MED by neighbouring AS', externalCompareRouterId: true, choices: {} },
  {
    what: 'always-compare-med, oldest first',
    externalCompareRouterId: false,
    choices: { alwaysCompareMed: true, preferOldest: true },
  },
];

export async function* compareWithGobgp(
  version: GobgpdVersion,
  table: RandomTable,
  order: readonly number[],
): AsyncGenerator<Comparison> {
  for (const run of RUNS) {
    await using network = await Network.start();
    await using gobgpd = await start(version, network, run);
    await network.connect();
    await gobgpd.established();
    await network.announce(table, order, (peer, prefixes) => accepted(gobgpd, peer, prefixes));
    yield await compareRun(gobgpd, run, table);
  }
}

function start(version: GobgpdVersion, { node }: Network, run: Run): Promise<Gobgpd> {
  return startGobgpd({
    ...{ version, netns: node, as: NODE_AS, multipath: true },
    neighbors: PEERS.map(({ address, as }) => ({ address, as, families: ['ipv4'] })),
    global: {
      'route-selection-options': {
        config: {
          'external-compare-router-id': run.externalCompareRouterId,
          'always-compare-med': run.choices.alwaysCompareMed ?? false,
        },
      },
    },
  });
}

async function accepted(gobgpd: Gobgpd, peer: number, prefixes: number): Promise<void> {
  const what = `gobgpd has the ${prefixes} routes of peer ${peer}`;
  await until(
    async () => {
      const neighbors = await gobgpd.neighbors();
      return (
        neighbors.find(({ address }) => address === PEERS[peer]?.address)?.accepted === prefixes
      );
    },
    { what, deadlineMs: 60_000, everyMs: 100 },
  );
}

async function compareRun(gobgpd: Gobgpd, run: Run, table: RandomTable): Promise<Comparison> {
  const { version } = gobgpd.options;
  await using consumer = new Consumer(gobgpd.address, 60_000, { paths: 'all' });
  await consumer.is('synced', 60_000);
  const heard = new Map(
    [...consumer.paths].map(([prefix, paths]) => [prefix, paths.map(asGobgpCompares)] as const),
  );
  assertHeard(consumer.paths, table);
  const options = optionsOf({ ...run.choices, metrics: false });
  const others = [...consumer.paths].filter(([prefix, paths]) => {
    const alike = choiceOf(heard.get(prefix) ?? [], options).best;
    return choiceOf(paths, options).best !== alike;
  });
  const notes = [
    `${others.length} we choose otherwise, by ORIGINATOR_ID and cluster list, which gobgpd does not compare`,
  ];
  // Only 4.8 marks the members of a set; and MED it compares there between any two.
  const legs = version === '4.8' && run.choices.multipathRelax === true;
  return compare(heard, await choices(gobgpd, legs), {
    ...{ name: `GoBGP ${version}, ${run.what}`, options, notes },
    explain: (paths, { best = '', legs: theirs }) => {
      const bests = bestByArrival(paths, options);
      if (bests.size > 1 && bests.has(best)) {
        return 'MED among neighbours: gobgpd goes by the order of arrival';
      }
      const stale = paths.some(({ attributes }) => attributes.communities.includes(0xffff0006));
      return theirs !== undefined && stale ? 'LLGR_STALE: gobgpd lets it share a route' : undefined;
    },
  });
}

/** The adapter's paths are those that were announced. */
function assertHeard(heard: ReadonlyMap<string, readonly Path[]>, table: RandomTable): void {
  const byPeer = (paths: readonly Path[]) =>
    paths
      .map((path) => ({ ...path, receivedAt: undefined }))
      .toSorted((a, b) => (a.peer < b.peer ? -1 : 1));
  for (const [prefix, announcements] of table) {
    const announced = announcements.map((one) => pathOf(one));
    assert.deepEqual(byPeer(heard.get(prefix) ?? []), byPeer(announced), prefix);
  }
}

function asGobgpCompares(path: Path): Path {
  return {
    ...path,
    attributes: { ...path.attributes, originatorId: undefined, clusterLength: 0 },
  };
}

type GlobalRib = Readonly<Record<string, readonly ListedPath[]>>;

interface ListedPath {
  readonly best?: boolean;
  /** The peer's address: of 3.10, and of 4.8. */
  readonly 'neighbor-ip'?: string;
  readonly 'peer-address'?: string;
  readonly attrs: readonly { readonly type: number; readonly nexthop?: string }[];
}

/** `gobgp global rib`: the best path is the first, and with `legs` all that are marked are its set. */
async function choices(gobgpd: Gobgpd, legs: boolean): Promise<Map<string, DaemonChoice>> {
  const rib = await gobgpd.cliJson<GlobalRib>('global', 'rib');
  return new Map(
    Object.entries(rib).map(([prefix, paths]): [string, DaemonChoice] => {
      const best = paths[0]?.['neighbor-ip'] ?? paths[0]?.['peer-address'];
      if (!legs) return [prefix, { best }];
      const marked = paths.filter((path) => path.best === true);
      const hops = marked.map(({ attrs }) => attrs.find(({ type }) => type === 3)?.nexthop ?? '');
      return [prefix, { best, legs: new Set(hops) }];
    }),
  );
}
