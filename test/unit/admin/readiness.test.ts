import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unreadyReason } from '../../../src/admin/readiness.js';
import type { StatusReport } from '../../../src/admin/report.js';
import { NOW, STATUS } from './sample-status.js';

const UNREADY: StatusReport = { ...STATUS, ready: false };

function fed(source: Partial<StatusReport['source']>, pending = 0): StatusReport {
  return {
    ...UNREADY,
    source: { ...STATUS.source, ...source },
    kernel: { ...STATUS.kernel, pending },
  };
}

test('ready needs no reason', () => assert.equal(unreadyReason(STATUS), undefined));

const CASES: readonly (readonly [StatusReport, string])[] = [
  [fed({}), 'the kernel is being brought in step'],
  [fed({}, 1), '1 change not yet in the kernel'],
  [fed({}, 20), '20 changes not yet in the kernel'],
  [
    fed({ feed: { state: 'stale', since: NOW, until: null, reason: 'no daemon yet' } }),
    'routes are kept from before, not confirmed by the source: no daemon yet',
  ],
  [
    fed({ feed: { state: 'expired', since: NOW, reason: 'connection refused' } }),
    'the source is lost and hold has ended: connection refused',
  ],
  [
    fed({
      state: { state: 'syncing', since: NOW, waitingFor: 'End-of-RIB of 10.9.0.2' },
      feed: { state: 'syncing', since: NOW, pending: ['ipv4'] },
    }),
    'syncing, waiting for End-of-RIB of 10.9.0.2',
  ],
];

for (const [status, reason] of CASES) {
  test(reason, () => assert.equal(unreadyReason(status), reason));
}
