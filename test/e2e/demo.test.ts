/** `npm run demo`, told to its end with each source: real routers, real traffic, eleven claims. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../demo/main.ts', import.meta.url));

/** Ends with the test's own deadline, killed, where it hangs. */
async function demo(args: readonly string[], signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  const [told, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.equal(code, 0, told);
  return told;
}

describe('the demo proves its claims', { timeout: 240_000 }, () => {
  for (const { args, source, other, start } of [
    {
      args: [],
      source: /^ {3}source:\n {5}gobgp: \{ address: "unix:/m,
      other: / bgp:/,
      start: '3. rib2fib starts beside gobgpd',
    },
    {
      args: ['--source', 'bgp'],
      source: /^ {3}source:\n {5}bgp:\n {7}listen: off /m,
      other: / gobgp:/,
      start: '3. rib2fib starts, with BGP sessions of its own to the routers',
    },
  ]) {
    it(`npm run demo${args.map((arg) => ` ${arg}`).join('')}`, async ({ signal }) => {
      const told = await demo(args, signal);
      assert.match(told, /\nPROOF: 11 of 11 claims held, in \d+ s\n$/);
      assert.match(told, source);
      assert.doesNotMatch(told, other);
      assert.ok(told.includes(`\n${start}\n`), told);
    });
  }
});
