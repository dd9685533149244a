#!/usr/bin/env node
/** From argv to a command to an exit code; the only place where the process ends itself. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { packageVersion } from '../package-version.js';
import type { Chosen, Context } from './command.js';
import type { ExitCode } from './exit-code.js';
import { failureOf } from './failure.js';
import { withoutOptimising } from './loading.js';
import { DEFAULT_CONFIG } from './options.js';
import { createOutput } from './output.js';
import { runUntilStopped } from './run.js';

// Every command may keep what peers announce. Not imported above: its parser of addresses is read by a lexer in JavaScript.
const { seedPrefixHash } = await withoutOptimising(() => import('../net/prefix-slots.js'));
seedPrefixHash(randomBytes(4).readInt32LE());

const { NO_COLOR } = process.env;
const output = createOutput(process.stdout, process.stderr, NO_COLOR);
const version = packageVersion();

// `rib2fib routes | head`: the reader has all it wanted.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const exitCode = await main(process.argv.slice(2));
// Writes to a pipe are asynchronous: what is on its way still has to arrive.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));

async function main(argv: readonly string[]): Promise<ExitCode> {
  try {
    const chosen = plainRun(argv) ?? (await parsed(argv));
    return chosen === undefined ? 0 : await chosen({ version, output, stopSignal });
  } catch (error) {
    const { exitCode, lines } = failureOf(error);
    const [first, ...rest] = lines;
    output.progress('');
    output.note(`${output.noteStyle.bad('rib2fib:')} ${first}`);
    for (const line of rest) output.note(line);
    return exitCode;
  }
}

async function parsed(argv: readonly string[]): Promise<Chosen | undefined> {
  const { chooseCommand } = await import('./parser.js');
  return chooseCommand(argv, version);
}

/**
 * `run` in its plain form, without the 10 MB that the full parser would keep
 * for the daemon's whole life. Anything else, mistakes included, is the parser's.
 */
function plainRun(argv: readonly string[]): Chosen | undefined {
  if (argv[0] !== 'run') return undefined;
  try {
    const { values } = parseArgs({
      args: argv.slice(1),
      options: { config: { type: 'string', short: 'c' }, flush: { type: 'boolean' } },
    });
    const { config = DEFAULT_CONFIG, flush = false } = values;
    return (context: Context) => runUntilStopped({ config, flush }, context);
  } catch {
    return undefined;
  }
}

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop.abort());
  }
  return stop.signal;
}
