/** The shape that sections of `rib2fib status` share: a faint head, and rows below it. */
import { plural } from './amount.js';
import { type Column, Layout } from './columns.js';
import type { Style } from './style.js';

/** Nothing at all where there are no rows. */
export function section(
  style: Style,
  columns: readonly Column[],
  rows: readonly string[][],
): string[] {
  if (rows.length === 0) return [];
  const layout = new Layout(columns, rows);
  return [style.faint(layout.header), ...rows.map((row) => layout.line(row))];
}

/** `lines`, and below them how many more there are. */
export function withRest(lines: string[], rest: number, noun: string): string[] {
  return rest > 0 ? [...lines, `and ${plural(rest, noun)} more, see --json`] : lines;
}
