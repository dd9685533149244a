import type { ExplainReport, ExplainStep } from '../admin/command-report.js';
import type { Style } from './style.js';

/** One prefix through the flow, a line a step; each table ends in its conclusion. */
export function explainText(report: ExplainReport, style: Style): string {
  const title =
    report.prefix === report.query ? report.prefix : `${report.query} is in ${report.prefix}`;
  const tables = report.tables.map(({ table, id, steps, conclusion }) =>
    [
      `table ${table === String(id) ? table : `${table} (${id})`}`,
      ...steps.map((step) => stepText(step, style)),
      `  ${style.title(`=> ${conclusion}`)}`,
    ].join('\n'),
  );
  return [style.title(title), ...tables].join('\n\n');
}

const STAGE_WIDTH = 'selection'.length;

/** Further lines of a step stand under its first. */
function stepText({ stage, outcome, text }: ExplainStep, style: Style): string {
  const start = `  ${mark(outcome, style)} ${stage.padEnd(STAGE_WIDTH)}  `;
  return start + text.replaceAll('\n', `\n${' '.repeat(STAGE_WIDTH + 6)}`);
}

function mark(outcome: ExplainStep['outcome'], style: Style): string {
  switch (outcome) {
    case 'ok':
      return style.good('✓');
    case 'no':
      return style.bad('✗');
    case 'info':
      return '·';
  }
}
