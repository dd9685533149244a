/** What a run came to: printed, and kept in `bench/results.json` with what it was measured on. */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Figure, medianOf, type Outcome, type Row, ratioOf, type Scale } from './outcome.js';
import { figuresText, holds, rowsText } from './table-text.js';
import { rivalVersions } from './versions.js';

/** What `bench/results.json` holds. */
export interface Results {
  /** ISO 8601, when the run ended. */
  readonly date: string;
  readonly scale: Scale;
  readonly machine: Machine;
  /** Of the rivals: `{ bird: '2.0.12' }`. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly KeptRow[];
  readonly figures: readonly Figure[];
}

interface KeptRow extends Row {
  readonly medians: Readonly<Record<string, number>>;
  /** Of the first measurement, against the first contestant at the same work. */
  readonly ratio: number;
}

export interface Machine {
  readonly kernel: string;
  readonly node: string;
  readonly cpus: number;
}

const RESULTS = fileURLToPath(new URL('./results.json', import.meta.url));

/** Prints rows and figures; true when every figure is within its limit. */
export function print({ rows, figures }: Outcome): boolean {
  process.stdout.write(rowsText(rows));
  if (figures.length > 0) process.stdout.write(`\n${figuresText(figures)}`);
  return figures.every(holds);
}

/** Puts a run in the place of the one kept before. */
export function keep({ rows, figures }: Outcome, scale: Scale, date: Date): void {
  const results: Results = {
    ...{ date: date.toISOString(), scale, machine: machine(), versions: rivalVersions() },
    rows: rows.map((row) => ({ ...row, medians: mediansOf(row), ratio: ratioOf(row, rows) })),
    figures,
  };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
}

/** The run kept last. @throws Error where that is of a bench before there were rows */
export function kept(): Results {
  const results = JSON.parse(readFileSync(RESULTS, 'utf8')) as Partial<Results>;
  if (results.rows === undefined) throw new Error('bench/results.json is old: run all scenarios');
  return results as Results;
}

/** What figures are measured on. */
export function machine(): Machine {
  return { kernel: release(), node: process.version, cpus: cpus().length };
}

function mediansOf(row: Row): Readonly<Record<string, number>> {
  const names = Object.keys(row.rounds[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, medianOf(row, name)]));
}
