/** V8's flags are those of a process: each case has its own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const SCRIPT = `
import { getHeapSpaceStatistics } from 'node:v8';
import { HeapSize } from './src/heap-size.ts';
HeapSize.keepSmall();
const heap = new HeapSize();
const prefixes = Number(process.argv[1]);
const kept = [];
let most = 0;
for (let lot = 0; lot < 400; lot++) {
  heap.follow(prefixes);
  for (let i = 0; i < 10_000; i++) {
    const made = { i, list: [i] };
    if (i % 50 === 0) kept.push(made);
  }
  const { space_size } = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  most = Math.max(most, space_size);
}
console.log(most / 2 ** 20, kept.length);
`;

/** Megabytes that the young generation, both halves, came to. */
function youngGeneration(prefixes: number): number {
  // What tsx takes to start is not to count.
  const argv = [
    '--semi-space-growth-factor=1',
    '--import',
    'tsx',
    '--input-type=module',
    '-e',
    SCRIPT,
    String(prefixes),
  ];
  return Number(execFileSync(process.execPath, argv, { encoding: 'utf8' }).split(' ')[0]);
}

test('the young generation does not grow while no table is large', () => {
  assert.ok(youngGeneration(19_999) < 8);
});

test('it grows with a large one, up to 8 MB', () => {
  assert.equal(youngGeneration(20_000), 8);
});
