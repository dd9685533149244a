/** What a table must hold, worked out without the parts under test: for the property test. */
import type { Config, TableConfig } from '../../../src/config/config.js';

/** Next hops the test announces, by the interface that a connected route has them on. */
const ON_LINK: Readonly<Record<string, string>> = {
  '10.9.0.2': 'eth1',
  '10.9.0.3': 'eth1',
  '10.9.1.2': 'eth2',
};
const CONNECTED: Readonly<Record<string, string>> & { readonly eth1: string } = {
  eth1: '10.9.0.0/24',
  eth2: '10.9.1.0/24',
};
const RECURSIVE = '172.16.0.9';
const INDEX: Readonly<Record<string, number>> = { eth1: 3, eth2: 4 };

export interface World {
  /** Next hops by prefix. */
  readonly announced: ReadonlyMap<string, readonly string[]>;
  /** Interfaces that are up, with carrier. */
  readonly usable: ReadonlySet<string>;
  /** Interfaces that are up, whether anybody is at the far end or not. */
  readonly up: ReadonlySet<string>;
  /** Through which gateway main reaches the recursive next hop. */
  readonly recursiveVia: string | undefined;
  /** `TABLE PREFIX METRIC` of the routes of others. */
  readonly foreign: ReadonlySet<string>;
}

/** Lines as {@link FakeKernel.resolvedTable} has them, foreign ones included. */
export function expectedTable(table: TableConfig, world: World): string[] {
  const { ours, theirs } = contents(table, world);
  return [
    ...ours.filter(({ blocked }) => !blocked).map(({ text }) => text),
    ...theirs.map(([prefix, at]) => `blackhole ${prefix} table ${table.id} proto 4 metric ${at}`),
  ]
    .map(destination)
    .sort();
}

/** Routes of ours that a foreign one of their metric keeps out: one of an earlier metric may stand for them. */
export function blockedRoutes(table: TableConfig, world: World): string[] {
  const blocked = contents(table, world).ours.filter((route) => route.blocked);
  return blocked.map(({ text }) => destination(text));
}

interface Contents {
  readonly ours: readonly { readonly text: string; readonly blocked: boolean }[];
  /** Prefix and metric. */
  readonly theirs: readonly [string, number][];
}

function contents(table: TableConfig, world: World): Contents {
  const { id, metric, foreign } = table;
  const kept = new Set(table.keepInMain.map((prefix) => prefix.text));
  if (table.static.length > 0 && world.up.has('eth1')) kept.add(CONNECTED.eth1);
  const candidates = [...world.announced].filter(([prefix]) => permits(table, prefix));
  const ways = new Map<string, Map<string, number>>();
  for (const [prefix, nextHops] of candidates) {
    const legs = new Map<string, number>();
    for (const nextHop of [...nextHops].sort(byNumber).slice(0, table.multipath)) {
      const gateway = nextHop === RECURSIVE ? world.recursiveVia : nextHop;
      const device = gateway === undefined ? undefined : ON_LINK[gateway];
      if (gateway === undefined || device === undefined || !world.usable.has(device)) continue;
      legs.set(gateway, (legs.get(gateway) ?? 0) + 1);
      kept.add(CONNECTED[device] ?? '');
    }
    ways.set(prefix, legs);
  }
  const ours: [string, number, string][] = [];
  for (const prefix of kept) {
    ours.push([prefix, metric, `throw ${prefix} table ${id} metric ${metric}`]);
  }
  for (const [prefix, legs] of ways) {
    if (legs.size === 0 || [...kept].some((one) => covers(one, prefix))) continue;
    ours.push([prefix, metric, routeText(prefix, legs, `table ${id} metric ${metric}`)]);
  }
  for (const { prefix } of table.static) {
    if (!world.usable.has('eth1')) continue;
    const key = `table ${id} metric ${metric + 1000}`;
    ours.push([prefix.text, metric + 1000, `${prefix} via 10.9.0.254 dev eth1 ${key}`]);
  }
  if (table.onMiss === 'unreachable') {
    ours.push(['0.0.0.0/0', 0xfffffffe, `unreachable 0.0.0.0/0 table ${id} metric 4294967294`]);
  }
  const theirs = foreign === 'evict' ? [] : foreignIn(id, world);
  const taken = new Set(theirs.map(([prefix, at]) => `${prefix} ${at}`));
  return {
    ours: ours.map(([prefix, at, text]) => ({ text, blocked: taken.has(`${prefix} ${at}`) })),
    theirs,
  };
}

/** A text with its prefix as `ip route` has it. */
export function destination(text: string): string {
  return text.replace('0.0.0.0/0', 'default');
}

export function expectedRules({ tables }: Config): string[] {
  return tables.flatMap(({ id, rules }) =>
    (rules?.from ?? []).flatMap((from) =>
      from.kind === 'prefix' ? [`from ${from.prefix} lookup ${id} pref ${rules?.priority}`] : [],
    ),
  );
}

function foreignIn(table: number, { foreign }: World): [string, number][] {
  return [...foreign].flatMap((text): [string, number][] => {
    const [id, prefix = '', metric] = text.split(' ');
    return Number(id) === table ? [[prefix, Number(metric)]] : [];
  });
}

/** Rules of the test's own kind only: the first prefix that covers decides. */
function permits({ filters }: TableConfig, prefix: string): boolean {
  for (const { action, prefix: range } of filters) {
    if (range === undefined || covers(range.prefix.text, prefix)) return action === 'permit';
  }
  return false;
}

function routeText(prefix: string, legs: ReadonlyMap<string, number>, key: string): string {
  const sorted = [...legs].sort(([a], [b]) => (legText(a) < legText(b) ? -1 : 1));
  const [only] = sorted;
  if (sorted.length === 1 && only !== undefined) {
    return `${prefix} via ${only[0]} dev ${ON_LINK[only[0]]} ${key}`;
  }
  const words = sorted.map(([via, n]) => `nexthop via ${via} dev ${ON_LINK[via]} weight ${n}`);
  return `${prefix} ${key} ${words.join(' ')}`;
}

function legText(gateway: string): string {
  return `${gateway}%${INDEX[ON_LINK[gateway] ?? '']}`;
}

function covers(outer: string, inner: string): boolean {
  const [a, b] = [range(outer), range(inner)];
  return a.from <= b.from && b.to <= a.to;
}

function range(prefix: string): { from: number; to: number } {
  const [address = '', length = ''] = prefix.split('/');
  const from = numberOf(address);
  return { from, to: from + 2 ** (32 - Number(length)) - 1 };
}

function byNumber(a: string, b: string): number {
  return numberOf(a) - numberOf(b);
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}
