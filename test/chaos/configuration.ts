/** The configurations that a run swaps: what the model reads, and what the daemon is given. */
import { BALLAST_SPACE } from './ballast.js';
import { BLOCKS, GATEWAY, MANAGEMENT, POOL, SIDE, TABLES, type TableId } from './network.js';

export interface Configuration {
  readonly metric: number;
  /** The table whose routes stand on nexthop objects; the other's are inline. */
  readonly objects: TableId;
  /** {@link BLOCKS.deniable} is denied. */
  readonly denies: boolean;
  /** {@link BLOCKS.keepable} stays in main. */
  readonly keeps: boolean;
  readonly multipath: number;
  readonly onMiss: 'main' | 'unreachable';
  readonly priority: number;
  /** One more source rule a table. */
  readonly morePools: boolean;
  /** One more table, of the same routes. */
  readonly moreTables: boolean;
  /** Seconds. */
  readonly hold: number;
}

export const FIRST: Configuration = {
  metric: 20,
  objects: 101,
  denies: false,
  keeps: false,
  multipath: 16,
  onMiss: 'main',
  priority: 10_000,
  morePools: false,
  moreTables: false,
  hold: 600,
};

/** Single changes; each makes of the configuration before it another. */
export const SWAPS: Readonly<Record<string, (from: Configuration) => Configuration>> = {
  metric: (from) => ({ ...from, metric: from.metric === 20 ? 21 : 20 }),
  objects: (from) => ({ ...from, objects: from.objects === 100 ? 101 : 100 }),
  filters: (from) => ({ ...from, denies: !from.denies }),
  keepInMain: (from) => ({ ...from, keeps: !from.keeps }),
  multipath: (from) => ({ ...from, multipath: from.multipath === 16 ? 1 : 16 }),
  onMiss: (from) => ({ ...from, onMiss: from.onMiss === 'main' ? 'unreachable' : 'main' }),
  priority: (from) => ({ ...from, priority: from.priority === 10_000 ? 10_001 : 10_000 }),
  pools: (from) => ({ ...from, morePools: !from.morePools }),
  tables: (from) => ({ ...from, moreTables: !from.moreTables }),
};

/** Table 102 comes and goes; it carries nobody's traffic. */
export function tableIds({ moreTables }: Configuration): readonly number[] {
  return moreTables ? [...TABLES, 102] : TABLES;
}

/** The interface whose addresses have a rule of their own into the table. */
export function ruleInterface(table: number): string | undefined {
  return table === 100 ? SIDE.a.port : table === 101 ? SIDE.b.port : undefined;
}

export function pools(table: number, { morePools }: Configuration): readonly string[] {
  if (table !== 100 && table !== 101) return [];
  const more = [`192.168.${table}.0/24`, `2001:db8:f${table}::/48`];
  return [POOL[table].ipv4, POOL[table].ipv6, ...(morePools ? more : [])];
}

/** As rib2fib takes it, but for `source`, `admin` and `metrics`. */
export function daemonConfiguration(config: Configuration): Readonly<Record<string, unknown>> {
  const denials = [
    { deny: { prefix: BLOCKS.deniable.ipv4, ge: 16, le: 32 } },
    { deny: { prefix: BLOCKS.deniable.ipv6, ge: 48, le: 128 } },
  ];
  return {
    hold: `${config.hold}s`,
    tables: tableIds(config).map((id) => {
      const name = ruleInterface(id);
      return {
        id,
        metric: config.metric,
        filters: [
          ...(config.denies ? denials : []),
          { permit: { prefix: '10.0.0.0/8', ge: 8, le: 32 } },
          { permit: { prefix: '2001:db8::/32', ge: 32, le: 128 } },
          { permit: { prefix: BALLAST_SPACE.ipv4, ge: 16, le: 24 } },
          { permit: { prefix: BALLAST_SPACE.ipv6, ge: 40, le: 48 } },
        ],
        multipath: config.multipath,
        nextHop: { objects: id === config.objects ? 'always' : 'never' },
        onMiss: config.onMiss,
        keepInMain: config.keeps ? Object.values(BLOCKS.keepable) : [],
        static: Object.values(GATEWAY).map((gateway) => ({
          prefix: gateway.includes(':') ? '::/0' : '0.0.0.0/0',
          via: [{ gateway, interface: MANAGEMENT }],
        })),
        ...(name === undefined
          ? {}
          : {
              rules: {
                priority: config.priority,
                from: [...pools(id, config), { interface: name }],
              },
            }),
      };
    }),
  };
}
