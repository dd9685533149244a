/**
 * Every metric of rib2fib. Gauges are taken from one {@link StatusReport} at
 * scrape time, so they cannot differ from `status` and cost nothing between
 * scrapes; what only grows is counted where it happens. No label holds a prefix.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ConnmarkReport, FeedState, StatusReport, TableReport } from '../admin/report.js';
import { RESOURCE_STATES } from '../discover/discovered.js';
import { FAMILIES } from '../net/family.js';
import type { SourceState } from '../source/source.js';

type Labels = Readonly<Record<string, string>>;

const PREFIX = 'rib2fib_';

const LIMIT_LABELS = ['table', 'peer', 'family', 'action'];

/** Name without prefix, help, labels. */
const GAUGES = {
  source_up: ['The source answers and feeds routes.', ['source']],
  source_synced: ['A full feed has ended, and the source was not lost since.', ['source']],
  source_state: ['1 for what the source does now, 0 for what it does not.', ['source', 'state']],
  source_state_since_timestamp_seconds: ['Since when the source does that.', ['source']],
  feed_state: [
    '1 for how far the routes learned can be trusted: stale while hold runs, syncing, synced, expired.',
    ['source', 'state'],
  ],
  feed_state_since_timestamp_seconds: ['Since when the feed is in that state.', ['source']],
  hold_end_timestamp_seconds: [
    'While the feed is stale: when hold ends, and the routes learned go; absent for ever.',
    ['source'],
  ],
  source_last_event_timestamp_seconds: ['When the source last said anything.', []],
  bgp_session_up: [
    'The BGP session is established; of several peers at one address, all are.',
    ['peer'],
  ],
  bgp_hold_end_timestamp_seconds: [
    'While a peer is away and source bgp keeps routes of it: when they go; +Inf for ever.',
    ['peer'],
  ],
  received_prefixes: ['Prefixes heard from a peer, before any policy.', ['peer', 'family']],
  accepted_prefixes: [
    'Prefixes of a peer past the filters and limits of a table, with a selected path of that peer.',
    ['peer', 'family', 'table'],
  ],
  routes_desired: ['Routes that are to be in the kernel.', ['table', 'family']],
  routes_installed: ['Routes of ours that are in the kernel.', ['table', 'family']],
  routes_stale: [
    'Routes in the kernel kept from before, not confirmed by the source.',
    ['table', 'family'],
  ],
  routes_rejected: [
    'Prefixes heard, or static ones, that are not to be in the kernel.',
    ['table', 'reason'],
  ],
  foreign_routes: ['Routes of others in a table of ours.', ['table']],
  routes_shadowed: [
    'Routes of ours behind one of somebody else: same prefix, lower metric.',
    ['table'],
  ],
  contested_objects: ['Routes, rules and nexthop objects that others undo again and again.', []],
  rules_installed: ['Source rules of ours that are in the kernel.', ['table']],
  connmark_up: [
    'Connections are marked, so that replies find back; absent where no table goes by marks.',
    [],
  ],
  connmark_connections: [
    'Connections marked since the nftables table was written last, at the last look.',
    ['table'],
  ],
  rules_misplaced: [
    'Source rules kept out of the kernel, as they would stand ahead of table local.',
    ['table'],
  ],
  prefix_limit: ['The prefix limit as configured.', LIMIT_LABELS],
  prefix_limit_usage_ratio: ['Prefixes counted, as a share of the limit.', LIMIT_LABELS],
  prefix_limit_exceeded: ['The limit is exceeded, or its action still holds.', LIMIT_LABELS],
  discovery_resource_state: [
    '1 for how a resource of the cluster stands: listing (never told yet), synced, stale, refused, absent.',
    ['resource', 'state'],
  ],
  discovery_resource_state_since_timestamp_seconds: [
    'Since when a resource of the cluster stands so.',
    ['resource'],
  ],
  discovery_objects: ['Objects of a resource of the cluster that are in use.', ['resource']],
  discovery_objects_faulty: [
    'Objects of a resource of the cluster that are not understood.',
    ['resource'],
  ],
  discovery_ranges_kept: ['Ranges of the cluster’s own that no table learns.', ['kind']],
  rules_found: ['Source rules that discovery has found.', ['table']],
  config_loaded: ['A configuration is in force.', []],
  config_stale: ['A newer configuration was refused; the one before is in force.', []],
  build_info: ['Always 1; the label has the version.', ['version']],
} as const satisfies Record<string, readonly [help: string, labels: readonly string[]]>;

