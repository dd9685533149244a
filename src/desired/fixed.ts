/** The routes of a table that its configuration and the node's links ask for, whatever is learned. */
import type { StaticLeg, StaticRoute, TableConfig } from '../config/config.js';
import { Address } from '../net/address.js';
import { FAMILIES, type Family } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';
import type { RejectReason } from '../policy/verdict.js';
import { type Found, type Standing, standingStatic, standingThrows } from './found.js';
import type { Route } from './route.js';
import { type Resolution, type Underlay, unreachable } from './underlay.js';

/** `static` routes stand this much behind the learned ones: the kernel itself falls back. */
export const STATIC_METRIC_OFFSET = 1000;
/** The `unreachable default` of `onMiss: unreachable` stands behind everything. */
export const ON_MISS_METRIC = 0xfffffffe;

/** A static route that cannot be installed now: none of its next hops is usable. `detail` says why of each. */
export interface StaticFault {
  readonly route: StaticRoute;
  readonly reason: RejectReason;
  readonly detail: string;
}

export interface FixedRoutes {
  readonly routes: readonly Route[];
  readonly faults: readonly StaticFault[];
  /** Those that its learned routes lead out of, and its static ones. */
  readonly interfaces: ReadonlySet<number>;
  /** What stays in main by configuration, and what is connected: each is a `throw` route, and nothing inside is learned. */
  readonly kept: PrefixSet;
  /** The same of the cluster's own ranges; a range within another has no `throw` route of its own. */
  readonly cluster: PrefixSet;
}

export interface FixedOptions {
  readonly table: TableConfig;
  readonly underlay: Underlay;
  /** Those that learned routes lead out of; the ones of static routes, and that the configuration names, are added here. */
  readonly interfaces: Iterable<number>;
  readonly families: readonly Family[];
  /** A full feed has ended once: before it, what is not in the table may only not have been heard. */
  readonly fed: boolean;
  readonly found: Found;
  readonly before: Standing;
}

export function fixedRoutes(options: FixedOptions): FixedRoutes {
  const { table, underlay, families, fed, found, before } = options;
  const { routes: statics, faults } = staticRoutes(options);
  const interfaces = new Set(options.interfaces);
  for (const { target } of statics) {
    if (target.type === 'legs') for (const { oif } of target.legs) interfaces.add(oif);
  }
  const kept = new PrefixSet(
    [...table.keepInMain, ...connectedPrefixes(table, underlay, interfaces)].filter((prefix) =>
      families.includes(prefix.family),
    ),
  );
  const routes: Route[] = [];
  const held = standingThrows(found, before);
  const { set, outermost } = found.ranges;
  const cluster = held.length === 0 ? set : new PrefixSet([...held, ...set.values()]);
  const thrown = new Map([...held, ...outermost].map((prefix) => [prefix.key, prefix]));
  // What the configuration says by name goes before what was found.
  for (const { prefix } of table.static) thrown.delete(prefix.key);
  for (const prefix of kept.values()) thrown.delete(prefix.key);
  for (const prefix of [...kept.values(), ...thrown.values()]) {
    if (!families.includes(prefix.family)) continue;
    routes.push({ table: table.id, prefix, metric: table.metric, target: { type: 'throw' } });
  }
  routes.push(...statics);
  if (table.onMiss === 'unreachable' && fed) {
    for (const family of FAMILIES.filter((f) => families.includes(f))) {
      const target = { type: 'unreachable' } as const;
      routes.push({ table: table.id, prefix: defaultOf(family), metric: ON_MISS_METRIC, target });
    }
  }
  return { routes, faults, interfaces, kept, cluster };
}

