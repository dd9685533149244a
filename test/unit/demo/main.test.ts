import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../demo/main.ts', import.meta.url));
const USAGE = 'usage: npm run demo -- [--source gobgp|bgp]\n';

const REFUSED: readonly (readonly [readonly string[], string])[] = [
  [['--source', 'fpm'], '--source is gobgp or bgp, not "fpm"'],
  [['--source', ''], '--source is gobgp or bgp, not ""'],
  [['--source', 'toString'], '--source is gobgp or bgp, not "toString"'],
  [['--source'], "Option '--source <value>' argument missing"],
  [['--sources', 'bgp'], "Unknown option '--sources'"],
  [['bgp'], "Unexpected argument 'bgp'. This command does not take positional arguments"],
];

describe('what the demo is not asked like is refused, and nothing is shown', {
  concurrency: 2,
}, () => {
  for (const [args, fault] of REFUSED) {
    it(args.join(' '), () => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--import', 'tsx', MAIN, ...args],
        { encoding: 'utf8' },
      );
      assert.deepEqual([status, stdout], [64, '']);
      assert.equal(stderr, `demo: ${fault}\n${USAGE}`);
    });
  }
});
