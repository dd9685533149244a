/** What the cluster says, in the words and columns of `rib2fib status`. */
import type { DiscoveryReport, StatusReport } from '../admin/report.js';
import type { ResourceState } from '../discover/discovered.js';
import { agoText, countText } from './amount.js';
import { left, right } from './columns.js';
import { section } from './status-section.js';
import type { Style } from './style.js';

/** The one line in the overview. */
export function clusterLine(
  { address, node, settled, kept }: DiscoveryReport,
  style: Style,
): string {
  const counts = Object.entries(kept).map(([kind, count]) => `${countText(count)} ${kind}`);
  const state = settled
    ? style.good('known')
    : style.warning('not all known yet, what was before stays');
  const ranges = counts.length === 0 ? '' : `; never learned: ${counts.join(', ')}`;
  return `cluster  ${address} as ${node}: ${state}${ranges}`;
}

/** A row for each resource that is asked for. */
export function discovered({ discovery, now }: StatusReport, style: Style): string[] {
  return section(
    style,
    [left('RESOURCE'), left('STATE'), left('SINCE'), right('OBJECTS'), right('FAULTY'), left('')],
    (discovery?.resources ?? []).map(({ resource, state, since, objects, faulty, lastError }) => [
      resource,
      resourcePaint(state, style)(state),
      agoText(since, now),
      countText(objects),
      faulty === 0 ? '0' : style.bad(countText(faulty)),
      lastError ?? '',
    ]),
  );
}

function resourcePaint(state: ResourceState, style: Style): (text: string) => string {
  switch (state) {
    case 'synced':
      return style.good;
    case 'absent':
    case 'listing':
      return style.warning;
    case 'stale':
    case 'refused':
      return style.bad;
  }
}
