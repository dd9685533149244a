/**
 * Why a prefix is, or is not, to be in a table. The reasons are a closed set:
 * logs, metrics (`routes_rejected{reason}`), `status` and `explain` share it.
 */

export type RejectReason =
  /** No filter rule matched: default deny. */
  | 'no-match'
  /** A deny rule matched. */
  | 'denied'
  /** A default route, permitted but without `acceptDefault`. */
  | 'default-route'
  /** Inside a range of the cluster's own: of pods, services, nodes or the API server. */
  | 'cluster-range'
  /** Inside `keepInMain` or a connected prefix of the table's interfaces. */
  | 'kept-in-main'
  /** A limit with action `block` is full. */
  | 'limit-blocked'
  /** A limit with action `freeze` is latched. */
  | 'limit-frozen'
  /** A limit with action `flush` is latched. */
  | 'limit-flushed'
  /** A limit with action `teardown` was exceeded: its session is being ended. */
  | 'limit-teardown'
  /** The next hop is one of the node's own addresses. */
  | 'next-hop-local'
  /** No usable route to the next hop, its interface is down, or it is not on-link. */
  | 'next-hop-unreachable'
  /** The next hop is reached through a default route only, and `viaDefault` is off. */
  | 'next-hop-via-default'
  /** A foreign route of the same prefix and metric stands there, and `foreign` is `preserve`. */
  | 'foreign-route'
  /** Others remove or replace it again and again: put right at longer intervals. */
  | 'contested'
  /** The kernel refused it; retried. */
  | 'kernel-error';

export const REJECT_REASONS: readonly RejectReason[] = [
  'no-match',
  'denied',
  'default-route',
  'cluster-range',
  'kept-in-main',
  'limit-blocked',
  'limit-frozen',
  'limit-flushed',
  'limit-teardown',
  'next-hop-local',
  'next-hop-unreachable',
  'next-hop-via-default',
  'foreign-route',
  'contested',
  'kernel-error',
];
