/** Connection marks in the words and columns of `rib2fib status`. */
import type { ConnmarkReport } from '../admin/report.js';
import { agoText, countText, plural } from './amount.js';
import { left, right } from './columns.js';
import { section } from './status-section.js';
import type { Style } from './style.js';

/** Nothing where no table goes by marks. */
export function connmarkLines(report: ConnmarkReport, now: number, style: Style): string[] {
  switch (report.state) {
    case 'off':
      return [];
    case 'pending':
      return [style.warning('connections are not marked yet')];
    case 'contested':
      return [
        style.bad(
          `connections are not marked: others change the nftables table rib2fib again and again; next try ${nextText(report.retryAt, now)}`,
        ),
      ];
    case 'failing': {
      const { reason, attempts, retryAt } = report;
      return [
        style.bad(
          `connections are not marked: ${reason} (${plural(attempts, 'attempt')}, next ${nextText(retryAt, now)})`,
        ),
      ];
    }
    case 'kept': {
      const rows = report.tables.map(({ table, mark, interfaces, pools, marked }) => [
        table,
        mark,
        interfaces.length === 0 ? style.warning('no interface') : interfaces.join(', '),
        pools.length === 0 ? style.warning('no pool') : pools.join(', '),
        countText(marked),
      ]);
      const columns = [
        ...[left('MARKED'), left('MARK'), left('ARRIVING AT'), left('FOR')],
        right('CONNECTIONS'),
      ];
      return section(style, columns, rows);
    }
  }
}

function nextText(retryAt: number, now: number): string {
  return retryAt <= now ? 'now' : agoText(retryAt, now);
}
