import type { RouteReport, RouteState } from '../admin/command-report.js';
import { Layout, left } from './columns.js';
import type { Style } from './style.js';

/** Routes that set the widths; the ones after them are printed as they come. */
const LAID_OUT = 500;

const COLUMNS = [
  left('STATE'),
  left('TABLE'),
  left('ROUTE'),
  left('PEER'),
  left('AS PATH'),
  left('REASON'),
];

/** Lines under a header, made while the routes arrive; nothing at all for no route. */
export async function* routeLines(
  routes: AsyncIterable<RouteReport>,
  style: Style,
): AsyncGenerator<string> {
  let first: string[][] = [];
  let layout: Layout | undefined;
  for await (const route of routes) {
    const row = cells(route, style);
    if (layout !== undefined) {
      yield layout.line(row);
      continue;
    }
    first.push(row);
    if (first.length < LAID_OUT) continue;
    layout = new Layout(COLUMNS, first);
    yield* lines(layout, first, style);
    first = [];
  }
  if (first.length > 0) yield* lines(new Layout(COLUMNS, first), first, style);
}

function* lines(layout: Layout, rows: readonly string[][], style: Style): Generator<string> {
  yield style.faint(layout.header);
  for (const row of rows) yield layout.line(row);
}

function cells(
  { state, table, prefix, route, peer, asPath, reason = '', detail }: RouteReport,
  style: Style,
): string[] {
  return [
    paintOf(state, style)(state),
    table,
    route === '' ? prefix : route,
    peer ?? '-',
    asPath === undefined || asPath === '' ? '-' : asPath,
    detail === undefined ? reason : `${reason}: ${detail}`,
  ];
}

function paintOf(state: RouteState, style: Style): (text: string) => string {
  switch (state) {
    case 'installed':
    case 'static':
    case 'throw':
      return style.good;
    case 'shadowed':
    case 'pending':
    case 'stale':
      return style.warning;
    case 'rejected':
    case 'failed':
      return style.bad;
  }
}
