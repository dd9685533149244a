import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

/** Prints whether a function that gets hot is optimised: before, within, behind, and behind a load that failed. */
const PROGRAM = `
  const { withoutOptimising } = await import(${JSON.stringify(
    new URL('../../../src/cli/loading.ts', import.meta.url).href,
  )});
  const statusOf = new Function('f', 'return %GetOptimizationStatus(f)');
  const TURBOFANNED = 1 << 6;
  function optimised() {
    const hot = new Function('n', 'let sum = 0; for (let i = 0; i < 100; i++) sum += i ^ n; return sum;');
    for (let i = 0; i < 100_000; i++) hot(i);
    return (statusOf(hot) & TURBOFANNED) !== 0;
  }
  const found = [optimised()];
  await withoutOptimising(async () => found.push(optimised()));
  found.push(optimised());
  await withoutOptimising(async () => { throw new Error('no such module'); }).catch(() => {});
  found.push(optimised());
  process.stdout.write(JSON.stringify(found));
`;

test('nothing is optimised while code is loaded, and everything behind that', () => {
  const flags = ['--allow-natives-syntax', '--no-concurrent-recompilation'];
  const args = [...flags, '--import', 'tsx', '--input-type=module', '-e', PROGRAM];
  const found: unknown = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  assert.deepEqual(found, [true, false, true, true]);
});
