/** Changes that the daemon has to follow: announcements, ways to the next hop, configurations, time. */

import type { Random } from '../support/random.js';
import type { Change } from './action.js';
import { SWAPS } from './configuration.js';
import { CHANGING, SIDES } from './network.js';
import type { Setting } from './world.js';

const MOST_AT_ONCE = 10;

export function announcement(random: Random, { multipath }: Setting): Change {
  const side = random.pick(SIDES);
  const prefixes = somePrefixes(random);
  const nextHop = random.chance(0.25) ? 'remote' : 'own';
  // Without multipath no two routers may be equally good: which is older would decide.
  const prepend = multipath ? random.below(2) : 2 * random.below(2) + (side === 'a' ? 0 : 1);
  return {
    kind: 'announce',
    text: `router ${side} announces ${prefixes.length} prefixes from ${prefixes[0]}, next hop ${nextHop}, ${prepend} AS more`,
    needs: [],
    make: ({ bgp }) => bgp.routers[side].announce(prefixes, { nextHop, prepend }),
  };
}

export function withdrawal(random: Random): Change {
  const side = random.pick(SIDES);
  const prefixes = somePrefixes(random);
  return {
    kind: 'withdraw',
    text: `router ${side} withdraws ${prefixes.length} prefixes from ${prefixes[0]}`,
    needs: [],
    make: ({ bgp }) => bgp.routers[side].announce(prefixes, undefined),
  };
}

export function otherWay(random: Random): Change {
  const side = random.pick(SIDES);
  return {
    kind: 'next hop moved',
    text: `main reaches the remote next hop through router ${side}`,
    needs: ['link-a', 'link-b'],
    make: ({ fabric }) => fabric.routeRemote(side),
  };
}

export function swap(random: Random): Change {
  const [what, change] = random.pick(Object.entries(SWAPS));
  return {
    kind: 'configuration swapped',
    text: `the configuration changes: ${what}`,
    needs: ['config'],
    make: async (world) => {
      world.config = change(world.config);
      await world.configure();
    },
  };
}

export function clockJump(random: Random): Change {
  const hours = random.pick([-8760, -24, -1, 0, 1, 24, 8760]);
  return {
    kind: 'clock jump',
    text: `the wall clock is ${hours} hours ahead`,
    needs: [],
    make: async ({ subject }) => subject.clock.jump(hours * 3600),
  };
}

function somePrefixes(random: Random): readonly string[] {
  const start = random.below(CHANGING.length);
  const count = 1 + random.below(MOST_AT_ONCE);
  return Array.from({ length: count }, (_, i) => CHANGING[(start + i) % CHANGING.length] ?? '');
}
