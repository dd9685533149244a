/** The same with nft of the next Debian, whose lists have other words: nftables.test.ts, in its mount namespace. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { scratchDirectory } from '../support/leftovers.js';

const scratch = scratchDirectory('nft-next');
after(() => scratch.remove());

const path = (from: string): string => fileURLToPath(new URL(from, import.meta.url));

/** Its mounts end with it. */
const ENTER = `set -e
root=$1 nft=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind "$nft" "$(command -v nft)"
nft --version
exec "$@"`;

test('nft 1.1 writes and lists what nft 1.0 does', async () => {
  const root = path('../../.cache/peers/nft-1.1');
  const program = join(scratch.path, 'nft');
  writeFileSync(program, `#!/bin/sh\nexec chroot '${root}' nft "$@"\n`);
  chmodSync(program, 0o755);
  const node = [process.execPath, '--import', 'tsx', '--test', path('nftables.test.ts')];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--mount', '--propagation', 'slave', 'sh', '-c', ENTER, 'sh', root, program, ...node],
    { env, maxBuffer: 1 << 24 },
  );
  assert.match(stdout, /^nftables v1\.1\./);
  assert.match(stdout, /^. pass ([2-9]|\d\d)\d*$/m);
});
