/** How other nodes' nft fares: without JSON, without an answer, killed. In a mount namespace another program is in its place. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { scratchDirectory } from '../support/leftovers.js';

const scratch = scratchDirectory('nft');
after(() => scratch.remove());

const SOURCE = (name: string): string =>
  JSON.stringify(new URL(`../../src/connmark/${name}.ts`, import.meta.url).href);

/** Prints, a line each, what became of the calls, and how long all took. */
const ASK = `
  import { systemNft } from ${SOURCE('nft')};
  import { trial } from ${SOURCE('ruleset')};
  const told = (work) => work.then(() => console.log('done'), (error) => console.log(error.kind, error.message));
  const begun = performance.now();
  for (const name of process.argv.slice(1)) await told(systemNft[name](trial()));
  console.log(Math.round(performance.now() - begun));
`;

/** Calls of systemNft, in their order, where nft is a script of these lines. */
async function ask(lines: readonly string[], ...calls: readonly string[]) {
  const script = join(scratch.path, 'nft');
  writeFileSync(script, ['#!/bin/sh', ...lines, ''].join('\n'));
  chmodSync(script, 0o755);
  const { stdout } = await promisify(execFile)('unshare', [
    ...['--mount', 'sh', '-ec', 'mount --bind "$1" "$(command -v nft)"; shift; exec "$@"'],
    ...['sh', script, process.execPath, '--import', 'tsx', '--input-type=module', '-e', ASK],
    ...calls,
  ]);
  const told = stdout.trim().split('\n');
  return { took: Number(told.pop()), told };
}

test('one built without JSON is refused in one clear line, by check and at the start', async () => {
  // In the words of nftables 1.0.6, src/main.c.
  const { told } = await ask(
    [
      'case "$*" in',
      "  -V) printf 'nftables v1.0.6 (Lester Gooch #5)\\n  cli:\\t\\teditline\\n  json:\\t\\tno\\n' ;;",
      '  *--json*) echo "JSON support not compiled-in" >&2; exit 1 ;;',
      'esac',
    ],
    ...['find', 'try', 'list'],
  );
  assert.deepEqual(told, [
    'refused nft is built without JSON support',
    'refused nft: JSON support not compiled-in',
    'refused nft: JSON support not compiled-in',
  ]);
});

test('one that hangs is waited for ten seconds, whatever holds on to its output', async () => {
  const { took, told } = await ask(['sleep 16'], 'list');
  assert.deepEqual(told, ['timeout nft gave no answer within 10 s']);
  assert.ok(took >= 10_000 && took < 14_000, `${took} ms`);
});

test('one that was killed by another is not said to have hung', async () => {
  const { told } = await ask(['kill -9 $$'], 'list');
  assert.deepEqual(told, ['refused nft: ended with SIGKILL']);
});
