import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnmarkReport, StatusReport } from '../../../src/admin/report.js';
import { Metrics } from '../../../src/observe/metrics.js';
import { DISCOVERY, NOW, STATUS } from '../admin/sample-status.js';

/** Name and labels of every metric that operators may build on: a contract. */
const CONTRACT: Readonly<Record<string, readonly string[]>> = {
  rib2fib_source_up: ['source'],
  rib2fib_source_synced: ['source'],
  rib2fib_source_state: ['source', 'state'],
  rib2fib_source_state_since_timestamp_seconds: ['source'],
  rib2fib_feed_state: ['source', 'state'],
  rib2fib_feed_state_since_timestamp_seconds: ['source'],
  rib2fib_hold_end_timestamp_seconds: ['source'],
  rib2fib_source_last_event_timestamp_seconds: [],
  rib2fib_bgp_session_up: ['peer'],
  rib2fib_bgp_hold_end_timestamp_seconds: ['peer'],
  rib2fib_received_prefixes: ['family', 'peer'],
  rib2fib_accepted_prefixes: ['family', 'peer', 'table'],
  rib2fib_routes_desired: ['family', 'table'],
  rib2fib_routes_installed: ['family', 'table'],
  rib2fib_routes_stale: ['family', 'table'],
  rib2fib_routes_rejected: ['reason', 'table'],
  rib2fib_foreign_routes: ['table'],
  rib2fib_routes_shadowed: ['table'],
  rib2fib_contested_objects: [],
  rib2fib_rules_installed: ['table'],
  rib2fib_connmark_up: [],
  rib2fib_connmark_connections: ['table'],
  rib2fib_rules_misplaced: ['table'],
  rib2fib_prefix_limit: ['action', 'family', 'peer', 'table'],
  rib2fib_prefix_limit_usage_ratio: ['action', 'family', 'peer', 'table'],
  rib2fib_prefix_limit_exceeded: ['action', 'family', 'peer', 'table'],
  rib2fib_kernel_operations_total: ['op'],
  rib2fib_kernel_errors_total: ['errno', 'op'],
  rib2fib_drift_repaired_total: ['kind'],
  rib2fib_hook_runs_total: ['hook', 'result'],
  rib2fib_kernel_overruns_total: [],
  rib2fib_reconcile_duration_seconds: [],
  rib2fib_discovery_resource_state: ['resource', 'state'],
  rib2fib_discovery_resource_state_since_timestamp_seconds: ['resource'],
  rib2fib_discovery_objects: ['resource'],
  rib2fib_discovery_objects_faulty: ['resource'],
  rib2fib_discovery_ranges_kept: ['kind'],
  rib2fib_rules_found: ['table'],
  rib2fib_config_loaded: [],
  rib2fib_config_stale: [],
  rib2fib_build_info: ['version'],
  process_resident_memory_bytes: [],
  process_cpu_seconds_total: [],
};

function metricsOf(status: () => StatusReport): Metrics {
  const metrics = new Metrics({ collect: status });
  metrics.countOperations('route-add', 3);
  metrics.countKernelError('route-add', 'EEXIST');
  metrics.countDrift('rule');
  metrics.countHook('before', 'ok', 2);
  metrics.countHook('before', 'timeout', 0);
  metrics.countOverrun();
  metrics.observeReconcile(2);
  return metrics;
}

async function lines(metrics: Metrics): Promise<string[]> {
  return (await metrics.render()).split('\n');
}