function staticRoutes(options: FixedOptions): Pick<FixedRoutes, 'routes' | 'faults'> {
  const { table, underlay, families, found, before } = options;
  const routes: Route[] = [];
  const faults: StaticFault[] = [];
  for (const route of table.static) {
    const metric = table.metric + STATIC_METRIC_OFFSET;
    const standing = route.discover && standingStatic(found, before, route.prefix, metric);
    if (standing !== undefined) {
      routes.push({ ...standing, table: table.id });
      continue;
    }
    const via = legsOf(route, found);
    const resolutions = families.includes(route.prefix.family)
      ? via.map((leg) => staticLeg(leg, route, table, underlay))
      : [unreachable(`${route.prefix.family} is switched off on this node`)];
    const legs = resolutions.flatMap((resolution) => (resolution.ok ? resolution.legs : []));
    if (legs.length === 0) {
      faults.push(faultOf(route, resolutions));
      continue;
    }
    routes.push({ table: table.id, prefix: route.prefix, metric, target: { type: 'legs', legs } });
  }
  return { routes, faults };
}

/** Those configured, and those found in the family of the route. */
function legsOf({ prefix, via, discover }: StaticRoute, { part }: Found): readonly StaticLeg[] {
  if (discover === undefined) return via;
  const found = part.gateways.filter(({ gateway }) => gateway?.family === prefix.family);
  const known = new Set(via.map(({ gateway }) => gateway?.text));
  return [...via, ...found.filter(({ gateway }) => !known.has(gateway?.text))];
}

function connectedPrefixes(
  table: TableConfig,
  underlay: Underlay,
  interfaces: Iterable<number>,
): readonly Prefix[] {
  const indexes = new Set(interfaces);
  for (const name of configuredInterfaces(table)) {
    const link = underlay.linkNamed(name);
    if (link !== undefined) indexes.add(link.index);
  }
  return [...indexes].flatMap((index) => underlay.connected(index));
}

function configuredInterfaces(table: TableConfig): readonly string[] {
  const names = [
    ...table.static.flatMap((route) => route.via.map((leg) => leg.interface)),
    ...(table.rules?.from ?? []).map((from) =>
      from.kind === 'interface' ? from.interface : undefined,
    ),
    ...(table.rules?.match ?? []).map((match) => match.iif),
    ...(table.rules?.returnPath.by === 'connmark' ? table.rules.returnPath.interfaces : []),
  ];
  return names.filter((name) => name !== undefined);
}

function staticLeg(
  leg: StaticLeg,
  route: StaticRoute,
  table: TableConfig,
  underlay: Underlay,
): Resolution {
  const { gateway, weight } = leg;
  if (leg.interface !== undefined) {
    const link = underlay.linkNamed(leg.interface);
    if (link === undefined) return unreachable(`there is no interface ${leg.interface}`);
    if (!underlay.isUp(link.index)) return unreachable(`${leg.interface} is down`);
    const { family } = gateway ?? route.prefix;
    if (family === 'ipv6' && underlay.awaitsIpv6(link.index)) {
      return unreachable(`${leg.interface} has no IPv6 address in use`);
    }
    return { ok: true, legs: [{ gateway, oif: link.index, onlink: false, weight }], metric: 0 };
  }
  if (gateway === undefined) throw new TypeError(`static ${route.prefix} has an empty next hop`);
  const resolution = underlay.resolve({ address: gateway, interface: undefined }, table.nextHop);
  if (!resolution.ok) return resolution;
  return { ...resolution, legs: resolution.legs.map((one) => ({ ...one, weight })) };
}

function faultOf(route: StaticRoute, resolutions: readonly Resolution[]): StaticFault {
  const refused = resolutions.filter((resolution) => !resolution.ok);
  const [first] = refused;
  if (first === undefined) {
    const detail = 'no BGPPeer of this node is found to be a gateway';
    return { route, reason: 'next-hop-unreachable', detail };
  }
  const details = new Set(refused.map(({ detail }) => detail));
  return {
    route,
    reason: first.reason,
    detail: [...details].join('; '),
  };
}

function defaultOf(family: Family): Prefix {
  return Prefix.of(new Address(family, 0), 0);
}
