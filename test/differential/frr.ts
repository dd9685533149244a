/**
 * The differential test against FRR: the paths it marks as best and as
 * multipath, and what rib2fib beside it puts into the kernel.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { explainSelection } from '../../src/policy/select.js';
import type { Path } from '../../src/rib/path.js';
import { type Frr, type FrrVersion, startFrr } from '../support/frr.js';
import { until } from '../support/wait.js';
import { type Comparison, choiceOf, compare, type DaemonChoice } from './comparison.js';
import { bestByArrival, type Choices, optionsOf, pathOf } from './model.js';
import { Network, NODE_ADDRESS } from './network.js';
import { SUBJECT_PORT, Subject } from './subject.js';
import { NODE_AS, PEERS, type RandomTable } from './table.js';

/** What is said to bgpd before each, over what was said before. */
const RUNS: readonly { what: string; commands: readonly string[]; choices: Choices }[] = [
  { what: 'oldest first', commands: [], choices: { preferOldest: true } },
  { what: 'compare-routerid', commands: ['bgp bestpath compare-routerid'], choices: {} },
  {
    what: 'multipath-relax',
    commands: ['bgp bestpath as-path multipath-relax'],
    choices: { multipathRelax: true },
  },
  {
    what: 'multipath-relax, always-compare-med',
    commands: ['bgp always-compare-med'],
    choices: { multipathRelax: true, alwaysCompareMed: true },
  },
];

export async function* compareWithFrr(
  version: FrrVersion,
  table: RandomTable,
  order: readonly number[],
): AsyncGenerator<Comparison> {
  await using network = await Network.start();
  await using frr = await startFrr({
    ...{ version, netns: network.node, config: CONFIG },
    args: { bgpd: ['-n'] },
  });
  await using subject = await Subject.start(
    network.node,
    RUNS.map(({ choices }) => choices),
  );
  await network.connect([179, SUBJECT_PORT]);
  await frr.established(PEERS.map(({ address }) => address));
  await network.announce(table, order, async (peer, prefixes) => {
    await Promise.all([accepted(frr, peer, prefixes), subject.heard(peer, prefixes)]);
  });
  const receivedAt = PEERS.map((_, peer) => order.indexOf(peer));
  const announced = new Map(
    [...table].flatMap(([prefix, announcements]) =>
      announcements.length === 0
        ? []
        : [[prefix, announcements.map((one) => pathOf(one, receivedAt))] as const],
    ),
  );
  for (const [run, { what, commands, choices: asked }] of RUNS.entries()) {
    if (commands.length > 0) {
      await frr.vtysh('configure terminal', `router bgp ${NODE_AS}`, ...commands);
    }
    const options = optionsOf(asked);
    yield compare(announced, await subject.chosen(run), await settled(frr), {
      ...{ name: `FRR ${version}, ${what}`, options },
      explain: (paths, daemon) =>
        (asked.preferOldest ? selectedSoFar : sharedInSpiteOfMed)(paths, daemon, asked) ??
        (version === '8.4' ? undefined : inOrderOfArrival(paths, daemon, asked)),
    });
  }
}

const CONFIG = `
router bgp ${NODE_AS}
 bgp router-id ${NODE_ADDRESS}
 no bgp ebgp-requires-policy
 bgp deterministic-med
 timers bgp 30 90
${PEERS.map(
  ({ address, as }) => ` neighbor ${address} remote-as ${as}
 neighbor ${address} passive
${as === NODE_AS ? '' : ` neighbor ${address} ebgp-multihop 255\n`}`,
).join('')} address-family ipv4 unicast
  maximum-paths 16
  maximum-paths ibgp 16
 exit-address-family
`;

interface Summary {
  readonly peers: Readonly<Record<string, { readonly pfxRcd: number }>>;
}

async function accepted(frr: Frr, peer: number, prefixes: number): Promise<void> {
  await until(
    async () => {
      const { peers } = await frr.vtyshJson<Summary>('show bgp ipv4 unicast summary json');
      return peers[PEERS[peer]?.address ?? '']?.pfxRcd === prefixes;
    },
    { what: `FRR has the ${prefixes} routes of peer ${peer}`, deadlineMs: 60_000, everyMs: 200 },
  );
}

