import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReadinessFacts, unreadyReason } from '../../../src/admin/readiness.js';
import type { FeedPhase } from '../../../src/desired/feed.js';
import { tableRules } from '../../../src/desired/rules.js';
import { Underlay } from '../../../src/desired/underlay.js';
import { NOTHING_FOUND } from '../../../src/discover/discovered.js';
import { KernelError } from '../../../src/kernel/kernel.js';
import type { SourceState } from '../../../src/source/source.js';
import { rulesFrom, table } from '../desired/build.js';

interface Given {
  readonly ready?: boolean;
  readonly phase?: FeedPhase;
  readonly state?: SourceState;
  readonly pending?: number;
  readonly misplaced?: ReadinessFacts['reconciler']['misplaced'];
  readonly settled?: boolean;
  readonly unread?: ReadinessFacts['reconciler']['unread'];
}

function facts(given: Given): ReadinessFacts {
  const { ready = false, phase = { phase: 'synced', since: 0 }, pending = 0 } = given;
  const { state = { state: 'synced', since: 0 }, misplaced = [], unread, settled = true } = given;
  return {
    ready: () => ready,
    source: () => ({ state: () => state }),
    engine: { feed: { phase, pending: ['ipv4', 'ipv6'] }, discoverySettled: settled },
    reconciler: { pending, misplaced, unread },
  };
}

const [RULE] = tableRules(
  table({ rules: rulesFrom('203.0.113.0/24') }),
  Underlay.empty,
  ['ipv4'],
  NOTHING_FOUND,
);
assert.ok(RULE);
const MISPLACED = [{ rule: RULE, localPriority: 20_000 }];

const UNREADABLE = new KernelError('routes', 'EAGAIN', 'changed all the time');

const CASES: readonly (readonly [Given, string | undefined])[] = [
  [{ ready: true }, undefined],
  [{ ready: true, pending: 7 }, undefined],
  [
    { ready: true, misplaced: MISPLACED },
    'rules are taken out: priority 10000 is not behind the ipv4 rule of table local (20000)',
  ],
  [
    { ready: true, unread: { error: UNREADABLE, attempts: 3, lasting: true, retryAt: 0 } },
    'the kernel cannot be read: routes: EAGAIN: changed all the time',
  ],
  [{ ready: true, settled: false }, 'not all that discovery is to find is known yet'],
  [{}, 'the kernel is being brought in step'],
  [{ pending: 1 }, '1 change not yet in the kernel'],
  [{ pending: 20 }, '20 changes not yet in the kernel'],
  [
    {
      phase: { phase: 'stale', since: 0, until: Number.POSITIVE_INFINITY, reason: 'no daemon yet' },
    },
    'routes are kept from before, not confirmed by the source: no daemon yet',
  ],
  [
    { phase: { phase: 'expired', since: 0, reason: 'connection refused' } },
    'the source is lost and hold has ended: connection refused',
  ],
  [
    {
      phase: { phase: 'syncing', since: 0 },
      state: { state: 'syncing', since: 0, waitingFor: 'End-of-RIB of 10.9.0.2' },
    },
    'syncing, waiting for End-of-RIB of 10.9.0.2',
  ],
  [
    { phase: { phase: 'syncing', since: 0 }, state: { state: 'stopped', since: 0 } },
    'syncing, source is stopped, waiting for ipv4 and ipv6',
  ],
];

for (const [given, reason] of CASES) {
  test(reason ?? `ready, with ${given.pending ?? 0} pending`, () =>
    assert.equal(unreadyReason(facts(given)), reason),
  );
}
