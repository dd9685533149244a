/**
 * What an interface took along as it went down, or lost its far end or its last
 * address: the kernel drops routes and nexthop objects then without a word.
 * Read are the nexthop objects, and of the routes those that led out there, so
 * that a link that flaps costs what stands on it, not a reading of everything.
 */
import type { Engine } from '../desired/engine.js';
import { type RouteTarget, targetKey } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import { type Kernel, type KernelRoute, OWN_PROTOCOL } from '../kernel/kernel.js';
import { isLeftAlone } from './left-alone.js';
import type { Mirror, OwnRoute } from './mirror.js';

/**
 * Brings the mirror up to date with what the interfaces may have taken along,
 * and marks what has to be looked at. A look at each route of the mirror.
 */
export async function readDisturbed(
  interfaces: ReadonlySet<number>,
  kernel: Kernel,
  mirror: Mirror,
  engine: Engine,
): Promise<void> {
  const gone = mirror.readNexthops(await kernel.nexthops());
  for (const { table, prefix } of mirror.dropRoutesOn(gone)) engine.tables.get(table)?.mark(prefix);
  for (const table of [...engine.tables.values()]) {
    // Groups that lost a leg follow their sets again.
    if (table.useObjects) table.markSets();
    if (interfaces.size === 0 && gone.size === 0) continue;
    const ledOut = (target: RouteTarget): boolean =>
      target.type === 'legs'
        ? target.legs.some(({ oif }) => interfaces.has(oif))
        : target.type === 'nexthop' && gone.has(target.id);
    await readTable(table, interfaces, ledOut, kernel, mirror);
  }
}

async function readTable(
  table: Table,
  interfaces: ReadonlySet<number>,
  ledOut: (target: RouteTarget) => boolean,
  kernel: Kernel,
  mirror: Mirror,
): Promise<void> {
  const { id } = table.config;
  const own: OwnRoute[] = [];
  for (const route of mirror.ownRoutes(id)) if (ledOut(route.target)) own.push(route);
  const foreign: KernelRoute[] = [];
  for (const route of mirror.foreignRoutes(id)) if (ledOut(route.target)) foreign.push(route);
  if (own.length + foreign.length === 0) return;

  const standing = new Map<string, KernelRoute>();
  const read = async (oifs: Iterable<number>): Promise<void> => {
    for (const oif of oifs) {
      for (const route of await kernel.routes(id, oif)) standing.set(slot(route), route);
    }
  };
  await read(interfaces);
  const find = (route: OwnRoute) => standing.get(slot({ ...route, protocol: OWN_PROTOCOL }));
  // An IPv6 route goes leg by leg: what is left leads out elsewhere.
  const unseen = [
    ...own.filter((route) => find(route) === undefined),
    ...foreign.filter((route) => !standing.has(slot(route))),
  ];
  await read(otherInterfaces(unseen, interfaces));
  for (const route of own) {
    const { prefix, metric, target } = route;
    const now = find(route);
    if (now !== undefined && mirror.intern(now.target) === target) continue;
    if (now === undefined) mirror.remove(id, prefix, metric);
    else mirror.set(id, now);
    table.mark(prefix);
  }
  const alone = isLeftAlone(table, mirror);
  for (const route of foreign) {
    const now = standing.get(slot(route));
    if (now !== undefined && targetKey(now.target) === targetKey(route.target)) continue;
    if (now === undefined) mirror.removeForeign(route);
    else mirror.setForeign(now);
    table.mark(route.prefix);
  }
  if (alone && !isLeftAlone(table, mirror)) table.touch();
}

function otherInterfaces(routes: readonly OwnRoute[], known: ReadonlySet<number>): Set<number> {
  const others = new Set<number>();
  for (const { prefix, target } of routes) {
    if (prefix.family !== 'ipv6' || target.type !== 'legs') continue;
    for (const { oif } of target.legs) if (!known.has(oif)) others.add(oif);
  }
  return others;
}

function slot({ prefix, metric, protocol }: OwnRoute & { readonly protocol: number }): string {
  return `${prefix.key} ${metric} ${protocol}`;
}
