import type { Entry } from '../desired/decide.js';
import { formatRoute } from '../desired/format.js';
import type { Table } from '../desired/table.js';
import { familyOfKey } from '../net/prefix.js';
import type { RejectReason } from '../policy/verdict.js';
import type { OwnRoute } from '../reconcile/mirror.js';
import { asPathText } from '../rib/path.js';
import type { Facts } from './facts.js';
import type { RouteReport, RouteState, RoutesQuery } from './report.js';
import { AdminFault } from './service.js';

/** Every prefix heard, configured or kept, one by one; throws {@link AdminFault} for an unknown table. */
export function* routesAnswer(facts: Facts, query: RoutesQuery): Generator<RouteReport> {
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  for (const table of namedTables(facts, query.table)) {
    for (const key of allKeys(table, facts)) {
      if (query.family !== undefined && familyOfKey(key) !== query.family) continue;
      for (const report of prefixReports(table, key, facts)) {
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

function* allKeys(table: Table, { reconciler }: Facts): Generator<string> {
  yield* table.keys();
  for (const key of reconciler.mirror.keys(table.config.id)) if (!table.mayHold(key)) yield key;
}

function matches(report: RouteReport, { state, reason, peer }: RoutesQuery): boolean {
  return (
    (state === undefined || report.state === state) &&
    (reason === undefined || report.reason === reason) &&
    (peer === undefined || report.peer === peer)
  );
}

function* prefixReports(table: Table, key: string, facts: Facts): Generator<RouteReport> {
  const { engine, reconciler } = facts;
  const { id, name } = table.config;
  const linkName = (index: number): string => engine.underlay.linkName(index);
  const own = reconciler.mirror.own(id, key);
  const wanted = table.wanted(key);
  const entry = table.entry(key);
  for (const { prefix, metric, ...what } of wanted) {
    const target = what.kind === 'learned' ? what.set.target : what.target;
    const route = { table: id, prefix, metric, target };
    const installed = own.some((one) => one.metric === metric);
    const state =
      what.kind === 'fixed' ? fixedState(target.type) : installed ? 'installed' : 'pending';
    const reason = installed ? undefined : missingReason(table, key, metric, facts);
    yield {
      table: name,
      prefix: prefix.text,
      state: reason === undefined ? state : 'failed',
      route: formatRoute(route, linkName),
      ...(what.kind === 'learned' ? origin(entry) : NO_ORIGIN),
      reason,
    };
  }
  const reason = entry === undefined ? undefined : table.reasonOf(entry);
  if (entry !== undefined && reason !== undefined) {
    const { prefix } = entry;
    yield {
      table: name,
      prefix: prefix.text,
      state: 'rejected',
      route: prefix.text,
      ...origin(entry),
      reason,
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

/** Why a wanted route is not in the kernel; `undefined` while it is only on its way. */
export function missingReason(
  table: Table,
  key: string,
  metric: number,
  { reconciler }: Facts,
): RejectReason | undefined {
  const { id } = table.config;
  if (reconciler.mirror.foreign(id, key).some((route) => route.metric === metric))
    return 'foreign-route';
  return reconciler.retries.find(id, metric, key) === undefined ? undefined : 'kernel-error';
}
