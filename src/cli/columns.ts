import { stripVTControlCharacters } from 'node:util';

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

const GAP = '  ';

export function left(title: string): Column {
  return { title, align: 'left' };
}

export function right(title: string): Column {
  return { title, align: 'right' };
}

/**
 * Lines of aligned cells under their titles. Colour codes have no width. The
 * widths are those of the rows given at first, so a long list may be laid out
 * by its beginning and go on with {@link Layout.line}; a wider cell there
 * pushes only its own line.
 */
export class Layout {
  readonly #columns: readonly Column[];
  readonly #widths: readonly number[];

  constructor(columns: readonly Column[], rows: readonly (readonly string[])[]) {
    this.#columns = columns;
    this.#widths = columns.map(({ title }, i) =>
      rows.reduce((widest, row) => Math.max(widest, width(row[i] ?? '')), title.length),
    );
  }

  get header(): string {
    return this.line(this.#columns.map(({ title }) => title));
  }

  /** One row, without blanks at its end. */
  line(cells: readonly string[]): string {
    return this.#columns
      .map(({ align }, i) => {
        const cell = cells[i] ?? '';
        const blank = ' '.repeat(Math.max(0, (this.#widths[i] ?? 0) - width(cell)));
        return align === 'left' ? cell + blank : blank + cell;
      })
      .join(GAP)
      .trimEnd();
  }
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
