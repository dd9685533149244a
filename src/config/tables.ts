/** Parsed tables -> {@link TableConfig}, with what one key means for another checked. */
import type { FilterRule, LimitConfig, SourceConfig, StaticRoute, TableConfig } from './config.js';
import type { FaultPath, Tell } from './fault.js';
import type { Claims } from './return-path.js';
import { buildRules } from './rules.js';
import type { ParsedTable } from './schema.js';

/** `restartAfter` where a `teardown` limit gives none. */
const DEFAULT_RESTART_AFTER = 15 * 60_000;

/** RT_TABLE_DEFAULT, _MAIN and _LOCAL of linux/rtnetlink.h. */
const KERNEL_TABLES: ReadonlyMap<number, string> = new Map([
  [253, 'default'],
  [254, 'main'],
  [255, 'local'],
]);

/** `filters[i]` are the rules of `parsed[i]`; `discovers`: there is a cluster to ask. The result is of use only if nothing was told. */
export function buildTables(
  parsed: readonly ParsedTable[],
  filters: readonly (readonly FilterRule[])[],
  source: SourceConfig['kind'],
  discovers: boolean,
  tell: Tell,
): readonly TableConfig[] {
  const [ids, names] = [new Set<number>(), new Set<string>()];
  const claims: Claims = { selectors: new Set(), marks: [] };
  return parsed.map((table, index) => {
    const at = (...below: FaultPath): FaultPath => ['tables', index, ...below];
    const { id, name = `table${table.id}` } = table;
    const kernelName = KERNEL_TABLES.get(id);
    if (kernelName !== undefined) {
      tell(at('id'), `${id} is the kernel's own table ${kernelName}; choose another`);
    }
    if (ids.has(id)) tell(at('id'), `a table above has the id ${id} too`);
    if (names.has(name)) tell(at('name'), `a table above has the name ${name} too`);
    ids.add(id);
    names.add(name);

    const { resolve, viaDefault, objects, override = [] } = table.nextHop;
    const gateways = Array.isArray(override) ? override : [override];
    for (const [which, gateway] of gateways.entries()) {
      if (!gateway.isLinkLocal) continue;
      const place = at('nextHop', 'override', ...(Array.isArray(override) ? [which] : []));
      tell(place, `${gateway} is link-local and names no interface`);
    }
    tellRepeated(table.keepInMain, String, (repeated) => at('keepInMain', repeated), tell);
    if (!discovers) tellUndiscovered(table, at, tell);
    return {
      id,
      name,
      metric: table.metric,
      filters: filters[index] ?? [],
      acceptDefault: table.acceptDefault,
      limits: buildLimits(table.limits, name, source, at('limits'), tell),
      multipath: table.multipath,
      bestPath: table.bestPath,
      nextHop: { resolve, viaDefault, override: gateways, objects },
      foreign: table.foreign,
      static: buildStatic(table, at('static'), tell),
      onMiss: table.onMiss,
      keepInMain: table.keepInMain,
      rules: table.rules && buildRules(table.rules, at('rules'), claims, tell),
    };
  });
}

function buildLimits(
  limits: ParsedTable['limits'],
  table: string,
  source: SourceConfig['kind'],
  path: FaultPath,
  tell: Tell,
): readonly LimitConfig[] {
  const ids = new Set<string>();
  return limits.map((limit, index) => {
    const { peer, family, action, restartAfter } = limit;
    const id = `${table}/${peer ?? 'all'}/${family}`;
    if (ids.has(id)) {
      const whose = peer === undefined ? 'without a peer' : `for peer ${peer}`;
      tell([...path, index], `a limit above is for ${family} ${whose} too; they may not overlap`);
    }
    ids.add(id);
    if (action === 'teardown' && peer === undefined) {
      tell([...path, index, 'action'], 'teardown needs peer: whose session is to end?');
    }
    if (action === 'teardown' && (source === 'file' || source === 'fpm')) {
      tell(
        [...path, index, 'action'],
        `teardown is not possible: source ${source} has no sessions`,
      );
    }
    if (action !== 'teardown' && restartAfter !== undefined) {
      tell([...path, index, 'restartAfter'], 'only goes with action: teardown');
    }
    return { ...limit, id, peer, restartAfter: restartAfter ?? DEFAULT_RESTART_AFTER };
  });
}

function buildStatic(
  { static: routes, keepInMain }: ParsedTable,
  path: FaultPath,
  tell: Tell,
): readonly StaticRoute[] {
  tellRepeated(
    routes,
    ({ prefix }) => prefix.text,
    (repeated) => [...path, repeated, 'prefix'],
    tell,
  );
  return routes.map(({ prefix, via = [], discover }, index) => {
    if (via.length === 0 && discover === undefined) tell([...path, index], 'needs via or discover');
    if (keepInMain.some(({ key }) => key === prefix.key)) {
      tell([...path, index, 'prefix'], `${prefix} is in keepInMain too; leave one of them out`);
    }
    const legs = via.map(({ gateway, interface: name, weight }) => ({
      gateway,
      interface: name,
      weight,
    }));
    for (const [legIndex, leg] of legs.entries()) {
      const legPath = [...path, index, 'via', legIndex];
      if (leg.interface === undefined && (leg.gateway === undefined || leg.gateway.isLinkLocal)) {
        tell(
          legPath,
          leg.gateway
            ? 'a link-local gateway needs interface'
            : 'needs gateway, interface, or both',
        );
      }
      if (prefix.family === 'ipv6' && leg.gateway?.family === 'ipv4') {
        tell([...legPath, 'gateway'], 'an IPv6 route cannot have an IPv4 gateway');
      }
    }
    tellRepeated(
      legs,
      (leg) => `${leg.gateway ?? ''}%${leg.interface ?? ''}`,
      (repeated) => [...path, index, 'via', repeated],
      tell,
    );
    return { prefix, via: legs, discover: discover && 'metallbPeers' };
  });
}

/** What a table asks of a cluster, and there is none to ask. */
function tellUndiscovered(
  table: ParsedTable,
  at: (...below: FaultPath) => FaultPath,
  tell: Tell,
): void {
  const needs = 'needs discovery.kubernetes, which is not there';
  for (const [index, { discover }] of table.static.entries()) {
    if (discover !== undefined) tell(at('static', index, 'discover'), needs);
  }
  if ((table.rules?.discover.length ?? 0) > 0) tell(at('rules', 'discover'), needs);
  if (table.rules?.returnPath === 'endpoints') {
    tell(at('rules', 'returnPath'), `endpoints ${needs}`);
  }
}

/** Tells of each item that equals an earlier one. */
function tellRepeated<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  pathOf: (index: number) => FaultPath,
  tell: Tell,
): void {
  const seen = new Set<string>();
  for (const [index, item] of items.entries()) {
    const key = keyOf(item);
    if (seen.has(key)) tell(pathOf(index), 'stands above already');
    seen.add(key);
  }
}
