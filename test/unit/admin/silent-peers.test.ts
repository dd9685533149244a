import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentPeersText } from '../../../src/admin/silent-peers.js';
import { STATUS } from './sample-status.js';

const [up, down] = STATUS.source.peers;
assert.ok(up && down);

test('nothing is said of peers that are up', () => {
  assert.equal(silentPeersText([]), '');
  assert.equal(silentPeersText([up, up]), '');
});

test('who has no session, and why; three are enough', () => {
  const lastError = 'hold timer expired';
  assert.equal(
    silentPeersText([up, { ...down, lastError }]),
    '; no session with 10.9.1.2 (hold timer expired)',
  );
  assert.equal(
    silentPeersText([down, up, down, down, down, down]),
    '; no session with 10.9.1.2 (active), 10.9.1.2 (active), 10.9.1.2 (active) and 2 more',
  );
});
