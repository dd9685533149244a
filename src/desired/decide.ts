/**
 * What a heard prefix comes to: what is the cluster's own, filters, what may never be learned, limits,
 * selection, next-hop set. The first stage that refuses gives the reason.
 */
import type { TableConfig } from '../config/config.js';
import type { Prefix } from '../net/prefix.js';
import type { PrefixSet } from '../net/prefix-set.js';
import type { Filter } from '../policy/filter.js';
import type { LimitTracker } from '../policy/limit.js';
import { type SelectionOptions, selectPaths } from '../policy/select.js';
import type { RejectReason } from '../policy/verdict.js';
import type { Path } from '../rib/path.js';
import type { NextHopSet, NextHopSets } from './next-hop-set.js';
import type { Underlay } from './underlay.js';

/** What a prefix came to: immutable, and shared by those that came to the same. `set` without `reason` is a route, if the set resolves. */
export interface Decision {
  readonly reason: RejectReason | undefined;
  /** Id of the filter rule that decided. */
  readonly rule: string | undefined;
  readonly set: NextHopSet | undefined;
  /** The paths chosen, or those that the refusing stage was offered. */
  readonly paths: readonly Path[];
}

/** A heard prefix, and what it came to. */
export interface Entry extends Decision {
  readonly prefix: Prefix;
}

/** What a decision reads; limits and next-hop sets take note of it. */
export interface Stage {
  readonly config: TableConfig;
  readonly filter: Filter;
  readonly limits: readonly LimitTracker[];
  readonly nextHops: NextHopSets;
  readonly underlay: Underlay;
  readonly kept: PrefixSet;
  /** The cluster's own ranges. */
  readonly cluster: PrefixSet;
  readonly selection: SelectionOptions;
}

/** `paths` is not empty; `count` adds to the hits of the filter rules. */
export function decide(
  prefix: Prefix,
  paths: readonly Path[],
  count: boolean,
  stage: Stage,
): Decision {
  const { config, limits, nextHops, underlay, kept, cluster, selection } = stage;
  if (isClusters(prefix, cluster, config)) {
    return rejected('cluster-range', undefined, paths, prefix, limits);
  }
  const { permitted, reason: denied, rule } = filtered(prefix, paths, count, stage.filter);
  if (permitted.length === 0) return rejected(denied, rule, paths, prefix, limits);
  if (prefix.isDefault && !config.acceptDefault)
    return rejected('default-route', rule, permitted, prefix, limits);
  const others = elsewhere(permitted, underlay);
  if (others.length === 0) return rejected('next-hop-local', rule, permitted, prefix, limits);
  if (kept.covering(prefix) !== undefined) {
    // The set stays referred to: what is kept follows from the interfaces that sets lead out of,
    // and would come and go with this very prefix otherwise.
    const selected = selectPaths(others, selection);
    const set = nextHops.of(selected);
    return { ...rejected('kept-in-main', rule, selected, prefix, limits), set };
  }
  let within = others;
  if (limits.length > 0) {
    const { paths: left, reason } = withinLimits(prefix, others, limits);
    if (reason !== undefined) return { reason, rule, set: undefined, paths: others };
    within = left;
  }
  const selected = selectPaths(within, selection);
  return { reason: undefined, rule, set: nextHops.of(selected), paths: selected };
}

/** What `keepInMain` names is kept for that reason. */
function isClusters(prefix: Prefix, cluster: PrefixSet, { keepInMain }: TableConfig): boolean {
  return (
    cluster.size > 0 &&
    cluster.covering(prefix) !== undefined &&
    !keepInMain.some((kept) => kept.contains(prefix))
  );
}

function rejected(
  reason: RejectReason,
  rule: string | undefined,
  paths: readonly Path[],
  prefix: Prefix,
  limits: readonly LimitTracker[],
): Decision {
  withdrawFromLimits(prefix, limits);
  return { reason, rule, set: undefined, paths };
}

/** Those whose next hop is no address of the node's own. */
function elsewhere(paths: readonly Path[], underlay: Underlay): readonly Path[] {
  for (const { nextHop } of paths) {
    if (underlay.isLocal(nextHop.address))
      return paths.filter((path) => !underlay.isLocal(path.nextHop.address));
  }
  return paths;
}

/** Equal decisions are interchangeable. */
export function sameDecision(a: Decision, b: Decision): boolean {
  return a.paths === b.paths && a.set === b.set && a.reason === b.reason && a.rule === b.rule;
}

/** Gives up the prefix's place in every limit. */
export function withdrawFromLimits(prefix: Prefix, limits: readonly LimitTracker[]): void {
  for (const limit of limits) {
    if (limit.config.family === prefix.family) limit.withdraw(prefix.key);
  }
}

/** `rule`: of the first permitted path, or else of the first path. */
function filtered(
  prefix: Prefix,
  paths: readonly Path[],
  count: boolean,
  filter: Filter,
): { permitted: readonly Path[]; reason: RejectReason; rule: string | undefined } {
  const options = count ? COUNTED : LOOKED_AT;
  let permitted: readonly Path[] = paths;
  let reason: RejectReason = 'no-match';
  let rule: string | undefined;
  for (let i = 0, first = true; i < paths.length; i++) {
    const path = paths[i] as Path;
    const result = filter.evaluate(prefix, path, options);
    if (rule === undefined || (result.permit && first)) rule = result.rule?.id;
    if (result.permit) {
      first = false;
      if (permitted !== paths) permitted = [...permitted, path];
      continue;
    }
    if (permitted === paths) permitted = paths.slice(0, i);
    if (result.rule !== undefined) reason = 'denied';
  }
  return { permitted, reason, rule };
}

const COUNTED = { count: true };
const LOOKED_AT = { count: false };

/** Limits of one peer first: what they refuse is not offered to those of the whole table. */
function withinLimits(
  prefix: Prefix,
  permitted: readonly Path[],
  limits: readonly LimitTracker[],
): { paths: readonly Path[]; reason: RejectReason | undefined } {
  let paths = permitted;
  let reason: RejectReason | undefined;
  for (const limit of limits) {
    const { peer, family } = limit.config;
    if (family !== prefix.family || peer === undefined) continue;
    const others = paths.filter((path) => path.peer !== peer);
    if (others.length === paths.length) limit.withdraw(prefix.key);
    else if (!limit.offer(prefix.key)) {
      paths = others;
      reason = limit.reason;
    }
  }
  for (const limit of limits) {
    if (limit.config.family !== prefix.family || limit.config.peer !== undefined) continue;
    if (paths.length === 0) limit.withdraw(prefix.key);
    else if (!limit.offer(prefix.key)) return { paths: [], reason: limit.reason };
  }
  return { paths, reason: paths.length === 0 ? reason : undefined };
}
