/** What somebody does to rib2fib's objects by hand, with the daemon alive or not. */
import { droppedMessages } from '../support/netlink-sockets.js';
import type { Random } from '../support/random.js';
import type { Change, Fault } from './action.js';
import { DESTINATIONS, familyOf, GATEWAY, POOL, TABLES, type TableId } from './network.js';
import { QUESTIONS } from './probe-protocol.js';
import type { World } from './world.js';

interface Victim {
  readonly table: TableId;
  readonly prefix: string;
}

interface Plan {
  /** For ip(8); several lines are one batch. */
  readonly commands: readonly string[];
  /** Destinations that may lose their route by it, as the probe names them. */
  readonly robs: readonly string[];
}

type Deed = (random: Random) => {
  readonly text: string;
  readonly plan: (world: World) => Plan | Promise<Plan>;
};

const DEEDS: Readonly<Record<string, Deed>> = {
  'route deleted': (random) => {
    const { table, prefix } = someVictim(random);
    return {
      text: `${prefix} is deleted from table ${table}`,
      plan: ({ config }) => ({
        commands: [`route delete ${prefix} table ${table} metric ${config.metric} proto 178`],
        robs: [`${table} ${prefix}`],
      }),
    };
  },
  'route altered': (random) => {
    const { table, prefix } = someVictim(random);
    const how = random.pick(['blackhole', `via ${GATEWAY[familyOf(prefix)]} dev eth0`]);
    const words = how === 'blackhole' ? `${how} ${prefix}` : `${prefix} ${how}`;
    return {
      text: `${prefix} in table ${table} becomes ${how}, still under our mark`,
      plan: ({ config }) => ({
        commands: [`route replace ${words} table ${table} metric ${config.metric} proto 178`],
        robs: [`${table} ${prefix}`],
      }),
    };
  },
  'table flushed': (random) => {
    const table = random.pick(TABLES);
    return {
      text: `table ${table} is emptied of all that is ours`,
      // `ip route flush` fails on routes on nexthop objects (iproute2 6.1: Invalid argument).
      plan: async (world) => {
        const { own } = await world.look();
        const deletions = [...own].flatMap((line) => {
          const [, of, what, metric] = /^route (\d+) (.+?) metric (\d+)/.exec(line) ?? [];
          return of === String(table)
            ? [`route delete ${what} table ${table} metric ${metric} proto 178`]
            : [];
        });
        for (const [line, prefixes] of await world.lookAtBallast()) {
          const [, of, metric] = /^route (\d+) .*?metric (\d+)/.exec(line) ?? [];
          if (of !== String(table)) continue;
          for (const prefix of prefixes)
            deletions.push(`route delete ${prefix} table ${table} metric ${metric} proto 178`);
        }
        if (deletions.length === 0) return NOTHING;
        return { commands: [deletions.join('\n')], robs: destinationsOf(table) };
      },
    };
  },
  'stray route': (random) => {
    const table = random.pick([100, 101, 102, 777]);
    return {
      text: `a route of each family under our mark appears in table ${table}`,
      plan: () => ({
        commands: ['10.96.0.0/16', '2001:db8:96::/48'].map(
          (prefix) => `route replace ${prefix} dev eth0 table ${table} metric 20 proto 178`,
        ),
        robs: [],
      }),
    };
  },
  'rule deleted': (random) => {
    const table = random.pick(TABLES);
    const family = random.pick(['ipv4', 'ipv6'] as const);
    const pool = POOL[table][family];
    return {
      text: `the rule from ${pool} is deleted`,
      plan: ({ config }) => ({
        commands: [
          `rule delete from ${pool} lookup ${table} priority ${config.priority} protocol 178`,
        ],
        robs: destinationsOf(table).filter((one) => familyOf(one) === family),
      }),
    };
  },
  'stray rule': (random) => {
    const table = random.pick([100, 101, 102, 777]);
    return {
      text: `a rule of each family under our mark into table ${table} appears`,
      plan: () => ({
        commands: ['198.19.0.0/16', '2001:db8:f000::/48'].map(
          (from) => `rule add from ${from} lookup ${table} priority 9000 protocol 178`,
        ),
        robs: [],
      }),
    };
  },
  'nexthop deleted': (random) => {
    const number = random.below(1000);
    return {
      text: 'a nexthop object of ours is deleted',
      plan: async (world) => {
        const { nexthops } = await world.look();
        const nexthop = nexthops[number % nexthops.length];
        if (nexthop === undefined) return NOTHING;
        return { commands: [`nexthop delete id ${nexthop.id}`], robs: nexthop.carries };
      },
    };
  },
  'nexthop altered': (random) => {
    const number = random.below(1000);
    return {
      text: 'a nexthop object of ours is led elsewhere, under our mark',
      plan: async (world) => {
        const { nexthops } = await world.look();
        const singles = nexthops.filter(({ gateway }) => gateway !== undefined);
        const single = singles[number % singles.length];
        if (single === undefined) return NOTHING;
        const gateway = GATEWAY[familyOf(single.gateway ?? '')];
        return {
          commands: [`nexthop replace id ${single.id} via ${gateway} dev eth0 proto 178`],
          robs: single.carries,
        };
      },
    };
  },
};