interface Table {
  readonly routes: Readonly<
    Record<
      string,
      readonly {
        readonly bestpath?: boolean;
        readonly multipath?: boolean;
        readonly peerId: string;
        readonly nexthops: readonly { readonly ip: string }[];
      }[]
    >
  >;
}

/** bgpd decides in its own time: what it says twice in a row is what it came to. */
async function settled(frr: Frr): Promise<Map<string, DaemonChoice>> {
  let last = '';
  await until(
    async () => {
      const before = last;
      await pause(1000);
      last = await frr.vtysh('show bgp ipv4 unicast json');
      // The time since each change is no part of this command's answer.
      return last === before;
    },
    { what: 'FRR has come to rest', deadlineMs: 120_000 },
  );
  const { routes } = JSON.parse(last) as Table;
  return new Map(
    Object.entries(routes).map(([prefix, paths]): [string, DaemonChoice] => {
      const best = paths.find(({ bestpath }) => bestpath === true);
      const legs = paths.filter(
        ({ bestpath, multipath }) => bestpath === true || multipath === true,
      );
      const hops = legs.flatMap(({ nexthops }) => nexthops.map(({ ip }) => ip));
      return [prefix, { best: best?.peerId, hop: best?.nexthops[0]?.ip, legs: new Set(hops) }];
    }),
  );
}

/**
 * FRR compares each path with the best one only. One that lost by MED to a
 * third of its own neighbour, but not to the best one, shares the route there;
 * here it has lost, as it has in FRR where that third path is the best.
 */
function sharedInSpiteOfMed(
  paths: readonly Path[],
  { best, legs }: DaemonChoice,
  asked: Choices,
): string | undefined {
  const options = optionsOf(asked);
  const ours = choiceOf(paths, options);
  const first = paths.find(({ peer }) => peer === best);
  if (asked.alwaysCompareMed || ours.best !== best || first === undefined) return undefined;
  const expected = new Set(ours.legs);
  for (const { path, outcome } of explainSelection(paths, options)) {
    if (outcome.kind !== 'lost' || outcome.step !== 'med') continue;
    const pair = explainSelection([path, first], options);
    if (pair.every((one) => one.outcome.kind !== 'lost')) expected.add(path.nextHop.address.text);
  }
  const text = (hops: Iterable<string> = []) => [...hops].sort().join(' ');
  return text(expected) === text(legs)
    ? 'MED among neighbours: FRR lets a path share that lost to a third one'
    : undefined;
}

/**
 * For FRR the oldest path is the one it has selected so far. Where that has lost
 * to a newer path, by MED, router ids decide among the rest, however old.
 */
function selectedSoFar(
  paths: readonly Path[],
  { best }: DaemonChoice,
  asked: Choices,
): string | undefined {
  const byRouterId = optionsOf({ ...asked, preferOldest: false });
  const inOrder = paths.toSorted((a, b) => (a.receivedAt ?? 0) - (b.receivedAt ?? 0));
  let selected: string | undefined;
  for (let i = 1; i <= inOrder.length; i++) {
    const arrived = inOrder.slice(0, i);
    const kept = explainSelection(arrived, byRouterId).some(
      ({ path: { peer, session }, outcome }) =>
        peer === selected &&
        session?.type === 'external' &&
        (outcome.kind !== 'lost' || outcome.equalCost),
    );
    if (!kept) selected = choiceOf(arrived, byRouterId).best;
  }
  return selected === best
    ? 'oldest: FRR keeps to the path selected so far, and goes by router id where that has lost'
    : undefined;
}

/**
 * FRR 10.3 keeps paths sorted by pairs, with `deterministic-med` too: the same
 * table announced in another order has other best paths where MED makes the
 * pairs go in circles. 8.4 does not.
 */
function inOrderOfArrival(
  paths: readonly Path[],
  { best = '' }: DaemonChoice,
  asked: Choices,
): string | undefined {
  if (asked.alwaysCompareMed) return undefined;
  for (const preferOldest of new Set([false, asked.preferOldest === true])) {
    const bests = bestByArrival(paths, optionsOf({ ...asked, preferOldest }));
    if (bests.size > 1 && bests.has(best)) {
      return 'MED among neighbours: FRR 10.3 goes by the order of arrival';
    }
  }
  return undefined;
}
