/** One look at the node's kernel, through iproute2. */
import type { Family } from '../../src/net/family.js';
import {
  type IpLeg,
  type IpNexthop,
  type IpRoute,
  type IpRule,
  OWN,
  withLength,
} from '../support/kernel-view.js';
import type { Netns } from '../support/netns.js';
import type { Facts, MainRoute } from './model.js';
import { MANAGEMENT } from './network.js';

export interface Look {
  /** What is rib2fib's: `route TABLE PREFIX metric M LEG, LEG` and `rule PRIORITY: from PREFIX lookup TABLE`. */
  readonly own: ReadonlySet<string>;
  /** What is somebody else's and no link of ours takes along, as iproute2 has it. */
  readonly foreign: ReadonlySet<string>;
  readonly facts: Facts;
  /** Nexthop objects of rib2fib that nothing stands on. */
  readonly unused: readonly number[];
  /** Nexthop objects of rib2fib. */
  readonly nexthops: readonly Nexthop[];
}

export interface Nexthop {
  readonly id: number;
  /** None of a group. */
  readonly gateway: string | undefined;
  /** `TABLE PREFIX` of the routes on it, and on the groups that it is in. */
  readonly carries: readonly string[];
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

const FAMILIES = ['ipv4', 'ipv6'] as const;

/** Routes to look at, in words of ip(8); each selection is a dump of its own. */
export type Selections = Readonly<Record<Family, readonly string[]>>;

export const EVERYTHING: Selections = { ipv4: ['table all'], ipv6: ['table all'] };

/** All but the space of the ballast, and what lies between it and the next of these, where nothing is. */
export const BESIDE_BALLAST: Selections = {
  ipv4: ['default', 'root 0.0.0.0/2', 'root 96.0.0.0/3', 'root 128.0.0.0/1'].map(
    (words) => `table all ${words}`,
  ),
  ipv6: ['default', 'root ::/3', 'root 2000::/5', 'root 8000::/1'].map(
    (words) => `table all ${words}`,
  ),
};

/** What {@link Look.facts} are made of: chosen by the kernel itself, and so at once, whatever the size of a table. */
export const FOR_FACTS: Selections = {
  ipv4: ['table main', 'table all proto static'],
  ipv6: ['table main', 'table all proto static'],
};

export async function look(
  node: Pick<Netns, 'ipJson'>,
  selections: Selections = EVERYTHING,
): Promise<Look> {
  const routes = async (family: Family, flag: '-4' | '-6') => {
    const dumps = selections[family].map((words) =>
      node.ipJson<IpRoute>(flag, 'route', 'show', ...words.split(' ')),
    );
    return (await Promise.all(dumps)).flat();
  };
  const [routes4, routes6, rules4, rules6, nexthops, links] = await Promise.all([
    routes('ipv4', '-4'),
    routes('ipv6', '-6'),
    node.ipJson<IpRule>('-4', 'rule', 'show'),
    node.ipJson<IpRule>('-6', 'rule', 'show'),
    node.ipJson<IpNexthop>('nexthop', 'show'),
    node.ipJson<Link>('address', 'show'),
  ]);
  const own = new Set<string>();
  const foreign = new Set<string>();
  const main: MainRoute[] = [];
  const taken = new Set<string>();
  const carried = new Map<number, readonly string[]>();
  for (const [family, shown] of [
    [FAMILIES[0], routes4],
    [FAMILIES[1], routes6],
  ] as const) {
    for (const route of shown) {
      const { table = 'main', metric = 0 } = route;
      const prefix = withLength(route.dst, family);
      if (route.protocol === OWN) {
        own.add(routeLine(route, prefix));
        if (route.nhid !== undefined)
          carried.set(route.nhid, [...(carried.get(route.nhid) ?? []), `${table} ${prefix}`]);
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
      .filter(({ id, group }) => !(group === undefined ? members : carried).has(id))
      .map(({ id }) => id),
    nexthops: ours.map(({ id, gateway }) => ({
      ...{ id, gateway },
      carries: ours
        .filter((one) => one.id === id || one.group?.some((member) => member.id === id) === true)
        .flatMap((one) => carried.get(one.id) ?? []),
    })),
  };
}

/** Neither made by the kernel nor on an interface that the run takes away. */
function isSteady({ protocol, dev, table, type }: IpRoute): boolean {
  if (protocol === 'kernel' || table === 'local' || type === 'multicast') return false;
  return dev === undefined || dev === MANAGEMENT || dev === 'lo';
}

function mainRoute({ gateway, via, dev = '', flags }: IpRoute, prefix: string): MainRoute {
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

function routeLine(route: IpRoute, prefix: string): string {
  const { table = 'main', type, metric = 0 } = route;
  const kind = type === 'unicast' ? '' : `${type} `;
  const legs: readonly IpLeg[] = type === 'unicast' ? (route.nexthops ?? [route]) : [];
  const words = legs.map(({ gateway, via, dev, weight, flags }) =>
    [
      `via ${gateway ?? via?.host} dev ${dev}`,
      ...(legs.length > 1 && weight !== undefined && weight > 1 ? [`weight ${weight}`] : []),
      ...flags.filter((flag) => flag !== 'pervasive'),
    ].join(' '),
  );
  return `route ${table} ${kind}${prefix} metric ${metric} ${words.sort().join(', ')}`.trim();
}

function ruleLine({ priority, src, srclen, table }: IpRule, family: Family): string {
  const length = srclen ?? (family === 'ipv4' ? 32 : 128);
  return `rule ${priority}: from ${src}/${length} lookup ${table}`;
}
