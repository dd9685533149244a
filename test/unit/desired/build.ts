/** Short ways to write configurations, paths and underlays in tests of the flow's second half. */
import type {
  BestPathConfig,
  Config,
  LimitAction,
  LimitConfig,
  NextHopConfig,
  RuleMatch,
  TableConfig,
} from '../../../src/config/config.js';
import type { Path } from '../../../src/rib/path.js';
import type { RouteUpdate, SourceEvent } from '../../../src/source/source.js';
import { address, attributes, path, prefix, rule, sequence } from '../policy/build.js';

export { address, prefix } from '../policy/build.js';

export const NEXT_HOP: NextHopConfig = {
  resolve: 'recursive',
  viaDefault: false,
  override: [],
  objects: 'auto',
};

export const BEST_PATH: BestPathConfig = {
  multipathRelax: false,
  alwaysCompareMed: false,
  preferOldest: false,
};

/** Everything permitted, nothing else asked for. */
export function table(given: Partial<TableConfig> = {}): TableConfig {
  return {
    id: 100,
    name: 'fabric',
    metric: 20,
    filters: [rule('permit', 'filters[0]')],
    acceptDefault: true,
    limits: [],
    multipath: 16,
    bestPath: BEST_PATH,
    nextHop: NEXT_HOP,
    foreign: 'preserve',
    static: [],
    onMiss: 'main',
    keepInMain: [],
    rules: undefined,
    ...given,
  };
}

export function nextHop(given: Partial<NextHopConfig>): NextHopConfig {
  return { ...NEXT_HOP, ...given };
}

/** Source rules of the prefixes, at 10000. */
export function rulesFrom(...prefixes: string[]): NonNullable<TableConfig['rules']> {
  const from = prefixes.map((text) => ({ kind: 'prefix', prefix: prefix(text) }) as const);
  return { priority: 10_000, from, match: [], discover: [] };
}

export function match(given: Partial<RuleMatch>): RuleMatch {
  return {
    family: undefined,
    from: undefined,
    to: undefined,
    iif: undefined,
    fwmark: undefined,
    ...given,
  };
}

/** `10.9.0.2`, `10.9.0.2%eth1`, `%eth1`, each with `*3` for a weight. */
export function staticRoute(to: string, ...ways: string[]): TableConfig['static'][number] {
  const via = ways.map((way) => {
    const [hop = '', weight = '1'] = way.split('*');
    const [gateway = '', name] = hop.split('%');
    return {
      gateway: gateway === '' ? undefined : address(gateway),
      interface: name,
      weight: Number(weight),
    };
  });
  return { prefix: prefix(to), via, discover: undefined };
}

export function limit(
  action: LimitAction,
  max: number,
  given: Partial<LimitConfig> = {},
): LimitConfig {
  const { peer, family = 'ipv4' } = given;
  return {
    id: `fabric/${peer ?? 'all'}/${family}`,
    peer,
    family,
    max,
    warnPercent: 75,
    count: 'accepted',
    action,
    restartAfter: 60_000,
    ...given,
  };
}

export function config(...tables: TableConfig[]): Config {
  return {
    source: { kind: 'gobgp', gobgp: { address: '127.0.0.1:50051', tls: undefined, paths: 'best' } },
    hold: 120_000,
    sync: { timeout: 360_000 },
    tables,
    prefixLists: new Map(),
    discovery: { kubernetes: undefined },
    metrics: { listen: undefined },
    admin: { socket: '/run/rib2fib/admin.sock' },
    alerts: { alertmanager: undefined },
    log: { level: 'info' },
    files: [],
  };
}

/** A source interns its paths: the same words are the same object. */
const paths = new Map<string, Path>();

/** `10.9.0.2`, `10.9.0.2@PEER`, `10.9.0.2 bw 1000`, `fe80::1%eth1`; the peer is the next hop where none is named. */
export function pathVia(text: string): Path {
  const known = paths.get(text);
  if (known !== undefined) return known;
  const [way = '', bandwidth] = text.split(' bw ');
  const [hop = '', peer = hop.split('%')[0] ?? ''] = way.split('@');
  const made = path({
    nextHop: hop,
    peer,
    attributes: attributes({
      asPath: sequence(65001),
      linkBandwidth: bandwidth === undefined ? undefined : Number(bandwidth),
    }),
  });
  paths.set(text, made);
  return made;
}

/** `10.0.0.0/8 via 10.9.0.2 + 10.9.1.2`; without `via` a withdrawal. */
export function update(text: string): RouteUpdate {
  const [to = '', ways] = text.split(' via ');
  const found = ways === undefined ? [] : ways.split(' + ').map(pathVia);
  return { prefix: prefix(to), paths: found };
}

export function updates(...texts: string[]): SourceEvent {
  return { type: 'updates', updates: texts.map(update) };
}

export const RESET: SourceEvent = { type: 'reset' };
export const SYNCED: readonly SourceEvent[] = [
  { type: 'synced', family: 'ipv4' },
  { type: 'synced', family: 'ipv6' },
];
