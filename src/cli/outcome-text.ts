/** The last words of the commands that change something. */
import type { ApplyReport, CleanupReport, ReloadReport } from '../admin/command-report.js';
import { countText, plural } from './amount.js';
import { noteText } from './plan-text.js';
import type { Style } from './style.js';

export function applyText(report: ApplyReport, style: Style): string {
  const { added, replaced, removed, unchanged } = report;
  return [
    ...report.notes.map((note) => noteText(note, style)),
    ...failureLines(report.failed, style),
    `${countText(added)} added, ${countText(replaced)} replaced, ${countText(removed)} removed, ${countText(unchanged)} unchanged${failedText(report.failed, style)}`,
  ].join('\n');
}

export function cleanupText(report: CleanupReport, style: Style): string {
  const { rules, routes, nexthops, connmark, failed } = report;
  return [
    ...failureLines(failed, style),
    rules + routes + nexthops + failed.length === 0 && !connmark
      ? 'nothing of rib2fib was in the kernel'
      : `removed ${plural(rules, 'rule')}, ${plural(routes, 'route')} and ${plural(nexthops, 'nexthop object')}${connmark ? ', and the nftables table' : ''}${failedText(failed, style)}`,
  ].join('\n');
}

export function reloadText(report: ReloadReport, style: Style): string {
  if (!report.applied) {
    return [
      ...report.faults,
      style.bad('refused: the configuration before this one stays in force'),
    ].join('\n');
  }
  if (report.changes.length === 0) return 'reloaded, nothing changed';
  return [...report.changes, style.good('reloaded')].join('\n');
}

type Failures = ApplyReport['failed'];

function failureLines(failed: Failures, style: Style): string[] {
  return failed.map(({ what, errno, message }) => style.bad(`${what}: ${errno}: ${message}`));
}

function failedText(failed: Failures, style: Style): string {
  return failed.length === 0 ? '' : `, ${style.bad(`${countText(failed.length)} failed`)}`;
}
