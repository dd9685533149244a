import { bgpText } from '../config/source-text.js';
import type { Feed } from '../desired/feed.js';
import { formatRule } from '../desired/format.js';
import type { NextHopSet } from '../desired/next-hop-set.js';
import { type Leg, ruleKey } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { Underlay } from '../desired/underlay.js';
import { Address } from '../net/address.js';
import { FAMILIES, type Family, forFamilies } from '../net/family.js';
import { hostPortText } from '../net/host-port.js';
import { objectText } from '../reconcile/kernel-object.js';
import type { Mirror } from '../reconcile/mirror.js';
import { isOwnRule } from '../reconcile/rule-set.js';
import { nextHopText } from '../rib/path.js';
import type { PeerStatus } from '../source/source.js';
import { connmarkAnswer } from './connmark-answer.js';
import { rivalText } from './contest-text.js';
import { discoveryReport, foundRules } from './discovery-answer.js';
import { type Facts, wallTime } from './facts.js';
import { misplacedText } from './misplaced-text.js';
import { operationText } from './operation-text.js';
import { unreadyReason } from './readiness.js';
import type {
  FamilyCounts,
  FeedState,
  KernelReport,
  LimitReport,
  NextHopReport,
  StatusReport,
  TableReport,
} from './report.js';
import { contestedRoutes, foreignEffects } from './rival-routes.js';
import { tableNotes } from './table-notes.js';

/** Refusals, and contests, told one by one; the rest is a number. */
const SHOWN = 20;

/** Costs no more than the number of next-hop sets while all is synced. */
export function statusAnswer(facts: Facts): StatusReport {
  const { version, startedAt, clock, engine, alerts } = facts;
  const source = facts.source();
  const { file, loadedAt, faults } = facts.config();
  const unready = unreadyReason(facts);
  return {
    version,
    pid: process.pid,
    now: clock.now(),
    startedAt,
    ...{ ready: unready === undefined, unready },
    config: { file, loadedAt, stale: faults.length > 0, faults },
    source: {
      name: source.name,
      address: sourceAddress(facts),
      state: source.state(),
      feed: feedState(engine.feed, facts),
      peers: source.peers().toSorted(byAddress),
      counters: source.counters(),
    },
    discovery: discoveryReport(facts),
    tables: [...engine.tables.values()].map((table) => tableReport(table, facts)),
    kernel: kernelReport(facts),
    connmark: connmarkAnswer(facts),
    hooks: facts.hooks(),
    alerts: alerts.active(),
  };
}

/** The daemon tells its peers in an order that changes from one question to the next. */
function byAddress({ peer: a }: PeerStatus, { peer: b }: PeerStatus): number {
  const [one, other] = [Address.parse(a), Address.parse(b)];
  if (one !== undefined && other !== undefined) return one.compare(other);
  return a < b ? -1 : 1;
}

function sourceAddress({ engine }: Facts): string {
  const { source } = engine.config;
  switch (source.kind) {
    case 'gobgp':
      return source.gobgp.address;
    case 'bgp':
      return bgpText(source.bgp);
    case 'fpm':
      return hostPortText(source.fpm.listen);
    case 'file':
      return source.file.path;
  }
}

function feedState(feed: Feed, { clock }: Facts): FeedState {
  const { phase } = feed;
  const since = wallTime(clock, phase.since);
  switch (phase.phase) {
    case 'stale': {
      const until = Number.isFinite(phase.until) ? wallTime(clock, phase.until) : null;
      return { state: 'stale', since, until, reason: phase.reason };
    }
    case 'syncing':
      return { state: 'syncing', since, pending: feed.pending };
    case 'synced':
      return { state: 'synced', since };
    case 'expired':
      return { state: 'expired', since, reason: phase.reason };
  }
}

function tableReport(table: Table, facts: Facts): TableReport {
  const { engine, reconciler } = facts;
  const { mirror } = reconciler;
  const { id, name, metric } = table.config;
  const rejected = table.rejected();
  for (const { reason } of table.fixed.faults)
    rejected.set(reason, (rejected.get(reason) ?? 0) + 1);
  const others = foreignEffects(table, mirror, (index) => engine.underlay.linkName(index));
  rejected.set('foreign-route', others.keptOut);
  rejected.set('contested', contestedRoutes(table, reconciler));
  rejected.set('kernel-error', reconciler.retries.missingRoutes(id));
  const misplaced = reconciler.misplaced.filter(({ rule }) => rule.table === id);
  return {
    id,
    name,
    metric,
    routes: forFamilies((family) => familyCounts(table, family, facts)),
    rejected: Object.fromEntries([...rejected].filter(([, count]) => count > 0)),
    acceptedByPeer: [...table.acceptedByPeer].flatMap(([peer, counts]) =>
      FAMILIES.map((family) => ({ peer, family, accepted: counts[family] })),
    ),
    nexthopObjects: table.useObjects,
    foreignRoutes: [...mirror.foreignRoutes(id)].length,
    shadowed: others.shadowed,
    rules: {
      desired: table.rules.length,
      installed: table.rules.filter((rule) => mirror.ownRules().has(ruleKey(rule))).length,
      found: foundRules(table),
      misplaced: misplaced.length,
      faults: [...misplaced.map(misplacedText), ...strangersAt(table, mirror)],
    },
    notes: [...tableNotes(table, engine), ...others.notes],
    limits: table.limits.map((limit) => limitReport(limit, facts)),
    filters: table.filter.hits().map(({ rule, hits }) => ({ id: rule.id, text: rule.text, hits })),
    nextHops: table.nextHops
      .values()
      .map((set) => nextHopReport(set, table, engine.underlay, facts)),
  };
}

