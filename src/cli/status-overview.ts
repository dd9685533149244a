/** What `rib2fib status` begins with: a line or some on each of the daemon's ends. */
import type { FeedState, HookReport, StatusReport } from '../admin/report.js';
import type { SourceState } from '../source/source.js';
import { agoText, countText, durationText, plural } from './amount.js';
import { clusterLine } from './discovery-text.js';
import type { Style } from './style.js';

/** Process, configuration, source, cluster, kernel, hooks. */
export function overview(status: StatusReport, style: Style): string[] {
  const { now, config, source, unready } = status;
  const ready = unready === undefined ? style.good('ready') : style.bad(`not ready: ${unready}`);
  return [
    `${style.title(`rib2fib ${status.version}`)}  ${ready}`,
    `process  up ${durationText(now - status.startedAt)}, pid ${status.pid}`,
    `config   ${config.file}, loaded ${agoText(config.loadedAt, now)}`,
    ...(config.stale
      ? [style.bad('         a newer version was refused, the one before is in force:')]
      : []),
    ...config.faults.map((fault) => style.bad(`         ${fault}`)),
    `source   ${source.name} ${source.address}: ${sourceText(source.state, now, style)}`,
    ...feedLines(source.feed, now, style).map((line) => `         ${line}`),
    ...(source.counters.lastEventAt === undefined
      ? []
      : [`         last heard from ${agoText(source.counters.lastEventAt, now)}`]),
    ...(source.counters.undecodable === 0
      ? []
      : [style.bad(`         ${plural(source.counters.undecodable, 'route')} not decoded`)]),
    ...(status.discovery === undefined ? [] : [clusterLine(status.discovery, style)]),
    `kernel   ${kernelText(status, style)}`,
    ...status.hooks.map(
      (hook, i) => `${i === 0 ? 'hooks ' : '      '}   ${hookText(hook, now, style)}`,
    ),
  ];
}

function hookText(report: HookReport, now: number, style: Style): string {
  const { hook, program, runs, failures, runningSince, last } = report;
  const begin = `${hook} ${program}: `;
  if (runningSince !== undefined)
    return begin + style.warning(`running for ${durationText(now - runningSince)}`);
  if (last === undefined) return `${begin}not run yet`;
  const counts =
    failures === 0 ? plural(runs, 'run') : `${countText(failures)} of ${countText(runs)} failed`;
  const { at, took, result, detail } = last;
  const how = result === 'ok' ? style.good(`ok in ${took} ms`) : style.bad(detail);
  return `${begin}${how}, ${agoText(at, now)}; ${counts}`;
}

function sourceText(state: SourceState, now: number, style: Style): string {
  const lasting = durationText(now - state.since);
  switch (state.state) {
    case 'connecting': {
      const { attempts, lastError } = state;
      const after = attempts === undefined ? '' : `, ${plural(attempts, 'attempt')}`;
      const why = lastError === undefined ? '' : `: ${lastError}`;
      return style.warning(`connecting for ${lasting}${after}${why}`);
    }
    case 'bgp-not-started':
      return style.warning(`answers, but BGP has not been started in it, for ${lasting}`);
    case 'syncing':
      return style.warning(`syncing for ${lasting}, waiting for ${state.waitingFor}`);
    case 'synced':
      return style.good(`synced for ${lasting}`);
    case 'refused':
      return style.bad(`refused ${lasting} ago, routes from before it stay: ${state.reason}`);
    case 'lost': {
      const { attempts, retryAt, reason } = state;
      const since = attempts === undefined ? '' : `, ${plural(attempts, 'attempt')} since`;
      return style.bad(`lost ${lasting} ago${since}${nextText(retryAt, now)}: ${reason}`);
    }
    case 'stopped':
      return style.bad(`stopped ${lasting} ago`);
  }
}

function nextText(retryAt: number | undefined, now: number): string {
  if (retryAt === undefined) return '';
  return `, next ${retryAt <= now ? 'now' : agoText(retryAt, now)}`;
}

function feedLines(feed: FeedState, now: number, style: Style): string[] {
  const lasting = durationText(now - feed.since);
  switch (feed.state) {
    case 'synced':
      return [];
    case 'syncing':
      return [style.warning(`first full feed of ${feed.pending.join(' and ')} not ended yet`)];
    case 'stale': {
      const end = feed.until === null ? 'for ever' : `for ${durationText(feed.until - now)} more`;
      return [style.warning(`routes stale for ${lasting}, kept ${end}: ${feed.reason}`)];
    }
    case 'expired':
      return [style.bad(`hold ended ${lasting} ago, learned routes are gone: ${feed.reason}`)];
  }
}

function kernelText({ kernel, tables: all, now }: StatusReport, style: Style): string {
  const misplaced = all.reduce((sum, { rules }) => sum + rules.misplaced, 0);
  const behind = [
    ...(kernel.failingTotal === 0 ? [] : [style.bad(`${countText(kernel.failingTotal)} refused`)]),
    ...(kernel.contestedTotal === 0
      ? []
      : [style.bad(`${countText(kernel.contestedTotal)} contested`)]),
    ...(misplaced === 0 ? [] : [style.bad(`${plural(misplaced, 'rule')} taken out`)]),
    ...(kernel.pending === 0 ? [] : [style.warning(`${plural(kernel.pending, 'change')} pending`)]),
  ];
  return [
    ...(behind.length === 0 ? [style.good('in step')] : behind),
    kernel.lastChangeAt === undefined
      ? 'nothing changed yet'
      : `last change ${agoText(kernel.lastChangeAt, now)}`,
    ...(kernel.lastAuditAt === undefined ? [] : [`last audit ${agoText(kernel.lastAuditAt, now)}`]),
  ].join(', ');
}
