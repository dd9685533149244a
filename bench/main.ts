/** Measures what is promised about speed, beside those who do the same: everything, or the scenarios named. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { asked } from './command-line.js';
import { markdown } from './markdown.js';
import type { Figure, Row, Scale } from './outcome.js';
import { loadPlot } from './plot.js';
import { keep, kept, print } from './report.js';
import { SCENARIOS } from './scenarios.js';

const PLOT = fileURLToPath(new URL('../docs/performance.svg', import.meta.url));

const wanted = asked(process.argv.slice(2), SCENARIOS);
switch (wanted.ask) {
  case 'refuse':
    process.stderr.write(`bench: ${wanted.why}`);
    process.exitCode = 2;
    break;
  case 'help':
    process.stdout.write(wanted.text);
    break;
  case 'markdown':
    process.stdout.write(markdown(kept()));
    break;
  case 'plot':
    plot(kept().rows);
    break;
  case 'run':
    process.exitCode = await run(wanted.names, wanted.scale, wanted.all);
    break;
}

/**
 * A scenario that fails is told of, and the others are measured all the same. 1 for
 * that, and where a figure of a full run missed its limit: a quick one is too small
 * to judge. Only what is complete is kept.
 */
async function run(names: readonly string[], scale: Scale, all: boolean): Promise<number> {
  const rows: Row[] = [];
  const figures: Figure[] = [];
  const failed: string[] = [];
  for (const name of names) {
    process.stderr.write(`bench: ${name}\n`);
    const begin = performance.now();
    try {
      const outcome = await SCENARIOS[name]?.run(scale);
      rows.push(...(outcome?.rows ?? []));
      figures.push(...(outcome?.figures ?? []));
    } catch (error) {
      process.stderr.write(`bench: ${name}: ${inspect(error)}\n`);
      failed.push(name);
    }
    const seconds = Math.round((performance.now() - begin) / 1000);
    process.stderr.write(`bench: ${name}: ${seconds} s in all\n`);
  }
  if (all && scale === 'full' && failed.length === 0) {
    keep({ rows, figures }, scale, new Date());
    plot(rows);
  }
  const reached = print({ rows, figures });
  for (const name of failed) process.stdout.write(`FAILED: ${name}, see above\n`);
  return failed.length === 0 && (reached || scale === 'quick') ? 0 : 1;
}

function plot(rows: readonly Row[]): void {
  writeFileSync(PLOT, loadPlot(rows));
}
