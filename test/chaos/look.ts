/** One look at the node's kernel, through iproute2. */
import type { Family } from '../../src/net/family.js';
import type { Netns } from '../support/netns.js';
import type { Facts, MainRoute } from './model.js';
import { familyOf, MANAGEMENT } from './network.js';

export interface Look {
  /** What is rib2fib's: `route TABLE PREFIX metric M LEG, LEG` and `rule PRIORITY: from PREFIX lookup TABLE`. */
  readonly own: ReadonlySet<string>;
  /** What is somebody else's and no link of ours takes along, as iproute2 has it. */
  readonly foreign: ReadonlySet<string>;
  readonly facts: Facts;
  /** Nexthop objects of rib2fib that nothing stands on. */
  readonly unused: readonly number[];
  /** Ids of nexthop objects of rib2fib, and of them those with a gateway. */
  readonly nexthops: readonly number[];
  readonly singles: readonly { readonly id: number; readonly gateway: string }[];
}

interface Leg {
  readonly gateway?: string;
  readonly via?: { readonly host: string };
  readonly dev?: string;
  readonly weight?: number;
  readonly flags: readonly string[];
}

interface Route extends Leg {
  readonly type: string;
  readonly dst: string;
  readonly table?: string;
  readonly protocol?: string;
  readonly metric?: number;
  readonly nhid?: number;
  readonly nexthops?: readonly Leg[];
}

interface Rule {
  readonly priority: number;
  readonly src: string;
  readonly srclen?: number;
  readonly table: string;
  readonly protocol?: string;
}

interface Nexthop {
  readonly id: number;
  readonly group?: readonly { readonly id: number }[];
  readonly gateway?: string;
  readonly protocol?: string;
}

interface Link {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly addr_info: readonly {
    readonly local: string;
    readonly scope: string;
    readonly tentative?: boolean;
    readonly deprecated?: boolean;
  }[];
}

const OWN = '178';
const FAMILIES = ['ipv4', 'ipv6'] as const;

export async function look(node: Netns): Promise<Look> {
  const [routes4, routes6, rules4, rules6, nexthops, links] = await Promise.all([
    node.ipJson<Route>('-4', 'route', 'show', 'table', 'all'),
    node.ipJson<Route>('-6', 'route', 'show', 'table', 'all'),
    node.ipJson<Rule>('-4', 'rule', 'show'),
    node.ipJson<Rule>('-6', 'rule', 'show'),
    node.ipJson<Nexthop>('nexthop', 'show'),
    node.ipJson<Link>('address', 'show'),
  ]);
  const own = new Set<string>();
  const foreign = new Set<string>();
  const main: MainRoute[] = [];
  const taken = new Set<string>();
  const standing = new Set<number>();
  for (const [family, routes] of [
    [FAMILIES[0], routes4],
    [FAMILIES[1], routes6],
  ] as const) {
    for (const route of routes) {
      const { table = 'main', metric = 0 } = route;
      const prefix = withLength(route.dst, family);
      if (route.protocol === OWN) {
        own.add(routeLine(route, prefix));
        if (route.nhid !== undefined) standing.add(route.nhid);
        continue;
      }
      if (table === 'main' && route.type === 'unicast') main.push(mainRoute(route, prefix));
      else taken.add(`${table} ${prefix} ${metric}`);
      if (isSteady(route)) foreign.add(`${family} ${JSON.stringify(route)}`);
    }
  }
  for (const [family, rules] of [
    [FAMILIES[0], rules4],
    [FAMILIES[1], rules6],
  ] as const) {
    for (const rule of rules) {
      if (rule.protocol === OWN) own.add(ruleLine(rule, family));
      else foreign.add(`${family} ${JSON.stringify(rule)}`);
    }
  }
  for (const nexthop of nexthops)
    if (nexthop.protocol !== OWN) foreign.add(JSON.stringify(nexthop));
  const ours = nexthops.filter(({ protocol }) => protocol === OWN);
  const members = new Set(ours.flatMap(({ group = [] }) => group.map(({ id }) => id)));
  return {
    own,
    foreign,
    facts: { main, taken, ...linkFacts(links) },
    unused: ours
      .filter(({ id, group }) => !(group === undefined ? members : standing).has(id))
      .map(({ id }) => id),
    nexthops: ours.map(({ id }) => id),
    singles: ours.flatMap(({ id, gateway }) => (gateway === undefined ? [] : [{ id, gateway }])),
  };
}

/** Neither made by the kernel nor on an interface that the run takes away. */
function isSteady({ protocol, dev, table, type }: Route): boolean {
  if (protocol === 'kernel' || table === 'local' || type === 'multicast') return false;
  return dev === undefined || dev === MANAGEMENT || dev === 'lo';
}

function mainRoute({ gateway, via, dev = '', flags }: Route, prefix: string): MainRoute {
  const usable = !flags.includes('dead') && !flags.includes('linkdown');
  return { prefix, gateway: gateway ?? via?.host, dev, usable };
}

function linkFacts(links: readonly Link[]): Pick<Facts, 'links' | 'addresses'> {
  const settled = ({ addr_info }: Link) =>
    addr_info.filter(
      ({ scope, tentative, deprecated }) =>
        scope === 'global' && tentative !== true && deprecated !== true,
    );
  return {
    links: new Map(
      links.map(({ ifname, flags }) => [
        ifname,
        { usable: flags.includes('UP') && flags.includes('LOWER_UP') },
      ]),
    ),
    addresses: new Map(links.map((link) => [link.ifname, settled(link).map(({ local }) => local)])),
  };
}

function routeLine(route: Route, prefix: string): string {
  const { table = 'main', type, metric = 0 } = route;
  const kind = type === 'unicast' ? '' : `${type} `;
  const legs = type === 'unicast' ? (route.nexthops ?? [route]) : [];
  const words = legs.map(({ gateway, via, dev, weight, flags }) =>
    [
      `via ${gateway ?? via?.host} dev ${dev}`,
      ...(legs.length > 1 && weight !== undefined && weight > 1 ? [`weight ${weight}`] : []),
      ...flags.filter((flag) => flag !== 'pervasive'),
    ].join(' '),
  );
  return `route ${table} ${kind}${prefix} metric ${metric} ${words.sort().join(', ')}`.trim();
}

function ruleLine({ priority, src, srclen, table }: Rule, family: Family): string {
  const length = srclen ?? (family === 'ipv4' ? 32 : 128);
  return `rule ${priority}: from ${src}/${length} lookup ${table}`;
}

function withLength(dst: string, family: Family): string {
  if (dst === 'default') return family === 'ipv4' ? '0.0.0.0/0' : '::/0';
  if (dst.includes('/')) return dst;
  return `${dst}/${familyOf(dst) === 'ipv4' ? 32 : 128}`;
}