type GaugeName = keyof typeof GAUGES;

/** Seconds: a single change takes fractions of a millisecond, a full table seconds. */
const RECONCILE_BUCKETS = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30];

export interface MetricsOptions {
  /** Called once a scrape. */
  readonly collect: () => StatusReport;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #collect: () => StatusReport;
  readonly #gauges = new Map<GaugeName, Gauge>();
  readonly #operations: Counter;
  readonly #errors: Counter;
  readonly #drift: Counter;
  readonly #overruns: Counter;
  readonly #hooks: Counter;
  readonly #reconcile: Histogram;

  constructor({ collect }: MetricsOptions) {
    this.#collect = collect;
    const registers = [this.#registry];
    for (const name of Object.keys(GAUGES) as GaugeName[]) {
      const [help, labelNames] = GAUGES[name];
      this.#gauges.set(name, new Gauge({ registers, name: PREFIX + name, help, labelNames }));
    }
    this.#operations = new Counter({
      registers,
      name: `${PREFIX}kernel_operations_total`,
      help: 'Operations the kernel carried out.',
      labelNames: ['op'],
    });
    this.#errors = new Counter({
      registers,
      name: `${PREFIX}kernel_errors_total`,
      help: 'Operations the kernel refused.',
      labelNames: ['op', 'errno'],
    });
    this.#drift = new Counter({
      registers,
      name: `${PREFIX}drift_repaired_total`,
      help: 'Objects of ours that somebody else changed or removed, put right again.',
      labelNames: ['kind'],
    });
    this.#overruns = new Counter({
      registers,
      name: `${PREFIX}kernel_overruns_total`,
      help: 'Times notices of the kernel were lost, so that everything was read again.',
    });
    this.#hooks = new Counter({
      registers,
      name: `${PREFIX}hook_runs_total`,
      help: 'Runs of a hook: ended well, failed, or killed for its time.',
      labelNames: ['hook', 'result'],
    });
    this.#reconcile = new Histogram({
      registers,
      name: `${PREFIX}reconcile_duration_seconds`,
      help: 'Time of one pass of the reconcile loop.',
      buckets: RECONCILE_BUCKETS,
    });
    registerProcess(this.#registry);
  }

  /** `op` as the kernel port names it: `route-add`, `rule-delete` … */
  countOperations(op: string, count = 1): void {
    this.#operations.inc({ op }, count);
  }

  countKernelError(op: string, errno: string): void {
    this.#errors.inc({ op, errno });
  }

  countDrift(kind: 'route' | 'rule' | 'nexthop' | 'connmark', count = 1): void {
    this.#drift.inc({ kind }, count);
  }

  countOverrun(): void {
    this.#overruns.inc();
  }

  /** `result`: ok, failed or timeout; a `count` of 0 makes it known. */
  countHook(hook: string, result: string, count: number): void {
    this.#hooks.inc({ hook, result }, count);
  }

  observeReconcile(milliseconds: number): void {
    this.#reconcile.observe(milliseconds / 1000);
  }

  /** The media type that belongs to {@link render}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in the Prometheus text format. */
  render(): Promise<string> {
    for (const gauge of this.#gauges.values()) gauge.reset();
    this.#fill(this.#collect());
    return this.#registry.metrics();
  }

  #fill(status: StatusReport): void {
    const { source, config } = status;
    const label = { source: source.name };
    this.#set('source_up', label, feeds(source.state));
    this.#set('source_synced', label, source.feed.state === 'synced');
    for (const state of SOURCE_STATES)
      this.#set('source_state', { ...label, state }, source.state.state === state);
    this.#set('source_state_since_timestamp_seconds', label, source.state.since / 1000);
    const { feed } = source;
    for (const state of FEED_STATES)
      this.#set('feed_state', { ...label, state }, feed.state === state);
    this.#set('feed_state_since_timestamp_seconds', label, feed.since / 1000);
    if (feed.state === 'stale' && feed.until !== null)
      this.#set('hold_end_timestamp_seconds', label, feed.until / 1000);
    const { lastEventAt } = source.counters;
    if (lastEventAt !== undefined) {
      this.#set('source_last_event_timestamp_seconds', {}, lastEventAt / 1000);
    } else {
      // A reset leaves 0 where there are no labels, and 0 would be the year 1970.
      this.#gauges.get('source_last_event_timestamp_seconds')?.remove();
    }
    this.#fillPeers(source.peers);
    this.#fillDiscovery(status.discovery);
    for (const table of status.tables) this.#fillTable(table);
    this.#fillConnmark(status.connmark);
    this.#set('contested_objects', {}, status.kernel.contestedTotal);
    this.#set('config_loaded', {}, true);
    this.#set('config_stale', {}, config.stale);
    this.#set('build_info', { version: status.version }, true);
  }

  #fillConnmark(report: ConnmarkReport): void {
    if (report.state === 'off') this.#gauges.get('connmark_up')?.remove();
    else this.#set('connmark_up', {}, report.state === 'kept');
    if (report.state !== 'kept') return;
    for (const { table, marked } of report.tables) {
      this.#set('connmark_connections', { table }, marked);
    }
  }

  /** Several peers of one address, told apart by router id, are one: up when all are. */
  #fillPeers(peers: StatusReport['source']['peers']): void {
    for (const peer of new Set(peers.map((one) => one.peer))) {
      const same = peers.filter((one) => one.peer === peer);
      const up = same.every(({ established }) => established);
      this.#set('bgp_session_up', { peer }, up);
      const ends = same.flatMap(({ heldUntil }) => (heldUntil === undefined ? [] : heldUntil));
      if (ends.length > 0) {
        const first = Math.min(...ends.map((end) => (end === null ? Infinity : end / 1000)));
        this.#set('bgp_hold_end_timestamp_seconds', { peer }, first);
      }
      for (const family of FAMILIES) {
        const received = same.reduce((sum, one) => sum + one.received[family], 0);
        this.#set('received_prefixes', { peer, family }, received);
      }
    }
  }

  #fillDiscovery(discovery: StatusReport['discovery']): void {
    for (const { resource, state, since, objects, faulty } of discovery?.resources ?? []) {
      for (const one of RESOURCE_STATES) {
        this.#set('discovery_resource_state', { resource, state: one }, state === one);
      }
      this.#set('discovery_resource_state_since_timestamp_seconds', { resource }, since / 1000);
      this.#set('discovery_objects', { resource }, objects);
      this.#set('discovery_objects_faulty', { resource }, faulty);
    }
    for (const [kind, count] of Object.entries(discovery?.kept ?? {})) {
      this.#set('discovery_ranges_kept', { kind }, count);
    }
  }

  #fillTable(report: TableReport): void {
    const table = report.name;
    for (const family of FAMILIES) {
      const { desired, installed, stale } = report.routes[family];
      this.#set('routes_desired', { table, family }, desired);
      this.#set('routes_installed', { table, family }, installed);
      this.#set('routes_stale', { table, family }, stale);
    }
    for (const { peer, family, accepted } of report.acceptedByPeer) {
      this.#set('accepted_prefixes', { peer, family, table }, accepted);
    }
    for (const [reason, count] of Object.entries(report.rejected)) {
      this.#set('routes_rejected', { table, reason }, count);
    }
    this.#set('foreign_routes', { table }, report.foreignRoutes);
    this.#set('routes_shadowed', { table }, report.shadowed);
    this.#set('rules_installed', { table }, report.rules.installed);
    this.#set('rules_misplaced', { table }, report.rules.misplaced);
    this.#set('rules_found', { table }, report.rules.found.length);
    for (const { peer, family, action, used, max, state, latched } of report.limits) {
      const labels = { table, peer: peer ?? 'all', family, action };
      this.#set('prefix_limit', labels, max);
      this.#set('prefix_limit_usage_ratio', labels, max === 0 ? used : used / max);
      this.#set('prefix_limit_exceeded', labels, state === 'exceeded' || latched);
    }
  }

  #set(name: GaugeName, labels: Labels, value: number | boolean): void {
    this.#gauges.get(name)?.set(labels, Number(value));
  }
}

const SOURCE_STATES = keysOf<SourceState['state']>({
  connecting: true,
  'bgp-not-started': true,
  syncing: true,
  synced: true,
  refused: true,
  lost: true,
  stopped: true,
});

const FEED_STATES = keysOf<FeedState['state']>({
  stale: true,
  syncing: true,
  synced: true,
  expired: true,
});

/** Every member of a union, which the compiler holds complete. */
function keysOf<T extends string>(all: Readonly<Record<T, true>>): readonly string[] {
  return Object.keys(all);
}

function feeds(state: SourceState): boolean {
  return state.state === 'syncing' || state.state === 'synced';
}

/** The two standard process metrics that need no timer; prom-client's own set watches the loop. */
function registerProcess(registry: Registry): void {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    registers,
    name: 'process_cpu_seconds_total',
    help: 'Total user and system CPU time spent in seconds.',
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
