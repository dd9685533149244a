/** What a measurement came to, beside what was promised. */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Figure {
  readonly name: string;
  readonly value: number;
  /** The most it may be, in the same unit. */
  readonly limit: number;
  readonly unit: string;
  /** What the value was made from: medians, percentiles, counts. */
  readonly detail: Readonly<Record<string, number>>;
}

const RESULTS = fileURLToPath(new URL('./results.json', import.meta.url));

/** Prints the figures as a table; true when all are within their limits. */
export function print(figures: readonly Figure[]): boolean {
  const rows = figures.map((figure) => [
    figure.name,
    `${round(figure.value)} ${figure.unit}`,
    `at most ${figure.limit} ${figure.unit}`,
    figure.value <= figure.limit ? 'ok' : 'MISSED',
    Object.entries(figure.detail)
      .map(([what, value]) => `${what} ${round(value)}`)
      .join(', '),
  ]);
  const widths = [0, 1, 2, 3].map((i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  for (const row of rows) {
    const cells = row.map((cell, i) => cell.padEnd(widths[i] ?? 0));
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`);
  }
  return figures.every(({ value, limit }) => value <= limit);
}

/** Writes them, and what they were measured on, to `bench/results.json`. */
export function keep(figures: readonly Figure[]): void {
  writeFileSync(RESULTS, `${JSON.stringify({ machine: machine(), figures }, null, 2)}\n`);
}

/** What figures were measured on. */
export function machine(): { kernel: string; node: string; cpus: number } {
  return { kernel: release(), node: process.version, cpus: cpus().length };
}

export function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Nearest rank. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
