import type { Entry } from '../desired/decide.js';
import type { StaticFault } from '../desired/fixed.js';
import { formatRoute } from '../desired/format.js';
import { type RouteTarget, targetKey } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { WantedRoute } from '../desired/wanted-route.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { inOrder } from '../net/prefix-order.js';
import type { RejectReason } from '../policy/verdict.js';
import { isLeftAlone } from '../reconcile/left-alone.js';
import type { OwnRoute } from '../reconcile/mirror.js';
import type { Refusal } from '../reconcile/retries.js';
import { asPathText } from '../rib/path.js';
import type { RouteReport, RouteState, RoutesQuery } from './command-report.js';
import { contestText } from './contest-text.js';
import { clusterText } from './discovery-answer.js';
import type { Facts } from './facts.js';
import { aheadOf, contestOver, inPlaceOf } from './rival-routes.js';
import { AdminFault } from './service.js';

/** Every prefix heard, configured or kept, one by one, by table and address; throws {@link AdminFault} at once for an unknown table. */
export function routesAnswer(facts: Facts, query: RoutesQuery): Generator<RouteReport> {
  return reports(namedTables(facts, query.table), facts, query);
}

function* reports(
  tables: readonly Table[],
  facts: Facts,
  query: RoutesQuery,
): Generator<RouteReport> {
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  for (const table of tables) {
    for (const prefix of inOrder(allPrefixes(table, facts, query.family))) {
      for (const report of prefixReports(table, prefix, facts)) {
        if (!matches(report, query)) continue;
        if (left-- <= 0) return;
        yield report;
      }
    }
  }
}

function namedTables({ engine }: Facts, name: string | undefined): Table[] {
  const tables = [...engine.tables.values()];
  if (name === undefined) return tables;
  const named = tables.filter(({ config }) => config.name === name || `${config.id}` === name);
  if (named.length > 0) return named;
  const known = tables.map(({ config }) => config.name).join(', ');
  throw new AdminFault(`there is no table ${name}; there are: ${known}`);
}

function* allPrefixes(
  table: Table,
  { reconciler }: Facts,
  family: Family | undefined,
): Generator<Prefix> {
  const asked = (prefix: Prefix) => family === undefined || prefix.family === family;
  for (const prefix of table.prefixes()) if (asked(prefix)) yield prefix;
  for (const { route } of table.fixed.faults) {
    if (asked(route.prefix) && !table.mayHold(route.prefix)) yield route.prefix;
  }
  for (const prefix of reconciler.mirror.prefixes(table.config.id)) {
    if (!asked(prefix) || table.mayHold(prefix)) continue;
    if (staticFault(table, prefix) === undefined) yield prefix;
  }
}

/** Of a static route for this prefix that cannot be installed now. */
export function staticFault(table: Table, prefix: Prefix): StaticFault | undefined {
  return table.fixed.faults.find(({ route }) => route.prefix.equals(prefix));
}

function matches(report: RouteReport, { state, reason, peer }: RoutesQuery): boolean {
  return (
    (state === undefined || report.state === state) &&
    (reason === undefined || report.reason === reason) &&
    (peer === undefined || report.peer?.split('+').includes(peer) === true)
  );
}

function* prefixReports(table: Table, prefix: Prefix, facts: Facts): Generator<RouteReport> {
  const { engine, reconciler } = facts;
  const { id, name } = table.config;
  const linkName = (index: number): string => engine.underlay.linkName(index);
  const own = reconciler.mirror.own(id, prefix);
  const wanted = table.wanted(prefix);
  const entry = table.entry(prefix);
  for (const one of wanted) {
    const { prefix, metric } = one;
    const target = wantedTarget(one);
    const route = { table: id, prefix, metric, target };
    const installed = isInstalled(table, one, facts);
    const kind = one.kind === 'fixed' ? fixedState(target.type) : 'installed';
    const state = installed ? kind : 'pending';
    const missing = installed ? undefined : missingReason(table, one, facts);
    const ahead = installed ? aheadOf(table, one, reconciler.mirror) : undefined;
    const detail =
      ahead === undefined
        ? (missingDetail(table, one, missing, facts) ?? keeperOf(table, one))
        : `ahead of it: ${formatRoute(ahead, linkName)}`;
    yield {
      table: name,
      prefix: prefix.text,
      state: missing !== undefined ? 'failed' : ahead !== undefined ? 'shadowed' : state,
      route: formatRoute(route, linkName),
      ...(one.kind === 'learned' ? origin(entry) : NO_ORIGIN),
      reason: ahead === undefined ? missing : 'foreign-route',
      ...(detail === undefined ? {} : { detail }),
    };
  }
  const reason = entry === undefined ? undefined : table.reasonOf(entry);
  if (entry !== undefined && reason !== undefined) {
    const detail = rejectedDetail(table, entry);
    yield {
      table: name,
      prefix: prefix.text,
      state: 'rejected',
      route: prefix.text,
      ...origin(entry),
      reason,
      ...(detail === undefined ? {} : { detail }),
    };
  }
  const fault = staticFault(table, prefix);
  if (fault !== undefined) {
    const { route, reason, detail } = fault;
    const { text } = route.prefix;
    yield {
      ...{ table: name, prefix: text, state: 'rejected', route: text, ...NO_ORIGIN, reason },
      detail: `static: ${detail}`,
    };
  }
  for (const route of own) {
    if (wanted.some(({ metric }) => metric === route.metric)) continue;
    const text = formatRoute({ table: id, ...route }, linkName);
    yield {
      table: name,
      prefix: route.prefix.text,
      state: 'stale',
      route: text,
      ...NO_ORIGIN,
      reason: undefined,
    };
  }
}

