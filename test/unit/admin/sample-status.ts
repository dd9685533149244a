/** A daemon with something of everything to tell; times hang on `NOW`. */
import type { DiscoveryReport, StatusReport } from '../../../src/admin/report.js';

export const NOW = Date.parse('2026-03-01T12:00:00Z');

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const STATUS: StatusReport = {
  version: '0.1.0',
  pid: 4242,
  now: NOW,
  startedAt: NOW - 3 * HOUR,
  ready: true,
  unready: undefined,
  config: {
    file: '/etc/rib2fib/rib2fib.yaml',
    loadedAt: NOW - 3 * HOUR,
    stale: false,
    faults: [],
  },
  source: {
    name: 'gobgp',
    address: 'unix:///run/gobgp/gobgp.sock',
    state: { state: 'synced', since: NOW - 3 * HOUR },
    feed: { state: 'synced', since: NOW - 3 * HOUR },
    peers: [
      {
        peer: '10.9.0.2',
        as: 65001,
        established: true,
        sessionState: 'established',
        adminDown: false,
        received: { ipv4: 1234, ipv6: 40 },
        since: NOW - 3 * HOUR,
        lastError: undefined,
      },
      {
        peer: '10.9.1.2',
        as: 65002,
        established: false,
        sessionState: 'active',
        adminDown: false,
        received: { ipv4: 0, ipv6: 0 },
        since: undefined,
        lastError: undefined,
      },
    ],
    counters: { undecodable: 0, lastEventAt: NOW - 5 * SECOND },
  },
  discovery: undefined,
  tables: [
    {
      id: 100,
      name: 'fabric',
      metric: 20,
      routes: {
        ipv4: { heard: 1234, accepted: 812, desired: 813, installed: 813, stale: 0 },
        ipv6: { heard: 40, accepted: 40, desired: 40, installed: 40, stale: 0 },
      },
      rejected: { denied: 300, 'no-match': 122 },
      acceptedByPeer: [
        { peer: '10.9.0.2', family: 'ipv4', accepted: 812 },
        { peer: '10.9.0.2', family: 'ipv6', accepted: 40 },
      ],
      nexthopObjects: false,
      foreignRoutes: 1,
      shadowed: 0,
      rules: { desired: 4, installed: 4, found: [], misplaced: 0, faults: [] },
      notes: [],
      limits: [
        {
          id: 'fabric/all/ipv4',
          peer: undefined,
          family: 'ipv4',
          action: 'block',
          count: 'accepted',
          used: 812,
          max: 1000,
          warnPercent: 75,
          state: 'warning',
          latched: false,
          restoreAt: undefined,
        },
        {
          id: 'fabric/10.9.1.2/ipv4',
          peer: '10.9.1.2',
          family: 'ipv4',
          action: 'teardown',
          count: 'received',
          used: 0,
          max: 500,
          warnPercent: 75,
          state: 'exceeded',
          latched: true,
          restoreAt: NOW + 4 * MINUTE,
        },
      ],
      filters: [{ id: 'filters[0]', text: 'deny prefix 10.42.0.0/16 ge 16 le 32', hits: 300 }],
      nextHops: [
        {
          nextHop: '10.9.0.2',
          resolved: ['via 10.9.0.2 dev eth1'],
          unresolved: [],
          routes: 852,
          groupId: undefined,
        },
        {
          nextHop: '10.9.7.7',
          resolved: [],
          unresolved: [
            { nextHop: '10.9.7.7', reason: 'next-hop-unreachable', detail: 'no route to it' },
          ],
          routes: 0,
          groupId: undefined,
        },
      ],
    },
  ],
  kernel: {
    lastAuditAt: NOW - MINUTE,
    lastChangeAt: NOW - 5 * SECOND,
    pending: 0,
    failing: [],
    failingTotal: 0,
    contested: [],
    contestedTotal: 0,
  },
  alerts: [
    {
      name: 'Rib2fibPrefixLimitWarning',
      severity: 'warning',
      labels: { table: 'fabric', peer: 'all', family: 'ipv4' },
      since: NOW - 10 * MINUTE,
      summary: 'fabric/all/ipv4 is at 81 % of 1,000',
    },
  ],
};

/** Of a daemon in a cluster. */
export const DISCOVERY: DiscoveryReport = {
  address: 'https://10.96.0.1:443',
  node: 'node-a',
  settled: true,
  kept: { 'pod-cidr': 3, 'service-cidr': 1 },
  resources: [
    {
      ...{
        resource: 'ciliumloadbalancerippools.cilium.io',
        state: 'refused',
        objects: 0,
        faulty: 0,
      },
      ...{ since: NOW - 3 * MINUTE, lastError: 'forbidden' },
    },
    {
      ...{ resource: 'nodes', state: 'synced', objects: 3, faulty: 1 },
      ...{ since: NOW - 3 * HOUR, lastError: undefined },
    },
  ],
};
