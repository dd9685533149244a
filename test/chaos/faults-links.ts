/** Faults of the node's interfaces into the fabrics. */

import type { Random } from '../support/random.js';
import type { Fault } from './action.js';
import { link } from './faults-daemons.js';
import { DESTINATIONS, SIDE, SIDES, type SideName, TABLES } from './network.js';
import type { World } from './world.js';

interface Breakage {
  readonly words: string;
  /** BGP's messages do not get through either; the session outlives it. */
  readonly cuts: boolean;
  begin(world: World, side: SideName): Promise<void>;
  mend(world: World, side: SideName): Promise<void>;
}

const BREAKAGES: Readonly<Record<string, Breakage>> = {
  'link down': {
    words: 'is set down',
    cuts: true,
    begin: ({ fabric }, side) => fabric.setLink(side, 'down'),
    mend: async ({ fabric }, side) => {
      await fabric.setLink(side, 'up');
      await fabric.restore(side);
    },
  },
  'carrier lost': {
    words: 'loses its carrier',
    cuts: true,
    begin: ({ fabric }, side) => fabric.setCarrier(side, 'down'),
    mend: async ({ fabric }, side) => {
      await fabric.setCarrier(side, 'up');
      await fabric.restore(side);
    },
  },
  'link deleted': {
    words: 'is deleted',
    cuts: true,
    begin: ({ fabric }, side) => fabric.uncable(side),
    mend: async ({ fabric }, side) => {
      await fabric.cable(side);
      await fabric.restore(side);
    },
  },
  'link renamed': {
    words: 'gets another name',
    cuts: false,
    begin: ({ fabric }, side) => fabric.rename(side, 'away'),
    mend: ({ fabric }, side) => fabric.rename(side, 'back'),
  },
  'address gone': {
    words: 'loses its addresses',
    cuts: true,
    begin: ({ fabric }, side) => fabric.setAddresses(side, 'absent'),
    mend: ({ fabric }, side) => fabric.restore(side),
  },
  'address added': {
    words: 'gets one more address',
    cuts: false,
    begin: ({ fabric }, side) => fabric.setSecondAddress(side, 'present'),
    mend: ({ fabric }, side) => fabric.setSecondAddress(side, 'absent'),
  },
};

export function linkFault(random: Random): Fault {
  const side = random.pick(SIDES);
  const [kind, { words, cuts, begin, mend }] = random.pick(Object.entries(BREAKAGES));
  return {
    kind,
    text: `${SIDE[side].port} ${words}`,
    uses: [link(side)],
    alone: false,
    begin: async (world) => {
      const before = performance.now();
      const { retained, routers } = world.bgp;
      if (cuts) retained.set(side, routers[side].announcements);
      await begin(world, side);
      // The kernel drops what led out of it, and brings nothing back by itself.
      if (cuts) world.robbed(reachedOver(world, side));
      await world.assess(before);
    },
    mend: async (world) => {
      await mend(world, side);
      if (cuts) world.bgp.retained.delete(side);
    },
  };
}

/** Destinations, as the probe names them, that a leg out of the side's interface may belong to. */
function reachedOver({ fabric }: World, side: SideName): readonly string[] {
  const over = DESTINATIONS.filter(({ from }) =>
    from === 'remote' ? fabric.remoteVia === side : from === side || from === 'both',
  );
  return TABLES.flatMap((table) => over.map(({ prefix }) => `${table} ${prefix}`));
}
