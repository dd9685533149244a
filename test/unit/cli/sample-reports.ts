/** One report of each kind, as docs/commands.md shows them. */
import type {
  ApplyReport,
  CleanupReport,
  ExplainReport,
  LimitClearReport,
  PlanReport,
  ReloadReport,
  RouteReport,
} from '../../../src/admin/report.js';

export const ROUTES: readonly RouteReport[] = [
  {
    table: 'fabric',
    prefix: '10.1.0.0/16',
    state: 'installed',
    route: '10.1.0.0/16 via 10.9.0.2 dev eth1 proto 178 metric 20',
    peer: '10.9.0.2',
    asPath: '65001 65010',
    reason: undefined,
  },
  {
    table: 'fabric',
    prefix: '10.42.3.0/24',
    state: 'rejected',
    route: '',
    peer: '10.9.0.2',
    asPath: '65001',
    reason: 'denied',
  },
  {
    table: 'fabric',
    prefix: '0.0.0.0/0',
    state: 'static',
    route: 'default via 10.9.0.2 dev eth1 proto 178 metric 1020',
    peer: undefined,
    asPath: undefined,
    reason: undefined,
  },
];

export const EXPLAIN: ExplainReport = {
  query: '10.1.2.3',
  prefix: '10.1.0.0/16',
  tables: [
    {
      table: 'fabric',
      id: 100,
      steps: [
        { stage: 'heard', outcome: 'ok', text: 'from 10.9.0.2, AS path 65001 65010' },
        { stage: 'filter', outcome: 'ok', text: 'permitted by filters[1]' },
        { stage: 'limit', outcome: 'info', text: 'fabric/all/ipv4: 812 of 1,000' },
        { stage: 'next hop', outcome: 'ok', text: '10.9.0.2 via 10.9.0.2 dev eth1' },
        { stage: 'kernel', outcome: 'ok', text: 'there, as it should be' },
      ],
      conclusion: 'installed',
    },
  ],
};

export const PLAN: PlanReport = {
  changes: [
    {
      op: '+',
      kind: 'route',
      text: '10.1.0.0/16 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20',
    },
    {
      op: '~',
      kind: 'route',
      text: '10.2.0.0/16 via 10.9.1.2 dev eth2 table 100 proto 178 metric 20',
    },
    { op: '-', kind: 'rule', text: '10000: from 203.0.113.0/24 lookup 100 proto 178' },
  ],
  evaluatedBy: 'daemon',
  notes: [],
};

export const APPLY: ApplyReport = {
  added: 811,
  replaced: 0,
  removed: 2,
  unchanged: 4,
  failed: [
    {
      what: '10.7.0.0/16 table 100',
      errno: 'ENETUNREACH',
      message: 'Nexthop has invalid gateway',
    },
  ],
};

export const CLEANUP: CleanupReport = { rules: 4, routes: 812, nexthops: 2, failed: [] };

export const RELOAD: ReloadReport = { applied: true, changes: ['hold: 120s -> 300s'] };

export const REFUSED: ReloadReport = {
  applied: false,
  faults: ['/etc/rib2fib/rib2fib.yaml:3:9: tables[0].id: is 254, a table of the system'],
};

export const CLEARED: LimitClearReport = { cleared: ['fabric/10.9.0.2/ipv4'] };
