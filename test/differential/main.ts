/**
 * What the kernel has of rib2fib beside the best paths of GoBGP, FRR and BIRD, over the
 * same random table from the same peers: prints how often they agree, and ends
 * with 1 where a difference has no explanation, or a step decided nothing.
 *
 *   npm run test:differential [-- --seed S] [--prefixes N] [--daemon gobgp-3.10|gobgp-4.8|frr-8.4|frr-10.3|bird-2]
 */
import { parseArgs } from 'node:util';
import { Random } from '../support/random.js';
import { comparisonText } from './comparison.js';
import { compareWith, DAEMONS, type Daemon, unreached } from './daemons.js';
import { PEERS, randomTable } from './table.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    prefixes: { type: 'string', default: '10000' },
    daemon: { type: 'string', multiple: true, default: [...DAEMONS] },
  },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
const random = new Random(seed);
const table = randomTable(Number(values.prefixes), random);
const paths = [...table.values()].reduce((sum, of) => sum + of.length, 0);
print(`${table.size} prefixes, ${paths} paths of ${PEERS.length} peers, seed ${seed}`);

let faults = 0;
for (const daemon of values.daemon) {
  if (!isDaemon(daemon)) throw new Error(`--daemon is one of ${DAEMONS.join(', ')}`);
  for await (const comparison of compareWith(daemon, table, random)) {
    print(comparisonText(comparison));
    const steps = unreached(comparison);
    if (steps.length > 0) print(`  NOT REACHED: ${steps.join(', ')}`);
    faults += comparison.differences.length + steps.length;
  }
}
if (faults > 0) process.exitCode = 1;

function isDaemon(name: string): name is Daemon {
  return DAEMONS.some((daemon) => daemon === name);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
