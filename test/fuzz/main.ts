/**
 * Mutated messages for every decoder of what peers, daemons and API servers send: no crash, no hang, no leak.
 *
 *   node --expose-gc --import tsx main.ts [--seed S] [--count N] [--target NAME]
 *
 * The seed gives the messages; it is printed. Count is for each target, by default 200,000.
 */
import { parseArgs } from 'node:util';
import { bgpTarget } from './bgp-target.js';
import { fpmTarget } from './fpm-target.js';
import { FuzzFailure, fuzz } from './fuzz.js';
import { gobgpTargets } from './gobgp-target.js';
import { kubernetesTarget } from './kubernetes-target.js';
import type { Target } from './target.js';

/** More than this for one message is a hang: the longest, with 64 KiB of prefixes, take some milliseconds. */
const MOST_MS = 500;
/**
 * Decoders keep what they have seen last, in two generations (byte-cache.ts): the heap rises until both
 * are full, and then goes up and down by one. What it grows in the second half is not to be more; the
 * BGP codec's are full after a million messages.
 */
const MOST_GROWTH = 128 * 2 ** 20;

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string', default: '200000' },
    target: { type: 'string' },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const count = Number(values.count);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1) {
  throw new TypeError('--seed and --count take whole numbers');
}
const targets = [bgpTarget(), fpmTarget(), ...gobgpTargets(), kubernetesTarget()];
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0) {
  throw new TypeError(`--target takes ${targets.map(({ name }) => name).join(', ')}`);
}
print(`fuzz: seed ${seed}, ${count} messages a decoder`);
process.exitCode = chosen.map(run).every((passed) => passed) ? 0 : 1;

function run(target: Target): boolean {
  try {
    const { outcomes, seconds, slowestMs, heap } = fuzz(target, seed, count);
    const growth = Math.max(...heap.slice(5)) - Math.max(...heap.slice(0, 5));
    print(`${target.name}: ${seconds.toFixed(1)} s, slowest ${slowestMs.toFixed(1)} ms`);
    print(`  live heap by tenths, MiB: ${heap.map(mebibytes).join(' ')}`);
    for (const [outcome, times] of outcomes) print(`  ${String(times).padStart(9)} ${outcome}`);
    if (slowestMs > MOST_MS) print('  FAILED: a message took too long');
    if (growth > MOST_GROWTH) print('  FAILED: the heap grew');
    return slowestMs <= MOST_MS && growth <= MOST_GROWTH;
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    print(`  FAILED: ${error.message}`);
    print(String(error.cause instanceof Error ? error.cause.stack : error.cause));
    print(
      `again with: npm run test:fuzz -- --seed ${seed} --count ${count} --target ${target.name}`,
    );
    return false;
  }
}

function mebibytes(octets: number): string {
  return (octets / 2 ** 20).toFixed(0);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