/** Whose range a `throw` route keeps, of the cluster's own. */
function keeperOf({ fixed, found }: Table, wanted: WantedRoute): string | undefined {
  if (wanted.kind !== 'fixed' || wanted.target.type !== 'throw') return undefined;
  return fixed.kept.has(wanted.prefix) ? undefined : found.ranges.ownerOf(wanted.prefix);
}

function rejectedDetail(table: Table, { prefix, reason, set }: Entry): string | undefined {
  switch (reason) {
    case undefined:
      return set?.unresolved[0]?.detail;
    case 'cluster-range':
      return clusterText(table, prefix);
    default:
      return undefined;
  }
}

const NO_ORIGIN = { peer: undefined, asPath: undefined } as const;

function origin(entry: Entry | undefined): Pick<RouteReport, 'peer' | 'asPath'> {
  const paths = entry?.paths ?? [];
  const [first] = paths;
  if (first === undefined) return NO_ORIGIN;
  const peers = [...new Set(paths.map(({ peer }) => peer))];
  return { peer: peers.join('+'), asPath: asPathText(first.attributes) };
}

function fixedState(type: OwnRoute['target']['type']): RouteState {
  return type === 'throw' ? 'throw' : 'static';
}

/** With its legs, though it may stand on a group. */
export function wantedTarget(wanted: WantedRoute): RouteTarget {
  return wanted.kind === 'learned' ? wanted.set.target : wanted.target;
}

/** The kernel has it as it is wanted, down to the legs of its group, not only something in its place. */
export function isInstalled(table: Table, wanted: WantedRoute, { reconciler }: Facts): boolean {
  const { mirror, groups } = reconciler;
  const { prefix, metric } = wanted;
  const own = mirror.target(table.config.id, prefix, metric);
  if (own === undefined) return false;
  if (own.type === 'nexthop' && wanted.kind === 'learned') {
    const { id } = own;
    const claimed = groups.claimOf(table.config.id, wanted.set);
    return id === claimed && groups.holds(id, wanted.set.legs, mirror);
  }
  return targetKey(own) === targetKey(wantedTarget(wanted));
}

/** Why a wanted route is not in the kernel; `undefined` while it is only on its way. */
export function missingReason(
  table: Table,
  wanted: WantedRoute,
  facts: Facts,
): RejectReason | undefined {
  const { reconciler } = facts;
  const { mirror } = reconciler;
  const preserved = table.config.foreign !== 'evict' && inPlaceOf(table, wanted, mirror);
  if (preserved || isLeftAlone(table, mirror)) return 'foreign-route';
  if (contestOver(table, wanted, reconciler) !== undefined) return 'contested';
  return refusalOf(table, wanted, facts) === undefined ? undefined : 'kernel-error';
}

function missingDetail(
  table: Table,
  wanted: WantedRoute,
  reason: RejectReason | undefined,
  facts: Facts,
): string | undefined {
  const { engine, reconciler } = facts;
  switch (reason) {
    case 'foreign-route': {
      const other = inPlaceOf(table, wanted, reconciler.mirror);
      return other === undefined
        ? undefined
        : `in its place: ${formatRoute(other, (index) => engine.underlay.linkName(index))}`;
    }
    case 'contested': {
      const contest = contestOver(table, wanted, reconciler);
      return contest && contestText(contest);
    }
    case 'kernel-error': {
      const refusal = refusalOf(table, wanted, facts);
      return refusal && `${refusal.errno}: ${refusal.message}`;
    }
    default:
      return undefined;
  }
}

/** What the kernel said to the route, to the eviction of what is in its place, or else to the group it stands on. */
export function refusalOf(
  table: Table,
  wanted: WantedRoute,
  { reconciler }: Facts,
): Refusal | undefined {
  const { retries, groups, mirror } = reconciler;
  const { id } = table.config;
  const other = inPlaceOf(table, wanted, mirror);
  const refused =
    retries.find(id, wanted.metric, wanted.prefix.key) ??
    (other === undefined ? undefined : retries.findEviction(other));
  if (refused !== undefined || wanted.kind !== 'learned') return refused;
  const group = groups.claimOf(id, wanted.set);
  if (group === undefined) return undefined;
  for (const refusal of retries.values()) {
    const { operation } = refusal;
    if ('nexthop' in operation && operation.nexthop.id === group) return refusal;
  }
  return undefined;
}
