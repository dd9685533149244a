/** The words and columns of `rib2fib status`. */
import type { LimitReport, StatusReport, TableReport } from '../admin/report.js';
import { FAMILIES } from '../net/family.js';
import type { PeerStatus } from '../source/source.js';
import { agoText, countText, durationText } from './amount.js';
import { left, right } from './columns.js';
import { connmarkLines } from './connmark-text.js';
import { discovered } from './discovery-text.js';
import { overview } from './status-overview.js';
import { section, withRest } from './status-section.js';
import type { Style } from './style.js';

/** Next hops and refused operations shown; the rest is in `--json`. */
const SHOWN = 10;

/** The whole report, several lines, without a newline at the end. */
export function statusText(status: StatusReport, style: Style): string {
  const sections = [
    overview(status, style),
    peers(status, style),
    tables(status, style),
    discovered(status, style),
    connmarkLines(status.connmark, status.now, style),
    rejected(status, style),
    limits(status, style),
    nextHops(status, style),
    failing(status, style),
    contested(status, style),
    alerts(status, style),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function peers({ source, now }: StatusReport, style: Style): string[] {
  const failing = source.peers.some(({ lastError }) => lastError !== undefined);
  const holding = source.peers.some(({ heldUntil }) => heldUntil !== undefined);
  return section(
    style,
    [
      ...[left('PEER'), right('AS'), left('SESSION'), left('SINCE'), right('IPV4'), right('IPV6')],
      ...(holding ? [left('HELD')] : []),
      ...(failing ? [left('LAST ERROR')] : []),
    ],
    source.peers.map((peer) => [
      peerText(peer, source.peers),
      String(peer.as),
      (peer.established ? style.good : style.bad)(peer.sessionState),
      peer.since === undefined ? '-' : agoText(peer.since, now),
      countText(peer.received.ipv4),
      countText(peer.received.ipv6),
      ...(holding ? [heldText(peer, now, style)] : []),
      ...(failing ? [peer.lastError ?? ''] : []),
    ]),
  );
}

/** With its router id where that tells it from others of its address. */
function peerText({ peer, routerId }: PeerStatus, all: readonly PeerStatus[]): string {
  const shared = all.filter((other) => other.peer === peer).length > 1;
  return shared && routerId !== undefined ? `${peer} (${routerId})` : peer;
}

function heldText({ heldUntil }: PeerStatus, now: number, style: Style): string {
  if (heldUntil === undefined) return '';
  const text = heldUntil === null ? 'for ever' : `${durationText(heldUntil - now)} more`;
  return style.warning(text);
}

function tables({ tables: all }: StatusReport, style: Style): string[] {
  return section(
    style,
    [
      left('TABLE'),
      left('FAMILY'),
      right('HEARD'),
      right('ACCEPTED'),
      right('DESIRED'),
      right('INSTALLED'),
      right('STALE'),
      right('FOREIGN'),
      left('RULES'),
    ],
    all.flatMap((table) => FAMILIES.map((family, i) => tableRow(table, family, i === 0, style))),
  );
}

function tableRow(
  table: TableReport,
  family: (typeof FAMILIES)[number],
  first: boolean,
  style: Style,
): string[] {
  const { heard, accepted, desired, installed, stale } = table.routes[family];
  const { rules } = table;
  const complete = rules.installed === rules.desired && rules.faults.length === 0;
  return [
    first ? nameOf(table) : '',
    family,
    countText(heard),
    countText(accepted),
    countText(desired),
    installed < desired ? style.warning(countText(installed)) : countText(installed),
    stale === 0 ? '0' : style.warning(countText(stale)),
    first ? countText(table.foreignRoutes) : '',
    first ? (complete ? style.good : style.bad)(`${rules.installed} of ${rules.desired}`) : '',
  ];
}

function rejected({ tables: all }: StatusReport, style: Style): string[] {
  const lines: string[] = [];
  for (const table of all) {
    const reasons = Object.entries(table.rejected)
      .filter(([, count]) => count > 0)
      .sort(([, a], [, b]) => b - a)
      .map(([reason, count]) => `${countText(count)} ${reason}`);
    if (reasons.length > 0) lines.push(`rejected in ${nameOf(table)}: ${reasons.join(', ')}`);
    lines.push(...table.notes.map((note) => style.warning(`note on ${nameOf(table)}: ${note}`)));
    lines.push(
      ...table.rules.faults.map((fault) => style.bad(`rules of ${nameOf(table)}: ${fault}`)),
    );
  }
  return lines;
}

function limits({ tables: all, now }: StatusReport, style: Style): string[] {
  const reports = all.flatMap((table) => table.limits);
  return section(
    style,
    [
      left('LIMIT'),
      left('USED'),
      right(''),
      right('OF'),
      left('COUNTS'),
      left('ACTION'),
      left('STATE'),
    ],
    reports.map((limit) => [
      limit.id,
      limitPaint(limit, style)(bar(limit)),
      countText(limit.used),
      countText(limit.max),
      limit.count,
      limit.action,
      limitPaint(limit, style)(limitState(limit, now)),
    ]),
  );
}

/** `[########............]  40 %`; full and no longer at and above the limit. */
function bar({ used, max }: LimitReport): string {
  const share = max === 0 ? 1 : used / max;
  const full = Math.min(20, Math.floor(share * 20));
  const percent = String(Math.floor(share * 100)).padStart(3);
  return `[${'#'.repeat(full)}${'.'.repeat(20 - full)}] ${percent} %`;
}

function limitState({ id, state, latched, restoreAt }: LimitReport, now: number): string {
  if (!latched) return state;
  if (restoreAt === undefined) return `${state}, latched until: rib2fib limit clear ${id}`;
  return restoreAt === null
    ? `${state}, session ended until: rib2fib limit clear ${id}`
    : `${state}, session comes back ${agoText(restoreAt, now)}`;
}

function limitPaint({ state, latched }: LimitReport, style: Style): (text: string) => string {
  if (latched || state === 'exceeded') return style.bad;
  return state === 'warning' ? style.warning : style.good;
}

function nextHops({ tables: all }: StatusReport, style: Style): string[] {
  const reports = all.flatMap((table) => table.nextHops.map((hop) => ({ table, hop })));
  const shown = [...reports].sort((a, b) => b.hop.routes - a.hop.routes).slice(0, SHOWN);
  const lines = section(
    style,
    [left('NEXT HOP'), left('TABLE'), right('ROUTES'), left('RESOLVED')],
    shown.map(({ table, hop }) => [
      hop.nextHop,
      table.name,
      countText(hop.routes),
      [
        ...hop.resolved,
        ...hop.unresolved.map(({ nextHop, reason, detail }) =>
          style.bad(`${nextHop} ${reason}: ${detail}`),
        ),
      ].join(', '),
    ]),
  );
  return withRest(lines, reports.length - shown.length, 'next hop');
}

function failing({ kernel, now }: StatusReport, style: Style): string[] {
  const shown = kernel.failing.slice(0, SHOWN);
  const lines = section(
    style,
    [left('REFUSED BY THE KERNEL'), left('ERROR'), left('RETRY')],
    shown.map(({ what, errno, message, retryAt }) => [
      what,
      style.bad(`${errno}: ${message}`),
      retryAt <= now ? 'now' : agoText(retryAt, now),
    ]),
  );
  return withRest(lines, kernel.failingTotal - shown.length, 'operation');
}

function contested({ kernel, now }: StatusReport, style: Style): string[] {
  const shown = kernel.contested.slice(0, SHOWN);
  const lines = section(
    style,
    [left('UNDONE BY OTHERS'), right('TIMES'), left('SINCE'), left('NEXT TRY'), left('BY')],
    shown.map(({ what, rounds, since, retryAt, by }) => [
      what,
      countText(rounds),
      agoText(since, now),
      retryAt === undefined ? 'stands' : retryAt <= now ? 'now' : agoText(retryAt, now),
      style.bad(by),
    ]),
  );
  return withRest(lines, kernel.contestedTotal - shown.length, 'object');
}

function alerts({ alerts: all, now }: StatusReport, style: Style): string[] {
  return section(
    style,
    [left('ALERT'), left('SEVERITY'), left('SINCE'), left('')],
    all.map(({ name, severity, since, summary }) => [
      name,
      (severity === 'critical' ? style.bad : style.warning)(severity),
      agoText(since, now),
      summary,
    ]),
  );
}

function nameOf({ name, id }: TableReport): string {
  return name === String(id) ? name : `${name} (${id})`;
}
