/** Faults of rib2fib, its configuration and its disk, and of the gobgpd daemons. */

import type { Random } from '../support/random.js';
import { until } from '../support/wait.js';
import type { Fault, Resource } from './action.js';
import { FIRST } from './configuration.js';
import { SIDE, SIDES, type SideName } from './network.js';
import type { World } from './world.js';

type Signal = 'SIGKILL' | 'SIGTERM' | 'SIGSTOP';
const SIGNALS: readonly Signal[] = ['SIGKILL', 'SIGTERM', 'SIGSTOP'];

export function daemonFault(random: Random): Fault {
  const signal = random.pick(SIGNALS);
  return {
    kind: `daemon ${signal}`,
    text: `rib2fib gets ${signal}`,
    uses: ['daemon'],
    alone: false,
    begin: async ({ subject }) => (signal === 'SIGSTOP' ? subject.suspend() : subject.stop(signal)),
    mend: async ({ subject }) => (signal === 'SIGSTOP' ? subject.resume() : subject.start()),
  };
}

const BROKEN: readonly (readonly [string, string])[] = [
  ['not YAML', 'tables: [ { id: 100'],
  ['empty', ''],
  ['an unknown key', '{ source: { gobgp: { address: "127.0.0.1:1" } }, tabels: [] }'],
  [
    'a table of the kernel',
    '{ source: { gobgp: { address: "127.0.0.1:1" } }, tables: [ { id: 254 } ] }',
  ],
];

export function configFault(random: Random): Fault {
  const [how, text] = random.pick(BROKEN);
  return {
    kind: 'configuration broken',
    text: `the configuration is ${how}`,
    uses: ['config'],
    alone: false,
    begin: ({ subject }) => subject.misconfigure(text),
    mend: (world) => world.configure(),
  };
}

export function diskFault(random: Random): Fault {
  const full = random.chance(0.5);
  return {
    kind: full ? 'disk full' : 'disk read-only',
    text: `the admin directory is ${full ? 'full' : 'read-only'}`,
    uses: ['disk'],
    alone: false,
    begin: async ({ subject: { disk } }) => (full ? disk.fill() : disk.setWritable(false)),
    mend: async ({ subject: { disk } }) => (full ? disk.empty() : disk.setWritable(true)),
  };
}

export function gobgpdFault(random: Random): Fault {
  const signal = random.pick(SIGNALS);
  return {
    kind: `gobgpd ${signal}`,
    text: `gobgpd gets ${signal}`,
    uses: ['gobgpd', 'router-a', 'router-b', ...(signal === 'SIGTERM' ? LINKS : [])],
    alone: signal !== 'SIGSTOP',
    begin: ({ bgp }) => bgp.takeGobgpd(signal),
    mend: ({ bgp }) => bgp.bringGobgpd(),
  };
}

const LINKS: readonly Resource[] = ['link-a', 'link-b'];

export function routerFault(random: Random): Fault {
  const side = random.pick(SIDES);
  const signal = random.pick(SIGNALS);
  return {
    kind: `router ${signal}`,
    text: `router ${side} gets ${signal}`,
    uses: [router(side), link(side), 'gobgpd'],
    alone: signal !== 'SIGSTOP',
    begin: async ({ bgp, setting }) => {
      const one = bgp.routers[side];
      bgp.retained.set(side, one.announcements);
      if (signal === 'SIGSTOP') return one.suspend();
      await one.stop(signal);
      if (signal === 'SIGTERM' || !setting.gracefulRestart) bgp.gone.add(side);
    },
    mend: async ({ bgp }) => {
      const one = bgp.routers[side];
      await (signal === 'SIGSTOP' ? one.resume() : one.launch());
      bgp.retained.delete(side);
      if (bgp.gone.delete(side)) bgp.returning.add(side);
    },
  };
}

/** The session ends with a NOTIFICATION, by either end. */
export function sessionFault(random: Random): Fault {
  const side = random.pick(SIDES);
  const byNode = random.chance(0.5);
  const set = async ({ bgp }: World, up: boolean) => {
    if (!byNode) return bgp.routers[side].session(up);
    await bgp.gobgpd.cli('neighbor', SIDE[side].router.ipv4, up ? 'enable' : 'disable');
  };
  return {
    kind: 'peer flap',
    text: `the session with router ${side} is closed by ${byNode ? 'gobgpd' : 'the router'}`,
    uses: [router(side), link(side), 'gobgpd'],
    alone: true,
    begin: async (world) => {
      await set(world, false);
      world.bgp.gone.add(side);
    },
    mend: async (world) => {
      await set(world, true);
      world.bgp.gone.delete(side);
      world.bgp.returning.add(side);
    },
  };
}

/** gobgpd stays away for longer than `hold`. */
export function holdFault(): Fault {
  const reload = async (world: World, hold: number) => {
    const { loadedAt } = (await world.subject.daemon.status()).config;
    world.config = { ...world.config, hold };
    await world.configure();
    await until(async () => (await world.subject.daemon.status()).config.loadedAt !== loadedAt, {
      what: 'the new hold is in force',
    });
  };
  return {
    kind: 'hold ended',
    text: 'gobgpd gets SIGKILL and hold ends',
    uses: ['gobgpd', 'router-a', 'router-b', 'daemon', 'config', 'disk'],
    alone: true,
    begin: async (world) => {
      const { bgp, subject } = world;
      await reload(world, 1);
      const before = performance.now();
      await bgp.takeGobgpd('SIGKILL');
      await until(async () => (await subject.daemon.status()).source.feed.state === 'expired', {
        what: 'hold ends',
      });
      world.expired = true;
      await world.assess(before);
    },
    mend: async (world) => {
      await world.bgp.bringGobgpd();
      await reload(world, FIRST.hold);
      await world.converged();
      // A large table takes gobgpd seconds to tell: 23 s a million (3.10), 14 s (4.8).
      if (world.ballast !== undefined) await world.synced();
      world.expired = false;
    },
  };
}

export function router(side: SideName): Resource {
  return `router-${side}`;
}

export function link(side: SideName): Resource {
  return `link-${side}`;
}
