import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusReport } from '../../../src/admin/report.js';
import {
  type Condition,
  type ConditionType,
  conditionsOf,
  lastConditions,
} from '../../../src/report/conditions.js';
import { timeText } from '../../../src/report/time-text.js';
import { NOW, STATUS } from '../admin/sample-status.js';

const [TABLE] = STATUS.tables;
assert.ok(TABLE !== undefined);
const GOOD: StatusReport = { ...STATUS, tables: [{ ...TABLE, limits: [] }] };
const { kernel, source } = GOOD;

const RESOURCE = { since: NOW, objects: 1, faulty: 0, lastError: undefined };
const DISCOVERY = { address: 'https://10.96.0.1', node: 'node-a', settled: true, kept: {} };

const find = (conditions: readonly Condition[], type: ConditionType) =>
  conditions.find((condition) => condition.type === type);

test('where all is well every condition is True', () => {
  const conditions = conditionsOf(GOOD, []);
  assert.deepEqual(
    conditions.map(({ type, status }) => `${type} ${status}`),
    [
      ...['Ready True', 'SourceSynced True', 'ConfigAccepted True'],
      ...['KernelInStep True', 'WithinLimits True'],
    ],
  );
});

const misplaced = { ...TABLE.rules, misplaced: 1, faults: ['from 203.0.113.0/24 at 50'] };
const refused = { what: '10.0.0.0/8', errno: 'ENETUNREACH', message: 'no way', retryAt: NOW };
const contest = { what: 'route 10.0.0.0/8', rounds: 5, since: NOW, by: 'dhcp' };

for (const [what, change, type, reason, message] of [
  ['not ready', { ready: false, unready: 'syncing' }, 'Ready', 'NotInStep', /^syncing$/],
  [
    'a feed that is lost',
    {
      source: { ...source, feed: { state: 'stale', since: 1, until: null, reason: 'gone' } },
    },
    ...(['SourceSynced', 'Stale', /gone/] as const),
  ],
  [
    'a feed that comes',
    { source: { ...source, feed: { state: 'syncing', since: 1, pending: ['ipv4', 'ipv6'] } } },
    ...(['SourceSynced', 'Syncing', /ipv4 and ipv6/] as const),
  ],
  [
    'hold that has ended',
    { source: { ...source, feed: { state: 'expired', since: 1, reason: 'gone' } } },
    ...(['SourceSynced', 'Expired', /gone/] as const),
  ],
  [
    'a configuration that is refused',
    { config: { ...GOOD.config, stale: true, faults: ['a.yaml:1:1: wrong'] } },
    ...(['ConfigAccepted', 'Refused', /a\.yaml:1:1/] as const),
  ],
  [
    'a kernel that refuses',
    { kernel: { ...kernel, failing: [refused], failingTotal: 7 } },
    ...([
      'KernelInStep',
      'Refused',
      /^7 refused; first: 10\.0\.0\.0\/8: ENETUNREACH: no way/,
    ] as const),
  ],
  [
    'somebody who undoes',
    {
      kernel: {
        ...kernel,
        contested: [{ ...contest, protocol: 16, port: 1, retryAt: undefined }],
        contestedTotal: 1,
      },
    },
    ...(['KernelInStep', 'Contested', /route 10\.0\.0\.0\/8, by dhcp/] as const),
  ],
  [
    'rules ahead of local',
    { tables: [{ ...TABLE, limits: [], rules: misplaced }] },
    ...(['KernelInStep', 'LocalRuleBehind', /rules of fabric.*203\.0\.113/] as const),
  ],
  [
    'a limit',
    { tables: [TABLE] },
    ...(['WithinLimits', 'Exceeded', /^fabric\/10\.9\.1\.2\/ipv4 \(500, teardown\)$/] as const),
  ],
] as readonly (readonly [string, Partial<StatusReport>, ConditionType, string, RegExp])[]) {
  test(`${what}: ${type} is False, and nothing else`, () => {
    const conditions = conditionsOf({ ...GOOD, ...change }, []);
    const wrong = conditions.filter(({ status }) => status === 'False');
    assert.deepEqual(
      wrong.map((one) => one.type),
      [type],
    );
    assert.equal(wrong[0]?.reason, reason);
    assert.match(wrong[0]?.message ?? '', message);
  });
}

test('what discovery reads is a condition where it reads anything', () => {
  for (const [state, status] of [
    ['synced', 'True'],
    ['absent', 'True'],
    ['listing', 'False'],
    ['stale', 'False'],
    ['refused', 'False'],
  ] as const) {
    const resources = [
      { ...RESOURCE, resource: 'nodes', state: 'synced' as const },
      { ...RESOURCE, resource: 'bgppeers.metallb.io', state },
    ];
    const discovery = { ...DISCOVERY, resources };
    const condition = find(conditionsOf({ ...GOOD, discovery }, []), 'DiscoverySynced');
    assert.equal(condition?.status, status, state);
    if (status === 'False') assert.equal(condition?.message, `bgppeers.metallb.io is ${state}`);
  }
});

test('a condition keeps its time while it holds, whatever its words', () => {
  const first = conditionsOf({ ...GOOD, ready: false, unready: 'one' }, []);
  const later = { ...GOOD, ready: false, unready: 'other', now: NOW + 60_000 };
  const second = conditionsOf(later, first);
  assert.equal(find(second, 'Ready')?.message, 'other');
  assert.equal(find(second, 'Ready')?.lastTransitionTime, timeText(NOW));
  const third = conditionsOf({ ...GOOD, now: NOW + 120_000 }, second);
  assert.equal(find(third, 'Ready')?.lastTransitionTime, timeText(NOW + 120_000));
  assert.equal(find(third, 'SourceSynced')?.lastTransitionTime, timeText(NOW));
});

test('a daemon that has ended is not ready, and says no more of the rest than it knew', () => {
  const before = conditionsOf(GOOD, []);
  const after = lastConditions(before, NOW + 5_000, true);
  assert.equal(find(after, 'Ready')?.status, 'False');
  assert.equal(find(after, 'Ready')?.reason, 'Stopped');
  assert.equal(find(after, 'Ready')?.lastTransitionTime, timeText(NOW + 5_000));
  assert.deepEqual(after.slice(1), before.slice(1));
});

test('of one that goes on and reports no more, nobody knows', () => {
  const before = conditionsOf(GOOD, []);
  const after = lastConditions(before, NOW + 5_000, false);
  const { status, reason } = find(after, 'Ready') ?? {};
  assert.deepEqual([status, reason], ['Unknown', 'NotReported']);
  assert.deepEqual(after.slice(1), before.slice(1));
});
