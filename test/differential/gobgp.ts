/**
 * The differential test against gobgpd: its own best path of each prefix, and
 * what rib2fib beside it puts into the kernel. What source `gobgp` hears of the
 * same gobgpd, under `paths: all`, must be what was announced.
 *
 * Without a zebra beside it gobgpd knows no ways to next hops: here they are all
 * reached, at no cost. It compares router ids as the sessions have them, not
 * ORIGINATOR_ID, and no cluster lists: a difference by that is told as such.
 */
import assert from 'node:assert/strict';
import type { Path } from '../../src/rib/path.js';
import { type Gobgpd, type GobgpdVersion, startGobgpd } from '../support/gobgpd.js';
import { Consumer } from '../support/source-consumer.js';
import { until } from '../support/wait.js';
import {
  type Choice,
  type Comparison,
  choiceOf,
  compare,
  type DaemonChoice,
} from './comparison.js';
import { bestByArrival, type Choices, optionsOf, pathOf, withNeighbour } from './model.js';
import { Network } from './network.js';
import { SUBJECT_PORT, Subject } from './subject.js';
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
    await using network = await Network.start({ metrics: false });
    await using gobgpd = await start(version, network, run);
    await using subject = await Subject.start(network.node, [run.choices]);
    await network.connect([179, SUBJECT_PORT]);
    await gobgpd.established();
    await network.announce(table, order, async (peer, prefixes) => {
      await Promise.all([accepted(gobgpd, peer, prefixes), subject.heard(peer, prefixes)]);
    });
    await assertHeard(gobgpd, table);
    yield await compareRun(gobgpd, subject, { run, table, order });
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

async function compareRun(
  gobgpd: Gobgpd,
  subject: Subject,
  { run, table, order }: { run: Run; table: RandomTable; order: readonly number[] },
): Promise<Comparison> {
  const { version } = gobgpd.options;
  const receivedAt = PEERS.map((_, peer) => order.indexOf(peer));
  const announced = new Map(
    [...table].map(([prefix, all]) => [prefix, all.map((one) => pathOf(one, receivedAt))] as const),
  );
  const options = optionsOf({ ...run.choices, metrics: false });
  // Only 4.8 marks the members of a set; and MED it compares there between any two.
  const legs = version === '4.8' && run.choices.multipathRelax === true;
  return compare(announced, await subject.chosen(0), await choices(gobgpd, legs), {
    ...{ name: `GoBGP ${version}, ${run.what}`, options },
    explain: (heard, theirs) => {
      const named = heard.map((path) => withNeighbour(path, ([first]) => first));
      if (isChoice(choiceOf(named, options), theirs)) {
        return 'AS_SET in front: gobgpd takes its first AS for the neighbouring one';
      }
      const paths = named.map(asGobgpCompares);
      if (isChoice(choiceOf(paths, options), theirs)) {
        return 'ORIGINATOR_ID and cluster list: gobgpd compares neither';
      }
      const bests = bestByArrival(paths, options);
      if (bests.size > 1 && bests.has(theirs.best ?? '')) {
        return 'MED among neighbours: gobgpd goes by the order of arrival';
      }
      const stale = paths.some(({ attributes }) => attributes.communities.includes(0xffff0006));
      return theirs.legs !== undefined && stale
        ? 'LLGR_STALE: gobgpd lets it share a route'
        : undefined;
    },
  });
}

function isChoice(ours: Choice, { hop, legs }: DaemonChoice): boolean {
  return (
    ours.hop === hop &&
    (legs === undefined ||
      (ours.legs.size === legs.size && [...legs].every((leg) => ours.legs.has(leg))))
  );
}

/** The adapter's paths are those that were announced. */
async function assertHeard(gobgpd: Gobgpd, table: RandomTable): Promise<void> {
  await using consumer = new Consumer(gobgpd.address, 60_000, { paths: 'all' });
  await consumer.is('synced', 60_000);
  const byPeer = (paths: readonly Path[]) =>
    paths
      .map((path) => ({ ...path, receivedAt: undefined }))
      .toSorted((a, b) => (a.peer < b.peer ? -1 : 1));
  for (const [prefix, announcements] of table) {
    const announced = announcements.map((one) => pathOf(one));
    assert.deepEqual(byPeer(consumer.paths.get(prefix) ?? []), byPeer(announced), prefix);
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
      const hop = nextHopOf(paths[0]);
      if (!legs) return [prefix, { best, hop }];
      const marked = paths.filter((path) => path.best === true);
      return [prefix, { best, hop, legs: new Set(marked.map((path) => nextHopOf(path) ?? '')) }];
    }),
  );
}

function nextHopOf(path: ListedPath | undefined): string | undefined {
  return path?.attrs.find(({ type }) => type === 3)?.nexthop;
}
