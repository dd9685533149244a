import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../bench/main.ts', import.meta.url));

test('a measurement that does not exist is refused, and nothing is measured', () => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ['--import', 'tsx', MAIN, 'feed', 'typo'],
    { encoding: 'utf8' },
  );
  assert.deepEqual(
    [status, stdout, stderr],
    [
      2,
      '',
      'bench: there is no typo; there are feed, memory, latency, failover, frr, idle, soak\n',
    ],
  );
});
