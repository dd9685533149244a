import type { PlanChange, PlanReport } from '../admin/command-report.js';
import { countText } from './amount.js';
import type { Style } from './style.js';

/** One line a change, a diff in the words of `ip`, and a last line that counts. */
export function planText({ changes, evaluatedBy, notes }: PlanReport, style: Style): string {
  const feed = evaluatedBy === 'daemon' ? "the running daemon's feed" : 'a feed read for this plan';
  return [
    ...changes.map(({ op, kind, text }) =>
      paintOf(op, style)(`${op} ${kind === 'route' ? '' : `${kind} `}${text}`),
    ),
    ...notes.map((note) => noteText(note, style)),
    changes.length === 0
      ? `No changes, by ${feed}.`
      : `${countOf(changes, '+')} to add, ${countOf(changes, '~')} to replace, ${countOf(changes, '-')} to remove, by ${feed}.`,
  ].join('\n');
}

/** What a plan cannot bring about, though it is asked for. */
export function noteText(note: string, style: Style): string {
  return style.warning(`note: ${note}`);
}

function countOf(changes: readonly PlanChange[], op: PlanChange['op']): string {
  return countText(changes.filter((change) => change.op === op).length);
}

function paintOf(op: PlanChange['op'], style: Style): (text: string) => string {
  switch (op) {
    case '+':
      return style.good;
    case '~':
      return style.warning;
    case '-':
      return style.bad;
  }
}
