/**
 * The main job, shown: `demo [--source gobgp|bgp]`.
 * Exit codes: 0 every claim held; 1 one did not, or the demo broke off; 64 usage.
 */
import { parseArgs } from 'node:util';
import { LEARNERS, type SourceName } from './learner.js';
import { show } from './story.js';

const USAGE = 64;

const source = chosen(process.argv.slice(2));
if (typeof source === 'object') {
  process.stderr.write(`demo: ${source.fault}\nusage: npm run demo -- [--source gobgp|bgp]\n`);
  process.exitCode = USAGE;
} else {
  try {
    process.exitCode = (await show(source)) ? 0 : 1;
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    process.stdout.write(`\nThe demo broke off: ${reason}\n`);
    process.exitCode = 1;
  }
}

function chosen(argv: readonly string[]): SourceName | { readonly fault: string } {
  try {
    const { values } = parseArgs({ args: [...argv], options: { source: { type: 'string' } } });
    const name = values.source ?? 'gobgp';
    if (isSource(name)) return name;
    return { fault: `--source is gobgp or bgp, not ${JSON.stringify(name)}` };
  } catch (error) {
    if (error instanceof TypeError) return { fault: error.message }; // What parseArgs throws of arguments.
    throw error;
  }
}

function isSource(name: string): name is SourceName {
  return Object.hasOwn(LEARNERS, name);
}
