/** Measures what is promised about speed, beside those who do the same: everything, or the scenarios named. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { asked } from './command-line.js';
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
  case 'plot':
    plot(kept().rows);
    break;
  case 'run':
    process.exitCode = await run(wanted.names, wanted.scale, wanted.all);
    break;
}

/** 1 where a figure of a full run missed its limit: a quick one is too small to judge. */
async function run(names: readonly string[], scale: Scale, all: boolean): Promise<number> {
  const rows: Row[] = [];
  const figures: Figure[] = [];
  for (const name of names) {
    process.stderr.write(`bench: ${name}\n`);
    const outcome = await SCENARIOS[name]?.run(scale);
    rows.push(...(outcome?.rows ?? []));
    figures.push(...(outcome?.figures ?? []));
  }
  if (all && scale === 'full') {
    keep({ rows, figures }, scale, new Date());
    plot(rows);
  }
  return print({ rows, figures }) || scale === 'quick' ? 0 : 1;
}

function plot(rows: readonly Row[]): void {
  writeFileSync(PLOT, loadPlot(rows));
}
