/**
 * The differential test against BIRD: the route it calls primary, and what
 * rib2fib beside it puts into the kernel. It tells no set of legs by their BGP
 * next hops, so the best paths alone are compared.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Path } from '../../src/rib/path.js';
import { type Bird, startBird } from '../support/bird.js';
import { until } from '../support/wait.js';
import { type Comparison, choiceOf, compare, type DaemonChoice } from './comparison.js';
import { type Choices, optionsOf, pathOf, withNeighbour } from './model.js';
import { GATEWAY, Network, NODE_ADDRESS } from './network.js';
import { SUBJECT_PORT, Subject } from './subject.js';
import { NODE_AS, PEERS, type RandomTable, UNDERLAY } from './table.js';

/** What each of its BGP protocols is told. */
const RUNS: readonly { what: string; options: string; choices: Choices }[] = [
  { what: 'deterministic med', options: 'deterministic med;', choices: {} },
  { what: 'med metric', options: 'med metric;', choices: { alwaysCompareMed: true } },
];

export async function* compareWithBird(
  table: RandomTable,
  order: readonly number[],
): AsyncGenerator<Comparison> {
  const announced = new Map(
    [...table].map(([prefix, all]) => [prefix, all.map((one) => pathOf(one))] as const),
  );
  for (const { what, options: told, choices } of RUNS) {
    await using network = await Network.start();
    await using bird = await startBird({ netns: network.node, config: configOf(told) });
    await using subject = await Subject.start(network.node, [choices]);
    await network.connect([179, SUBJECT_PORT]);
    await bird.established(PEERS.map((_, peer) => nameOf(peer)));
    await network.announce(table, order, async (peer, prefixes) => {
      await Promise.all([accepted(bird, peer, prefixes), subject.heard(peer, prefixes)]);
    });
    const options = optionsOf(choices);
    yield compare(announced, await subject.chosen(0), await settled(bird), {
      ...{ name: `BIRD 2, ${what}`, options },
      explain: (paths, daemon) => asBirdCompares(paths, daemon, choices),
    });
  }
}

function nameOf(peer: number): string {
  return `p${peer}`;
}

/** The kernel's metrics are none of BIRD's: it is given the same ones. */
function configOf(options: string): string {
  const ways = [...UNDERLAY].map(
    ([prefix, metric]) => `route ${prefix} via ${GATEWAY} { igp_metric = ${metric}; };`,
  );
  const peers = PEERS.map(
    ({ address, as }, peer) => `protocol bgp ${nameOf(peer)} {
  local ${NODE_ADDRESS} as ${NODE_AS};
  neighbor ${address} as ${as};
  passive; multihop; ${options}
  ipv4 { import all; export none; gateway recursive; };
}`,
  );
  return `
log stderr all;
router id ${NODE_ADDRESS};
protocol device {}
protocol direct { ipv4; interface "eth1"; }
protocol static { ipv4; ${ways.join(' ')} }
${peers.join('\n')}
`;
}

async function accepted(bird: Bird, peer: number, prefixes: number): Promise<void> {
  await until(
    async () => {
      const text = await bird.birdc('show', 'route', 'protocol', nameOf(peer), 'count');
      return Number(/^(\d+) of /m.exec(text)?.[1]) === prefixes;
    },
    { what: `BIRD has the ${prefixes} routes of peer ${peer}`, deadlineMs: 60_000, everyMs: 200 },
  );
}

/** It decides in its own time: what it says twice in a row is what it came to. Its clock times differ by a millisecond from one look to the next. */
async function settled(bird: Bird): Promise<Map<string, DaemonChoice>> {
  let choices = new Map<string, DaemonChoice>();
  await until(
    async () => {
      const before = JSON.stringify([...choices]);
      await pause(500);
      choices = choicesOf(await bird.birdc('show', 'route', 'primary', 'all'));
      return JSON.stringify([...choices]) === before;
    },
    { what: 'BIRD has come to rest', deadlineMs: 60_000 },
  );
  return choices;
}

/** `40.0.0.0/24  unicast [p0 12:00:00.000 from 10.9.0.2] * (100/10) [AS65010i]`, and its attributes. */
function choicesOf(text: string): Map<string, DaemonChoice> {
  const found = new Map<string, DaemonChoice>();
  const routes = text.split(/^(?=[\d.]+\/\d+ )/m);
  for (const route of routes) {
    const [, prefix, kind, peer] = /^(\S+) +(\w+) \[p(\d+) [^\]]*\] \*/.exec(route) ?? [];
    if (prefix === undefined) continue;
    const hop = /BGP\.next_hop: (\S+)/.exec(route)?.[1];
    const usable = kind === 'unicast';
    found.set(prefix, {
      best: usable ? PEERS[Number(peer)]?.address : undefined,
      hop: usable ? hop : undefined,
    });
  }
  return found;
}

/**
 * BIRD asks whether a path is LLGR_STALE before it asks for a way to its next
 * hop, and holds one with a set in front for one of this AS.
 */
function asBirdCompares(
  paths: readonly Path[],
  { best }: DaemonChoice,
  choices: Choices,
): string | undefined {
  const options = optionsOf(choices);
  const named = paths.map((path) => withNeighbour(path, () => NODE_AS));
  if (choiceOf(named, options).best === best) {
    return 'AS_SET in front: BIRD takes the own AS for the neighbouring one';
  }
  const stale = ({ attributes }: Path) => attributes.communities.includes(0xffff0006);
  const fresh = named.filter((path) => !stale(path));
  return best === undefined && fresh.length > 0 && choiceOf(fresh, options).best === undefined
    ? 'LLGR_STALE: BIRD prefers a path that has no way to its next hop'
    : undefined;
}
