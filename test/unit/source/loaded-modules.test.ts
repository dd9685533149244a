import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** Packages in memory once the daemon and all its sources have been loaded, but none has begun. */
const PROGRAM = `
  import { createRequire } from 'node:module';
  await import(${JSON.stringify(new URL('../../../src/daemon.ts', import.meta.url).href)});
  const found = Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache)
    .map((file) => /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(file)?.[1])
    .filter((name) => name !== undefined);
  process.stdout.write(JSON.stringify([...new Set(found)]));
`;

test('a daemon holds gRPC in memory only once it speaks to gobgpd', () => {
  const args = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM];
  const loaded: string[] = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  assert.ok(loaded.includes('pino'), `not what it looks for: ${loaded}`);
  assert.deepEqual(
    loaded.filter((name) => /grpc|proto/.test(name)),
    [],
  );
});