export function drift(random: Random): Change {
  const [kind, deed] = random.pick(Object.entries(DEEDS));
  const { text, plan } = deed(random);
  return {
    kind,
    text,
    needs: [],
    make: async (world) => {
      const { commands, robs } = await plan(world);
      world.robbed(robs);
      await world.assess();
      await byHand(world, kind, commands);
    },
  };
}

/** Thousands of changes that are nobody's business here, heard by a daemon that does not read. */
export function flood(random: Random): Change {
  const { table, prefix } = someVictim(random);
  const pair = ['route add blackhole 10.95.0.0/16 table 900', 'route del 10.95.0.0/16 table 900'];
  return {
    kind: KIND_OF_FLOOD,
    text: `${2 * FLOOD} foreign changes while rib2fib stands still, and ${prefix} is deleted from table ${table}`,
    needs: ['daemon'],
    make: async (world) => {
      const { node, config } = world;
      world.subject.suspend();
      world.robbed([`${table} ${prefix}`]);
      await world.assess();
      const { pid } = world.subject.daemon;
      const before = droppedMessages(pid);
      await node.ipBatch(Array.from({ length: FLOOD }, () => pair).flat());
      await byHand(world, KIND_OF_FLOOD, [
        `route delete ${prefix} table ${table} metric ${config.metric} proto 178`,
      ]);
      if (droppedMessages(pid) <= before)
        throw new Error(`${2 * FLOOD} changes did not overflow the socket`);
      world.subject.resume();
      await world.assess();
    },
  };
}

/** More than the receive buffer of the daemon holds, which is looked at. */
const FLOOD = 60_000;
const KIND_OF_FLOOD = 'socket filled';

/** Somebody puts a route of his own in the place of ours: ours waits until he takes it away. */
export function squatter(random: Random): Fault {
  const { table, prefix } = someVictim(random);
  const route = ({ config }: World) => `${prefix} table ${table} metric ${config.metric}`;
  const kind = 'route squatted';
  let stands = '';
  return {
    kind,
    text: `somebody else's route replaces ${prefix} in table ${table}`,
    uses: ['config'],
    alone: false,
    begin: async (world) => {
      const before = performance.now();
      stands = route(world);
      world.robbed([`${table} ${prefix}`]);
      await byHand(world, kind, [`route replace unreachable ${stands} proto static`]);
      await world.assess(before);
    },
    mend: (world) => byHand(world, kind, [`route delete unreachable ${stands} proto static`]),
  };
}

/** What is not there, and what a link that is away does not allow, is left undone. */
async function byHand(
  { node, deeds }: World,
  kind: string,
  commands: readonly string[],
): Promise<void> {
  for (const command of commands) {
    const ipv6 = command.includes(':') ? ['-6'] : [];
    const done = command.includes('\n')
      ? node.ipBatch(command.split('\n'))
      : node.ip(...ipv6, ...command.split(' '));
    const error = await done.then(
      () => undefined,
      (reason: Error) => reason,
    );
    if (error !== undefined && !UNDONE.test(error.message)) throw error;
    deeds.count(kind, error === undefined);
  }
}

const UNDONE =
  /No such process|No such file or directory|File exists|Cannot find device|FIB table does not exist/;
const NOTHING: Plan = { commands: [], robs: [] };

function destinationsOf(table: TableId): readonly string[] {
  return QUESTIONS.filter((one) => one.table === table).map(({ name }) => name);
}

function someVictim(random: Random): Victim {
  return { table: random.pick(TABLES), prefix: random.pick(DESTINATIONS).prefix };
}
