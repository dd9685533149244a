/** What somebody does to rib2fib's objects by hand, with the daemon alive or not. */
import type { Change, Fault } from './action.js';
import { look } from './look.js';
import { DESTINATIONS, familyOf, GATEWAY, POOL, TABLES, type TableId } from './network.js';
import type { Random } from './random.js';
import type { World } from './world.js';

interface Victim {
  readonly table: TableId;
  readonly prefix: string;
}

type Deed = (random: Random) => {
  readonly text: string;
  readonly commands: (world: World) => readonly string[] | Promise<readonly string[]>;
};

const DEEDS: Readonly<Record<string, Deed>> = {
  'route deleted': (random) => {
    const { table, prefix } = someVictim(random);
    return {
      text: `${prefix} is deleted from table ${table}`,
      commands: ({ config }) => [
        `route delete ${prefix} table ${table} metric ${config.metric} proto 178`,
      ],
    };
  },
  'route altered': (random) => {
    const { table, prefix } = someVictim(random);
    const how = random.pick(['blackhole', `via ${GATEWAY[familyOf(prefix)]} dev eth0`]);
    const words = how === 'blackhole' ? `${how} ${prefix}` : `${prefix} ${how}`;
    return {
      text: `${prefix} in table ${table} becomes ${how}, still under our mark`,
      commands: ({ config }) => [
        `route replace ${words} table ${table} metric ${config.metric} proto 178`,
      ],
    };
  },
  'table flushed': (random) => {
    const table = random.pick(TABLES);
    return {
      text: `table ${table} is emptied of all that is ours`,
      commands: () => [`route flush table ${table} proto 178`],
    };
  },
  'stray route': (random) => {
    const table = random.pick([100, 101, 102, 777]);
    return {
      text: `a route under our mark appears in table ${table}`,
      commands: () => [`route replace 10.96.0.0/16 dev eth0 table ${table} metric 20 proto 178`],
    };
  },
  'rule deleted': (random) => {
    const table = random.pick(TABLES);
    const pool = POOL[table][random.pick(['ipv4', 'ipv6'] as const)];
    return {
      text: `the rule from ${pool} is deleted`,
      commands: ({ config }) => [
        `rule delete from ${pool} lookup ${table} priority ${config.priority} protocol 178`,
      ],
    };
  },
  'stray rule': (random) => {
    const table = random.pick([100, 101, 102, 777]);
    return {
      text: `a rule under our mark into table ${table} appears`,
      commands: () => [`rule add from 198.19.0.0/16 lookup ${table} priority 9000 protocol 178`],
    };
  },
  'nexthop deleted': (random) => {
    const number = random.below(1000);
    return {
      text: 'a nexthop object of ours is deleted',
      commands: async (world) => {
        const { nexthops } = await look(world.node);
        return nexthops.length === 0
          ? []
          : [`nexthop delete id ${nexthops[number % nexthops.length]}`];
      },
    };
  },
  'nexthop altered': (random) => {
    const number = random.below(1000);
    return {
      text: 'a nexthop object of ours is led elsewhere, under our mark',
      commands: async (world) => {
        const { singles } = await look(world.node);
        const single = singles[number % singles.length];
        if (single === undefined) return [];
        const gateway = single.gateway.includes(':') ? GATEWAY.ipv6 : GATEWAY.ipv4;
        return [`nexthop replace id ${single.id} via ${gateway} dev eth0 proto 178`];
      },
    };
  },
};

export function drift(random: Random): Change {
  const [kind, deed] = random.pick(Object.entries(DEEDS));
  const { text, commands } = deed(random);
  return {
    kind,
    text,
    needs: [],
    make: async (world) => {
      world.robbed();
      await world.assess();
      await byHand(world, await commands(world));
    },
  };
}

/** Thousands of changes that are nobody's business here, heard by a daemon that does not read. */
export function flood(random: Random): Change {
  const { table, prefix } = someVictim(random);
  const pair = ['route add blackhole 10.95.0.0/16 table 900', 'route del 10.95.0.0/16 table 900'];
  return {
    kind: 'socket filled',
    text: `${2 * FLOOD} foreign changes while rib2fib stands still, and ${prefix} is deleted from table ${table}`,
    needs: ['daemon'],
    make: async (world) => {
      const { node, config } = world;
      world.subject.suspend();
      world.robbed();
      await world.assess();
      await node.ipBatch(Array.from({ length: FLOOD }, () => pair).flat());
      await byHand(world, [
        `route delete ${prefix} table ${table} metric ${config.metric} proto 178`,
      ]);
      world.subject.resume();
      await world.assess();
    },
  };
}

/** More than the 16 MiB of its receive buffer hold. */
const FLOOD = 22_000;

/** Somebody puts a route of his own in the place of ours: ours waits until he takes it away. */
export function squatter(random: Random): Fault {
  const { table, prefix } = someVictim(random);
  const route = ({ config }: World) => `${prefix} table ${table} metric ${config.metric}`;
  let stands = '';
  return {
    kind: 'route squatted',
    text: `somebody else's route replaces ${prefix} in table ${table}`,
    uses: ['config'],
    alone: false,
    begin: async (world) => {
      const before = performance.now();
      stands = route(world);
      world.robbed();
      await byHand(world, [`route replace unreachable ${stands} proto static`]);
      await world.assess(before);
    },
    mend: (world) => byHand(world, [`route delete unreachable ${stands} proto static`]),
  };
}

/** What is not there, and what a link that is away does not allow, is left undone. */
async function byHand({ node }: World, commands: readonly string[]): Promise<void> {
  for (const command of commands) {
    const ipv6 = command.includes(':') ? ['-6'] : [];
    await node.ip(...ipv6, ...command.split(' ')).catch(() => undefined);
  }
}

function someVictim(random: Random): Victim {
  return { table: random.pick(TABLES), prefix: random.pick(DESTINATIONS).prefix };
}
