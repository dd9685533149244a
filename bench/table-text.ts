/** Results as text for a terminal. Pure. */
import { type Figure, medianOf, type Row, ratioOf } from './outcome.js';
import { shortNumber } from './progress.js';

/**
 * A block a piece of work: a line a contestant, a column a measurement, medians;
 * behind more than one round their range. `ratio` is the first measurement against
 * that of the first contestant.
 */
export function rowsText(rows: readonly Row[]): string {
  const works = [...new Set(rows.map(({ work }) => work))];
  return works
    .map((work) =>
      blockText(
        work,
        rows.filter((row) => row.work === work),
      ),
    )
    .join('\n');
}

/** A line a figure: what it is, its value, its limit, and whether it holds. */
export function figuresText(figures: readonly Figure[]): string {
  const cells = figures.map((figure) => [
    figure.name,
    `${shortNumber(figure.value)} ${figure.unit}`,
    `at most ${shortNumber(figure.limit)}`,
    holds(figure) ? 'ok' : 'MISSED',
    Object.entries(figure.detail)
      .map(([what, value]) => `${what} ${shortNumber(value)}`)
      .join(', '),
  ]);
  return aligned(cells, ['left', 'right', 'left', 'left', 'left']);
}

/** NaN holds nothing. */
export function holds({ value, limit }: Figure): boolean {
  return value <= limit;
}

function blockText(work: string, rows: readonly Row[]): string {
  const names = [...new Set(rows.flatMap(({ rounds }) => Object.keys(rounds[0] ?? {})))];
  const cells = rows.map((row) => [
    row.contestant,
    ...names.map((name) => (name in (row.rounds[0] ?? {}) ? spread(row, name) : '')),
    row === rows[0] ? '' : shortNumber(ratioOf(row, rows)),
  ]);
  const header = ['', ...names, rows.length > 1 ? 'ratio' : ''];
  const sides = header.map((_, i) => (i === 0 ? 'left' : 'right'));
  return `${work}\n${indented(aligned([header, ...cells], sides))}`;
}

function spread(row: Row, name: string): string {
  const values = row.rounds.flatMap((round) => round[name] ?? []);
  const [low, high] = [Math.min(...values), Math.max(...values)].map(shortNumber);
  const median = shortNumber(medianOf(row, name));
  return low === high ? median : `${median} (${low} to ${high})`;
}

function aligned(lines: readonly (readonly string[])[], sides: readonly string[]): string {
  const widths = sides.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? '').length)));
  return lines
    .map((line) => {
      const cells = line.map((cell, i) =>
        sides[i] === 'left' ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      );
      return `${cells.join('  ').trimEnd()}\n`;
    })
    .join('');
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}