test('names and labels are the contract, no more and no less', async () => {
  const seen = new Map<string, string[]>();
  const feed = { state: 'stale', since: NOW, until: NOW + 1_000, reason: 'reset' } as const;
  const peers = STATUS.source.peers.map((peer) => ({ ...peer, heldUntil: null }));
  const source = { ...STATUS.source, feed, peers };
  const connmark: ConnmarkReport = {
    ...{ state: 'kept', since: NOW, readAt: NOW },
    tables: [{ table: 'fabric', mark: '0x1/0x1', interfaces: [], pools: [], marked: 7 }],
  };
  const all = await lines(metricsOf(() => ({ ...STATUS, source, connmark, discovery: DISCOVERY })));
  for (const line of all) {
    const name = /^# TYPE (\S+)/.exec(line)?.[1];
    if (name !== undefined) seen.set(name, []);
  }
  for (const [name, labels] of seen) {
    const sample = all.find((line) => new RegExp(`^${name}(_bucket)?[{ ]`).test(line)) ?? '';
    labels.push(...[...sample.matchAll(/(\w+)="/g)].map(([, label]) => label ?? ''));
  }
  const normal = Object.fromEntries(
    [...seen].map(([name, labels]) => [name, labels.filter((label) => label !== 'le').sort()]),
  );
  assert.deepEqual(normal, CONTRACT);
});

test('whether connections are marked is told only where they are to be', async () => {
  const gauge = async (connmark: ConnmarkReport) =>
    (await lines(metricsOf(() => ({ ...STATUS, connmark })))).filter((line) =>
      line.startsWith('rib2fib_connmark_'),
    );
  assert.deepEqual(await gauge({ state: 'off' }), []);
  const times = { since: NOW, retryAt: NOW };
  for (const connmark of [
    { state: 'pending' },
    { state: 'contested', ...times },
    { state: 'failing', reason: 'nft: no', attempts: 1, ...times },
  ] as const) {
    assert.deepEqual(await gauge(connmark), ['rib2fib_connmark_up 0']);
  }
  const tables = [{ table: 'fabric', mark: '0x1/0x1', interfaces: [], pools: [], marked: 7 }];
  assert.deepEqual(await gauge({ state: 'kept', since: NOW, readAt: NOW, tables }), [
    'rib2fib_connmark_up 1',
    'rib2fib_connmark_connections{table="fabric"} 7',
  ]);
});

test('gauges say what status says', async () => {
  const all = await lines(metricsOf(() => STATUS));
  for (const line of [
    'rib2fib_source_up{source="gobgp"} 1',
    'rib2fib_source_synced{source="gobgp"} 1',
    `rib2fib_source_last_event_timestamp_seconds ${(NOW - 5_000) / 1000}`,
    'rib2fib_bgp_session_up{peer="10.9.0.2"} 1',
    'rib2fib_bgp_session_up{peer="10.9.1.2"} 0',
    'rib2fib_received_prefixes{peer="10.9.0.2",family="ipv4"} 1234',
    'rib2fib_accepted_prefixes{peer="10.9.0.2",family="ipv6",table="fabric"} 40',
    'rib2fib_routes_desired{table="fabric",family="ipv4"} 813',
    'rib2fib_routes_stale{table="fabric",family="ipv4"} 0',
    'rib2fib_routes_rejected{table="fabric",reason="denied"} 300',
    'rib2fib_foreign_routes{table="fabric"} 1',
    'rib2fib_rules_installed{table="fabric"} 4',
    'rib2fib_rules_misplaced{table="fabric"} 0',
    'rib2fib_prefix_limit{table="fabric",peer="all",family="ipv4",action="block"} 1000',
    'rib2fib_prefix_limit_usage_ratio{table="fabric",peer="all",family="ipv4",action="block"} 0.812',
    'rib2fib_prefix_limit_exceeded{table="fabric",peer="10.9.1.2",family="ipv4",action="teardown"} 1',
    'rib2fib_kernel_operations_total{op="route-add"} 3',
    'rib2fib_kernel_errors_total{op="route-add",errno="EEXIST"} 1',
    'rib2fib_drift_repaired_total{kind="rule"} 1',
    'rib2fib_hook_runs_total{hook="before",result="ok"} 2',
    'rib2fib_hook_runs_total{hook="before",result="timeout"} 0',
    'rib2fib_kernel_overruns_total 1',
    'rib2fib_reconcile_duration_seconds_bucket{le="0.005"} 1',
    'rib2fib_reconcile_duration_seconds_bucket{le="0.001"} 0',
    'rib2fib_config_loaded 1',
    'rib2fib_config_stale 0',
    'rib2fib_build_info{version="0.1.0"} 1',
  ]) {
    assert.ok(all.includes(line), line);
  }
});

test('how each resource of the cluster stands', async () => {
  const all = await lines(metricsOf(() => ({ ...STATUS, discovery: DISCOVERY })));
  const pools = 'resource="ciliumloadbalancerippools.cilium.io"';
  for (const line of [
    `rib2fib_discovery_resource_state{${pools},state="refused"} 1`,
    `rib2fib_discovery_resource_state{${pools},state="synced"} 0`,
    'rib2fib_discovery_resource_state{resource="nodes",state="synced"} 1',
    `rib2fib_discovery_resource_state_since_timestamp_seconds{${pools}} ${(NOW - 180_000) / 1000}`,
    'rib2fib_discovery_objects{resource="nodes"} 3',
    'rib2fib_discovery_objects_faulty{resource="nodes"} 1',
    'rib2fib_discovery_ranges_kept{kind="pod-cidr"} 3',
    'rib2fib_rules_found{table="fabric"} 0',
  ]) {
    assert.ok(all.includes(line), line);
  }
});

test('a source that refuses its file is not up, and what it fed is still whole', async () => {
  const state = { state: 'refused', since: NOW, reason: 'routes.yaml:1:1: wrong' } as const;
  const all = await lines(metricsOf(() => ({ ...STATUS, source: { ...STATUS.source, state } })));
  assert.ok(all.includes('rib2fib_source_up{source="gobgp"} 0'));
  assert.ok(all.includes('rib2fib_source_synced{source="gobgp"} 1'));
});

test('what the source does and how far its feed can be trusted, since when, and when hold ends', async () => {
  const state = {
    ...{ state: 'lost', reason: 'reset', attempts: 1 },
    ...{ since: 5_000, retryAt: NOW },
  } as const;
  const feed = { state: 'stale', since: 4_000, until: 124_000, reason: 'reset' } as const;
  let source = { ...STATUS.source, state, feed } as StatusReport['source'];
  const metrics = metricsOf(() => ({ ...STATUS, source }));
  const those = async () =>
    (await lines(metrics)).filter(
      (line) => /^rib2fib_(source_state|feed_state|hold_end)/.test(line) && !line.endsWith(' 0'),
    );
  assert.deepEqual(await those(), [
    'rib2fib_source_state{source="gobgp",state="lost"} 1',
    'rib2fib_source_state_since_timestamp_seconds{source="gobgp"} 5',
    'rib2fib_feed_state{source="gobgp",state="stale"} 1',
    'rib2fib_feed_state_since_timestamp_seconds{source="gobgp"} 4',
    'rib2fib_hold_end_timestamp_seconds{source="gobgp"} 124',
  ]);
  source = { ...source, feed: { state: 'expired', since: 124_000, reason: 'reset' } };
  assert.deepEqual((await those()).slice(2), [
    'rib2fib_feed_state{source="gobgp",state="expired"} 1',
    'rib2fib_feed_state_since_timestamp_seconds{source="gobgp"} 124',
  ]);
  const all = await lines(metrics);
  assert.ok(all.includes('rib2fib_feed_state{source="gobgp",state="synced"} 0'));
  assert.ok(all.includes('rib2fib_source_state{source="gobgp",state="connecting"} 0'));
});

test('what is gone from status is gone from the next scrape; what counts goes on', async () => {
  let status = STATUS;
  const metrics = metricsOf(() => status);
  await metrics.render();
  status = {
    ...STATUS,
    source: {
      ...STATUS.source,
      peers: [],
      counters: { undecodable: 0, lastEventAt: undefined },
      state: { state: 'lost', since: NOW, reason: 'reset', attempts: 1, retryAt: NOW },
      feed: { state: 'stale', since: NOW, until: null, reason: 'reset' },
    },
    tables: [],
  };
  metrics.countOperations('route-add');
  const all = await lines(metrics);
  assert.ok(all.includes('rib2fib_source_up{source="gobgp"} 0'));
  assert.ok(all.includes('rib2fib_source_synced{source="gobgp"} 0'));
  assert.ok(all.includes('rib2fib_kernel_operations_total{op="route-add"} 4'));
  assert.ok(!all.some((line) => /10\.9\.|fabric|^rib2fib_source_last_event/.test(line)));
});

test('several peers of one address are one: up when all are', async () => {
  const [peer] = STATUS.source.peers;
  assert.ok(peer !== undefined);
  const peers = [peer, { ...peer, established: false, received: { ipv4: 1, ipv6: 2 } }];
  const all = await lines(metricsOf(() => ({ ...STATUS, source: { ...STATUS.source, peers } })));
  const ipv4 = peer.received.ipv4 + 1;
  assert.ok(all.includes(`rib2fib_bgp_session_up{peer="${peer.peer}"} 0`));
  assert.ok(all.includes(`rib2fib_received_prefixes{peer="${peer.peer}",family="ipv4"} ${ipv4}`));
});

test('until when routes of a peer that is away are kept: of several at one address, the first that go', async () => {
  const [first, second] = STATUS.source.peers;
  assert.ok(first !== undefined && second !== undefined);
  const held = async (...peers: StatusReport['source']['peers']) => {
    const all = await lines(metricsOf(() => ({ ...STATUS, source: { ...STATUS.source, peers } })));
    return all.filter((line) => line.startsWith('rib2fib_bgp_hold_end'));
  };
  assert.deepEqual(await held(first, { ...second, heldUntil: undefined }), []);
  assert.deepEqual(
    await held(first, { ...second, heldUntil: null }, { ...second, heldUntil: 7_000 }),
    ['rib2fib_bgp_hold_end_timestamp_seconds{peer="10.9.1.2"} 7'],
  );
  assert.deepEqual(await held(first, { ...second, heldUntil: null }), [
    'rib2fib_bgp_hold_end_timestamp_seconds{peer="10.9.1.2"} +Inf',
  ]);
});
