import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../bench/main.ts', import.meta.url));

test('a scenario that does not exist is refused, and nothing is measured', () => {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    ['--import', 'tsx', MAIN, 'load', 'typo'],
    { encoding: 'utf8' },
  );
  assert.deepEqual([status, stdout], [2, '']);
  assert.match(stderr, /^bench: there is no typo\n\nusage: scripts\/bench/);
  assert.match(stderr, /^ {2}peer-down +the session is lost/m);
});
