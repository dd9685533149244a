/** The daemons that are compared with, and what a comparison must have reached to be worth anything. */
import type { SelectionStep } from '../../src/policy/select.js';
import type { Random } from '../support/random.js';
import { compareWithBird } from './bird.js';
import type { Comparison } from './comparison.js';
import { compareWithFrr } from './frr.js';
import { compareWithGobgp } from './gobgp.js';
import { PEERS, type RandomTable } from './table.js';

export const DAEMONS = ['gobgp-3.10', 'gobgp-4.8', 'frr-8.4', 'frr-10.3', 'bird-2'] as const;
export type Daemon = (typeof DAEMONS)[number];

/** One comparison for each way the daemon can be told to choose. */
export function compareWith(
  daemon: Daemon,
  table: RandomTable,
  random: Random,
): AsyncGenerator<Comparison> {
  const order = shuffled(random);
  switch (daemon) {
    case 'gobgp-3.10':
      return compareWithGobgp('3.10', table, order);
    case 'gobgp-4.8':
      return compareWithGobgp('4.8', table, order);
    case 'frr-8.4':
      return compareWithFrr('8.4', table, order);
    case 'frr-10.3':
      return compareWithFrr('10.3', table, order);
    case 'bird-2':
      return compareWithBird(table, order);
  }
}

/** Steps at which no path lost, though the daemon takes them and peers of the table can meet there. */
export function unreached({ name, lost }: Comparison): string[] {
  const oldest = name.includes('oldest');
  const never = new Set<SelectionStep>(['path-id']);
  if (!oldest) never.add('oldest');
  if (name.startsWith('GoBGP')) {
    for (const step of ['next-hop', 'igp-metric', 'cluster-length'] as const) never.add(step);
  }
  // What shares a route there has not lost; and no two external paths are of one age.
  const ties = ['router-id', 'cluster-length', 'peer-address'] as const;
  if (oldest || name.includes('multipath')) for (const step of ties) never.add(step);
  if (name.startsWith('GoBGP') && !name.includes('multipath')) never.delete('router-id');
  const steps = lost.keys() as Iterable<SelectionStep>;
  return [...steps].filter((step) => lost.get(step) === 0 && !never.has(step));
}

/** The numbers of the peers in the order they are to announce in. */
function shuffled(random: Random): readonly number[] {
  const order = PEERS.map((_, peer) => peer);
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}
