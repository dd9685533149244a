import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** Tells of each module, as it is loaded, on standard error: hooks run in a thread of their own. */
const HOOKS = `
  import { writeSync } from 'node:fs';
  export async function load(url, context, next) {
    writeSync(2, url + '\\n');
    return await next(url, context);
  }
`;

/** Loads the daemon and all its sources, of which none begins; tells what was required besides. */
const PROGRAM = `
  import { createRequire, register } from 'node:module';
  register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(HOOKS)}));
  await import(${JSON.stringify(new URL('../../../src/prepare-daemon.ts', import.meta.url).href)});
  const required = Object.keys(createRequire(${JSON.stringify(import.meta.url)}).cache);
  process.stderr.write(required.join('\\n'));
`;

/** Packages in memory then. */
function loadedPackages(): readonly string[] {
  const args = ['--import', 'tsx', '--input-type=module', '-e', PROGRAM];
  const shell = ['-c', 'exec "$0" "$@" 2>&1', process.execPath, ...args];
  const said = execFileSync('/bin/sh', shell, { encoding: 'utf8' });
  const names = said
    .split('\n')
    .map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(names)];
}

test('a daemon has in memory only the packages that it works with', () => {
  const loaded = loadedPackages();
  // One of each kind of module: required and imported.
  for (const name of ['pino', 'chokidar'])
    assert.ok(loaded.includes(name), `not what it looks for: ${loaded}`);
  // gRPC is for source gobgp, zod for source file; a configuration is read in another process.
  assert.deepEqual(
    loaded.filter((name) => /grpc|proto|^zod$|^yaml$|^yargs$/.test(name)),
    [],
  );
});
