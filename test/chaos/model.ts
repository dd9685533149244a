/**
 * What the node's tables and rules must hold, worked out from what was announced,
 * the configuration, and the node's own links and main table, without any part of
 * rib2fib. Lines are in the words of `look.ts`.
 */
import { BlockList } from 'node:net';
import type { Family } from '../../src/net/family.js';
import { type Configuration, pools, ruleInterface, tableIds } from './configuration.js';
import { BLOCKS, familyOf, GATEWAY, MANAGEMENT, REMOTE, SIDE } from './network.js';

/** BGP next hops of every prefix, as gobgpd offers them: its best set. */
export type Offers = ReadonlyMap<string, readonly string[]>;

/** A route of the main table. */
export interface MainRoute {
  readonly prefix: string;
  readonly gateway: string | undefined;
  readonly dev: string;
  readonly usable: boolean;
}

export interface Facts {
  /** Interfaces by name; `usable`: up, with carrier. */
  readonly links: ReadonlyMap<string, { readonly usable: boolean }>;
  readonly main: readonly MainRoute[];
  /** Global addresses by interface. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  /** `TABLE PREFIX METRIC` of the routes of others. */
  readonly taken: ReadonlySet<string>;
}

export interface Expected {
  readonly lines: ReadonlySet<string>;
  /**
   * `TABLE PREFIX` of learned routes that the kernel takes no new one of: a route of
   * somebody else stands there, or the gateway is not on-link any more. One of ours
   * from before may stay, under another metric even.
   */
  readonly undecided: ReadonlySet<string>;
  /** `TABLE PREFIX` of every learned route. */
  readonly learned: ReadonlySet<string>;
}

/** Ascending, as selection takes them. */
const NEXT_HOPS = (['ipv4', 'ipv6'] as const).flatMap((family) => [
  ...[SIDE.a.router[family], SIDE.b.router[family], REMOTE[family]],
]);
const STATIC_OFFSET = 1000;
const ON_MISS_METRIC = 4294967294;

export function expect(offers: Offers, config: Configuration, facts: Facts): Expected {
  const lines = new Set<string>();
  const undecided = new Set<string>();
  const learned = new Set<string>();
  for (const table of tableIds(config)) {
    const { routes, fixed } = contents(table, offers, config, facts);
    for (const [prefix, legs] of routes) {
      const key = `${table} ${prefix}`;
      const taken = facts.taken.has(`${key} ${config.metric}`);
      if (taken || ![...legs.keys()].every((leg) => isOnLink(leg, facts))) undecided.add(key);
      else {
        lines.add(routeLine(table, prefix, config.metric, legs));
        learned.add(key);
      }
    }
    for (const line of fixed) lines.add(line);
  }
  for (const line of rules(config, facts)) lines.add(line);
  return { lines, undecided, learned };
}

/** Weights by `via G dev I`. */
type Legs = ReadonlyMap<string, number>;

function contents(table: number, offers: Offers, config: Configuration, facts: Facts) {
  const { metric } = config;
  const denied = within(config.denies ? Object.values(BLOCKS.deniable) : []);
  const ways = new Map<string, Legs>();
  for (const [prefix, nextHops] of offers) {
    if (!denied(prefix)) ways.set(prefix, legsOf(nextHops, config.multipath, facts));
  }
  const kept = [
    ...(config.keeps ? Object.values(BLOCKS.keepable) : []),
    ...connected(usedInterfaces(table, ways, facts), facts),
  ];
  const inMain = within(kept);
  const routes = [...ways].filter(([prefix, legs]) => legs.size > 0 && !inMain(prefix));
  const fixed = kept.map((prefix) => `route ${table} throw ${prefix} metric ${metric}`);
  if (facts.links.get(MANAGEMENT)?.usable === true) {
    for (const gateway of Object.values(GATEWAY)) {
      const legs = new Map([[`via ${gateway} dev ${MANAGEMENT}`, 1]]);
      fixed.push(routeLine(table, everything(familyOf(gateway)), metric + STATIC_OFFSET, legs));
    }
  }
  if (config.onMiss === 'unreachable') {
    for (const family of ['ipv4', 'ipv6'] as const)
      fixed.push(`route ${table} unreachable ${everything(family)} metric ${ON_MISS_METRIC}`);
  }
  return { routes, fixed };
}

