/** A run as Markdown, for the README. Pure. */
import { medianOf, type Row } from './outcome.js';
import { shortNumber } from './progress.js';
import type { Results } from './report.js';
import { holds } from './table-text.js';

/** What was measured on, a table of the work beside rivals, and one of what is asked for. */
export function markdown(results: Results): string {
  const { date, machine, versions, rows, figures } = results;
  const rivals = Object.entries(versions).map((parts) => parts.join(' '));
  const works = [...new Set(rows.map(({ work }) => work))].map((work) =>
    rows.filter((row) => row.work === work),
  );
  return [
    `\`npm run bench\` of ${date.slice(0, 10)}: ${machine.cpus} cores, Linux ${machine.kernel}, Node ${machine.node.replace('v', '')}, ${rivals.join(', ')}.`,
    '',
    '| | rib2fib | beside it |',
    '|---|---|---|',
    ...works.flatMap(workLine),
    '',
    '| | measured | at most |',
    '|---|---|---|',
    ...figures.map(
      (figure) =>
        `| ${figure.name} | ${shortNumber(figure.value)} ${figure.unit}${holds(figure) ? '' : ', missed'} | ${shortNumber(figure.limit)} ${figure.unit} |`,
    ),
    '',
  ].join('\n');
}

/** The first measurement of each contestant, and how many times that of the first of them it is. */
function workLine([first, ...others]: readonly Row[]): string[] {
  const [name] = Object.keys(first?.rounds[0] ?? {});
  if (first === undefined || name === undefined) return [];
  const own = medianOf(first, name);
  const beside = others.map((row) => {
    const value = medianOf(row, name);
    return `${row.contestant} ${shortNumber(value)} (${shortNumber(value / own)} times)`;
  });
  return [`| ${first.work}, ${name} | ${shortNumber(own)} | ${beside.join(', ')} |`];
}