/** Rules of others at our priority: which of the two comes first is nobody's promise. */
function strangersAt(table: Table, mirror: Mirror): string[] {
  const priority = table.config.rules?.priority;
  return [...mirror.rules()]
    .filter((rule) => rule.priority === priority && !isOwnRule(rule))
    .map((rule) => `somebody else's rule stands at our priority: ${formatRule(rule)}`);
}

function familyCounts(table: Table, family: Family, facts: Facts): FamilyCounts {
  const { engine, reconciler } = facts;
  const { accepted, desired } = table.counts(family);
  return {
    heard: engine.rib.size(family),
    accepted,
    desired,
    installed: reconciler.mirror.count(table.config.id, family),
    stale: staleCount(table, family, facts),
  };
}

/** What the kernel keeps though this feed has not (yet) confirmed it. */
function staleCount(table: Table, family: Family, { engine, reconciler }: Facts): number {
  const { feed, rib } = engine;
  if (feed.phase.phase === 'synced') return 0;
  const { mirror } = reconciler;
  const fixed = new Set(table.fixed.routes.map((route) => route.prefix.key));
  let stale = 0;
  for (const { prefix } of mirror.ownRoutes(table.config.id)) {
    if (prefix.family !== family) continue;
    const confirmed = feed.phase.phase === 'syncing' ? rib.isFresh(prefix) : false;
    if (!confirmed && !fixed.has(prefix.key)) stale++;
  }
  return stale;
}

function limitReport(limit: Table['limits'][number], { limits }: Facts): LimitReport {
  const { id, peer, family, action, count, max, warnPercent } = limit.config;
  const { state, latched, count: used } = limit.snapshot();
  return {
    id,
    peer,
    family,
    action,
    count,
    used,
    max,
    warnPercent,
    state: state === 'latched' ? 'exceeded' : state,
    latched,
    restoreAt: limits.restoreAt(id),
  };
}

function nextHopReport(
  set: NextHopSet,
  table: Table,
  underlay: Underlay,
  { reconciler }: Facts,
): NextHopReport {
  return {
    nextHop: set.text,
    resolved: set.legs.map((leg) => legText(leg, underlay)),
    unresolved: set.unresolved.map(({ nextHop, reason, detail }) => ({
      nextHop: nextHopText(nextHop),
      reason,
      detail,
    })),
    routes: set.routes.ipv4 + set.routes.ipv6,
    groupId: table.useObjects ? reconciler.groups.claimOf(table.config.id, set) : undefined,
  };
}

function legText({ gateway, oif, onlink, weight }: Leg, underlay: Underlay): string {
  const way = `${gateway === undefined ? '' : `via ${gateway} `}dev ${underlay.linkName(oif)}`;
  return `${way}${onlink ? ' onlink' : ''}${weight === 1 ? '' : ` weight ${weight}`}`;
}

function kernelReport({ reconciler, engine, clock }: Facts): KernelReport {
  const { lastAudit, lastChange, pending, retries, contests } = reconciler;
  const failing = [...retries.values()].slice(0, SHOWN);
  const linkName = (index: number): string => engine.underlay.linkName(index);
  return {
    lastAuditAt: lastAudit === undefined ? undefined : wallTime(clock, lastAudit),
    lastChangeAt: lastChange === undefined ? undefined : wallTime(clock, lastChange),
    pending,
    failing: failing.map(({ operation, errno, message, retryAt }) => ({
      what: operationText(operation, linkName).text,
      errno,
      message,
      retryAt: wallTime(clock, retryAt),
    })),
    failingTotal: retries.size,
    contested: [...contests.values()].slice(0, SHOWN).map((contest) => ({
      what: objectText(contest.object),
      rounds: contest.rounds,
      since: wallTime(clock, contest.since),
      by: rivalText(contest),
      protocol: contest.protocol,
      port: contest.port,
      retryAt: contest.heldUntil === undefined ? undefined : wallTime(clock, contest.heldUntil),
    })),
    contestedTotal: contests.size,
  };
}