function legsOf(nextHops: readonly string[], multipath: number, facts: Facts): Legs {
  const legs = new Map<string, number>();
  const chosen = NEXT_HOPS.filter((nextHop) => nextHops.includes(nextHop)).slice(0, multipath);
  for (const nextHop of chosen) {
    const leg = resolve(nextHop, facts);
    if (leg !== undefined) legs.set(leg, (legs.get(leg) ?? 0) + 1);
  }
  return legs;
}

/** Through the longest usable route of main that is not the default. */
function resolve(nextHop: string, { main, links }: Facts): string | undefined {
  const covering = main
    .filter(({ prefix, usable }) => usable && length(prefix) > 0 && within([prefix])(nextHop))
    .filter(({ dev }) => links.get(dev)?.usable === true)
    .sort((a, b) => length(b.prefix) - length(a.prefix));
  const [best] = covering;
  return best === undefined ? undefined : `via ${best.gateway ?? nextHop} dev ${best.dev}`;
}

function isOnLink(leg: string, { main }: Facts): boolean {
  const [, gateway = '', , dev] = leg.split(' ');
  return main.some(
    (route) => route.dev === dev && route.gateway === undefined && within([route.prefix])(gateway),
  );
}

/** Those the routes lead out of, and those the configuration names. */
function usedInterfaces(
  table: number,
  ways: ReadonlyMap<string, Legs>,
  facts: Facts,
): ReadonlySet<string> {
  const named = [MANAGEMENT, ruleInterface(table)].filter((name) => name !== undefined);
  const used = [...ways.values()].flatMap((legs) =>
    [...legs.keys()].map((leg) => leg.split(' ').at(-1) ?? ''),
  );
  return new Set([...named, ...used].filter((name) => facts.links.has(name)));
}

function connected(interfaces: ReadonlySet<string>, { main }: Facts): readonly string[] {
  const onLink = main.filter(
    ({ gateway, dev, prefix }) =>
      gateway === undefined && interfaces.has(dev) && length(prefix) > 0,
  );
  return [...new Set(onLink.map(({ prefix }) => prefix))];
}

function rules(config: Configuration, { addresses }: Facts): readonly string[] {
  return tableIds(config).flatMap((table) => {
    const name = ruleInterface(table);
    const hosts = name === undefined ? [] : (addresses.get(name) ?? []);
    const own = hosts.map((address) => `${address}/${familyOf(address) === 'ipv4' ? 32 : 128}`);
    return [...pools(table, config), ...own].map(
      (from) => `rule ${config.priority}: from ${from} lookup ${table}`,
    );
  });
}

function routeLine(table: number, prefix: string, metric: number, legs: Legs): string {
  const words = [...legs].map(([leg, weight]) =>
    legs.size > 1 && weight > 1 ? `${leg} weight ${weight}` : leg,
  );
  return `route ${table} ${prefix} metric ${metric} ${words.sort().join(', ')}`;
}

function everything(family: Family): string {
  return family === 'ipv4' ? '0.0.0.0/0' : '::/0';
}

function length(prefix: string): number {
  return Number(prefix.split('/')[1]);
}

/** True for addresses and prefixes that lie within one of `ranges`; by node's own matcher. */
function within(ranges: readonly string[]): (prefix: string) => boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = ''] = range.split('/');
    list.addSubnet(address, length(range), familyOf(range));
  }
  return (prefix) => list.check(prefix.split('/')[0] ?? '', familyOf(prefix));
}
