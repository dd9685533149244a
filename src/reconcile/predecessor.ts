import { STATIC_METRIC_OFFSET } from '../desired/fixed.js';
import type { Table } from '../desired/table.js';
import type { WantedRoute } from '../desired/wanted-route.js';
import type { OwnRoute } from './mirror.js';

/**
 * True for the learned route of its prefix under an earlier metric, which stays
 * until the one under the new metric is there. A static one looks the same, but
 * for its metric, and has a successor of its own or none.
 * @param own all of ours of that prefix
 */
export function isPredecessor(
  { target, metric }: OwnRoute,
  own: readonly OwnRoute[],
  table: Table,
  wanted: readonly WantedRoute[],
): boolean {
  if (target.type !== 'legs' && target.type !== 'nexthop') return false;
  const learnedMetric = metric - STATIC_METRIC_OFFSET;
  if (learnedMetric === table.config.metric) return false;
  if (own.some((one) => one.metric === learnedMetric)) return false;
  return !wanted.some((one) => one.kind === 'fixed' && one.target.type === 'legs');
}
