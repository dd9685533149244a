/**
 * What a node says of itself in the cluster: the `status` of its object NodeRoutes, made from the
 * daemon's own status. Pure. The definition is deploy/helm/rib2fib/files/noderoutes-crd.yaml.
 */
import type { StatusReport, TableReport } from '../admin/report.js';
import type { ResourceStatus } from '../discover/discovered.js';
import { FAMILIES } from '../net/family.js';
import type { PeerStatus } from '../source/source.js';
import { type Condition, conditionsOf } from './conditions.js';
import { timeText } from './time-text.js';

/** Times are RFC 3339. */
export interface NodeRoutesStatus {
  readonly version: string;
  readonly startedAt: string;
  readonly reportedAt: string;
  /** Absent before the first change. */
  readonly lastChange?: string;
  /** Policy rules of ours in the kernel. */
  readonly rules: number;
  /** Of all tables. */
  readonly routes: {
    readonly heard: number;
    readonly desired: number;
    readonly installed: number;
    readonly stale: number;
    readonly rejected: number;
  };
  readonly source: {
    readonly kind: string;
    readonly address: string;
    readonly state: string;
    readonly feed: string;
    /** Of the feed's state. */
    readonly since: string;
    /** While the feed is stale, unless it is for ever. */
    readonly holdUntil?: string;
    readonly peersEstablished: number;
    /** At most {@link MOST_PEERS}, by address. */
    readonly peers: readonly PeerSummary[];
  };
  readonly tables: readonly TableSummary[];
  readonly discovery: readonly ResourceSummary[];
  readonly conditions: readonly Condition[];
}

interface PeerSummary {
  readonly address: string;
  readonly established: boolean;
  readonly lastError?: string;
}

interface TableSummary {
  readonly id: number;
  readonly name: string;
  readonly heard: number;
  readonly accepted: number;
  readonly desired: number;
  readonly installed: number;
  readonly stale: number;
  /** Routes of others in the table. */
  readonly foreign: number;
  readonly rules: number;
  /** By reason, those that there are. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Ids of limits. */
  readonly limitsExceeded: readonly string[];
}

/** How a resource stands that discovery reads. */
interface ResourceSummary {
  readonly resource: string;
  readonly state: string;
  readonly objects: number;
  readonly lastError?: string;
}

/** The definition takes no more of these. */
const MOST_PEERS = 64;
const MOST_LIMITS = 64;
const MOST_RESOURCES = 32;
/** Characters of what others say. */
const MOST_TEXT = 500;

/** `before`: the conditions last reported, whose times go on while they hold. */
export function nodeRoutesStatus(
  status: StatusReport,
  before: readonly Condition[],
): NodeRoutesStatus {
  const { source, kernel, discovery } = status;
  const tables = status.tables.map(tableSummary);
  const sum = (of: (table: TableSummary) => number) =>
    tables.reduce((total, table) => total + of(table), 0);
  return {
    version: status.version,
    startedAt: timeText(status.startedAt),
    reportedAt: timeText(status.now),
    ...(kernel.lastChangeAt === undefined ? {} : { lastChange: timeText(kernel.lastChangeAt) }),
    rules: sum(({ rules }) => rules),
    routes: {
      // Every table hears the same.
      heard: Math.max(0, ...tables.map(({ heard }) => heard)),
      desired: sum(({ desired }) => desired),
      installed: sum(({ installed }) => installed),
      stale: sum(({ stale }) => stale),
      rejected: sum(({ rejected }) => Object.values(rejected).reduce((a, b) => a + b, 0)),
    },
    source: sourceSummary(source),
    tables,
    discovery: (discovery?.resources ?? []).slice(0, MOST_RESOURCES).map(resourceSummary),
    conditions: conditionsOf(status, before),
  };
}

/** What is worth a write of its own: all but the time of the report. */
export function sameReport(one: NodeRoutesStatus, other: NodeRoutesStatus): boolean {
  return (
    JSON.stringify({ ...one, reportedAt: '' }) === JSON.stringify({ ...other, reportedAt: '' })
  );
}

function sourceSummary(source: StatusReport['source']): NodeRoutesStatus['source'] {
  const { name, address, state, feed, peers } = source;
  return {
    ...{ kind: name, address, state: state.state, feed: feed.state, since: timeText(feed.since) },
    ...(feed.state === 'stale' && feed.until !== null ? { holdUntil: timeText(feed.until) } : {}),
    peersEstablished: peers.filter(({ established }) => established).length,
    peers: peers.slice(0, MOST_PEERS).map(peerSummary),
  };
}

function peerSummary({ peer, established, lastError }: PeerStatus): PeerSummary {
  return {
    ...{ address: peer, established },
    ...(lastError === undefined ? {} : { lastError: lastError.slice(0, MOST_TEXT) }),
  };
}

function resourceSummary({ resource, state, objects, lastError }: ResourceStatus): ResourceSummary {
  return {
    ...{ resource, state, objects },
    ...(lastError === undefined ? {} : { lastError: lastError.slice(0, MOST_TEXT) }),
  };
}

function tableSummary(table: TableReport): TableSummary {
  const { id, name, routes, rejected, foreignRoutes, rules, limits } = table;
  const sum = (what: 'heard' | 'accepted' | 'desired' | 'installed' | 'stale') =>
    FAMILIES.reduce((total, family) => total + routes[family][what], 0);
  const exceeded = limits.filter(({ state, latched }) => state === 'exceeded' || latched);
  return {
    ...{ id, name, heard: sum('heard'), accepted: sum('accepted'), desired: sum('desired') },
    ...{ installed: sum('installed'), stale: sum('stale'), foreign: foreignRoutes },
    ...{ rules: rules.installed, rejected },
    limitsExceeded: exceeded.slice(0, MOST_LIMITS).map((limit) => limit.id),
  };
}
