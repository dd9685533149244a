import type { Entry } from '../desired/decide.js';
import { formatRoute, formatRule } from '../desired/format.js';
import { ruleKey } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { Underlay } from '../desired/underlay.js';
import type { WantedRoute } from '../desired/wanted-route.js';
import { Address } from '../net/address.js';
import { familyBits } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import type { LimitTracker } from '../policy/limit.js';
import type { Refusal } from '../reconcile/retries.js';
import { asPathText, nextHopText, type Path } from '../rib/path.js';
import type { ExplainReport, ExplainStep } from './command-report.js';
import { unmarkedReason } from './connmark-answer.js';
import { contestText } from './contest-text.js';
import { clusterText, ruleOrigin } from './discovery-answer.js';
import { conclusionOf } from './explain-conclusion.js';
import type { Facts } from './facts.js';
import { misplacedText } from './misplaced-text.js';
import { aheadOf, contestOver } from './rival-routes.js';
import {
  isInstalled,
  missingReason,
  refusalOf,
  staticFault,
  wantedTarget,
} from './routes-answer.js';
import { selectionSteps } from './selection-text.js';
import { AdminFault } from './service.js';
import { silentPeersText } from './silent-peers.js';

type TableExplanation = ExplainReport['tables'][number];

/** Walks one prefix, or the longest match of an address, through every table. */
export function explainAnswer(facts: Facts, query: string): ExplainReport {
  const address = Address.parse(query);
  const prefix = address === undefined ? parsePrefix(query) : longestMatch(facts, address);
  const tables = [...facts.engine.tables.values()].map((table): TableExplanation => {
    const { steps, ...explanation } = explainTable(table, prefix, facts);
    const passedOver = address === undefined ? [] : longerSteps(table, prefix, address, facts);
    return { ...explanation, steps: [...passedOver, ...steps] };
  });
  return { query, prefix: prefix.text, tables };
}

function parsePrefix(query: string): Prefix {
  if (query.includes('/')) {
    const prefix = Prefix.parse(query);
    if (prefix instanceof Prefix) return prefix;
    throw new AdminFault(
      prefix.fault === 'host-bits'
        ? `${query} has host bits set; ${prefix.meant} was probably meant`
        : `${query} is neither a prefix nor an address`,
    );
  }
  throw new AdminFault(`${query} is neither a prefix nor an address`);
}

/**
 * Of what the kernel has in a table of ours, as its own look-up would find it;
 * where it has nothing, of what was heard; else the address's own host prefix.
 */
function longestMatch(facts: Facts, address: Address): Prefix {
  const tables = [...facts.engine.tables.values()];
  const covering = [...coveringPrefixes(address)];
  return (
    covering.find((prefix) => tables.some((table) => kernelHas(table, prefix, facts))) ??
    covering.find((prefix) => tables.some((table) => isMeant(table, prefix))) ??
    Prefix.host(address)
  );
}

/** From the host prefix to the default route. */
function* coveringPrefixes(address: Address): Generator<Prefix> {
  for (let length = familyBits(address.family); length >= 0; length--) {
    yield Prefix.of(address, length);
  }
}

function isMeant(table: Table, prefix: Prefix): boolean {
  return table.mayHold(prefix) || staticFault(table, prefix) !== undefined;
}

function kernelHas({ config }: Table, prefix: Prefix, { reconciler: { mirror } }: Facts): boolean {
  return mirror.own(config.id, prefix).length > 0 || mirror.foreign(config.id, prefix).length > 0;
}

/** What would match the address better than `prefix`, were it installed. */
function* longerSteps(
  table: Table,
  prefix: Prefix,
  address: Address,
  facts: Facts,
): Generator<ExplainStep> {
  for (const longer of coveringPrefixes(address)) {
    if (longer.length <= prefix.length) return;
    if (!isMeant(table, longer) || kernelHas(table, longer, facts)) continue;
    const { conclusion } = explainTable(table, longer, facts);
    yield { stage: 'heard', outcome: 'info', text: `${longer} is longer, but ${conclusion}` };
  }
}

function explainTable(table: Table, prefix: Prefix, facts: Facts): TableExplanation {
  const steps = [...walk(table, prefix, facts)];
  const why = steps.findLast(({ outcome }) => outcome === 'no')?.text;
  const { id, name } = table.config;
  return {
    ...{ table: name, id, steps: [...steps, ...ruleSteps(table, prefix, facts)] },
    conclusion: conclusionOf(table, prefix, why, facts),
  };
}

function* walk(table: Table, prefix: Prefix, facts: Facts): Generator<ExplainStep> {
  const { engine } = facts;
  const entry = table.entry(prefix);
  const paths = engine.rib.get(prefix) ?? [];
  const fault = staticFault(table, prefix);
  if (entry === undefined) {
    const configured = fault !== undefined || table.wanted(prefix).length > 0;
    const source = facts.source();
    const text = `${source.name} offers no path to ${prefix}${silentPeersText(source.peers())}`;
    yield { stage: 'heard', outcome: configured ? 'info' : 'no', text };
  } else {
    for (const path of paths) yield { stage: 'heard', outcome: 'ok', text: pathText(path) };
    if (entry.reason !== 'cluster-range') yield* filterSteps(table, prefix, paths);
    yield* decisionSteps(table, entry, paths, engine.underlay);
  }
  if (fault !== undefined) {
    const outcome = table.wanted(prefix).length > 0 ? 'info' : 'no';
    yield { stage: 'next hop', outcome, text: `static ${prefix}: ${fault.detail}` };
  }
  yield* kernelSteps(table, prefix, facts);
}

function* filterSteps(
  table: Table,
  prefix: Prefix,
  paths: readonly Path[],
): Generator<ExplainStep> {
  let permitted = 0;
  const steps = paths.map((path): ExplainStep => {
    const { permit, rule } = table.filter.evaluate(prefix, path, { count: false });
    if (permit) permitted++;
    const of = paths.length > 1 ? `path of ${path.peer}: ` : '';
    const text =
      rule === undefined
        ? `${of}no rule matches: denied by default`
        : `${of}${rule.id} ${rule.text}`;
    return { stage: 'filter', outcome: permit ? 'ok' : 'info', text };
  });
  for (const step of steps) {
    yield permitted === 0 ? { ...step, outcome: 'no' } : step;
  }
}

/** Those that count the prefix: of its family, and of the whole table or of a peer that offers it. */
function limitsOf({ limits }: Table, { family }: Prefix, paths: readonly Path[]): LimitTracker[] {
  return limits.filter(
    ({ config }) =>
      config.family === family &&
      (config.peer === undefined || paths.some(({ peer }) => peer === config.peer)),
  );
}

function* decisionSteps(
  table: Table,
  entry: Entry,
  heard: readonly Path[],
  underlay: Underlay,
): Generator<ExplainStep> {
  const { reason, set, paths, prefix } = entry;
  const limits = limitsOf(table, prefix, heard);
  switch (reason) {
    case undefined:
      break;
    case 'no-match':
    case 'denied':
      return;
    case 'default-route':
      yield {
        stage: 'filter',
        outcome: 'no',
        text: 'a default route needs acceptDefault: true besides a permit',
      };
      return;
    case 'cluster-range':
      yield {
        stage: 'filter',
        outcome: 'no',
        text: `cluster-range: ${clusterText(table, prefix)}; never learned (discovery.kubernetes.protect)`,
      };
      return;
    case 'kept-in-main':
      yield {
        stage: 'filter',
        outcome: 'no',
        text: `inside ${table.fixed.kept.covering(prefix) ?? 'what'}, which is kept in main (keepInMain, or connected)`,
      };
      return;
    case 'next-hop-local':
      yield {
        stage: 'next hop',
        outcome: 'no',
        text: `${paths.map(({ nextHop }) => nextHopText(nextHop)).join(', ')} is an address of this node`,
      };
      return;
    default:
      yield { stage: 'limit', outcome: 'no', text: limitText(limits, reason) };
      return;
  }
  yield { stage: 'limit', outcome: 'ok', text: limitsText(limits) };
  yield* selectionSteps(table, entry, heard, underlay);
  if (set === undefined) return;
  for (const { nextHop, detail } of set.unresolved) {
    const outcome = set.legs.length === 0 ? 'no' : 'info';
    yield { stage: 'next hop', outcome, text: `${nextHopText(nextHop)}: ${detail}` };
  }
  if (set.legs.length > 0) yield { stage: 'next hop', outcome: 'ok', text: `${set.text} resolves` };
}

function limitText(limits: readonly LimitTracker[], reason: string): string {
  const full = limits
    .map((limit) => limit.snapshot())
    .filter(({ state, waiting }) => waiting > 0 || state === 'exceeded' || state === 'latched')
    .map(
      ({ id, count, max, action, latched }) =>
        `${id}: ${count} of ${max}, action ${action}${latched ? ', latched' : ''}`,
    );
  return `${reason}: ${full.join('; ')}`;
}

function limitsText(limits: readonly LimitTracker[]): string {
  if (limits.length === 0) return 'none';
  return limits
    .map((limit) => `${limit.config.id}: ${limit.snapshot().count} of ${limit.config.max}`)
    .join('; ');
}

function* kernelSteps(table: Table, prefix: Prefix, facts: Facts): Generator<ExplainStep> {
  const { engine, reconciler } = facts;
  const { id } = table.config;
  const linkName = (index: number): string => engine.underlay.linkName(index);
  const own = reconciler.mirror.own(id, prefix);
  const wanted = table.wanted(prefix);
  for (const one of wanted) {
    const { metric } = one;
    const route = { table: id, prefix, metric, target: wantedTarget(one) };
    yield { stage: 'route', outcome: 'ok', text: formatRoute(route, linkName) };
    const standing = own.find((other) => other.metric === metric);
    const text = standing && formatRoute({ table: id, ...standing }, linkName);
    if (isInstalled(table, one, facts)) {
      yield { stage: 'kernel', outcome: 'ok', text: `has it: ${text}` };
      const ahead = aheadOf(table, one, reconciler.mirror);
      if (ahead === undefined) continue;
      const first = `foreign-route: a route of somebody else goes first: ${formatRoute(ahead, linkName)}`;
      yield { stage: 'kernel', outcome: 'info', text: first };
    } else {
      const missing = missingText(table, one, facts);
      const instead = text === undefined ? '' : `; until then: ${text}`;
      yield { stage: 'kernel', outcome: 'no', text: `${missing}${instead}` };
    }
  }
  for (const route of own) {
    if (wanted.some(({ metric }) => metric === route.metric)) continue;
    const refusal = reconciler.retries.find(id, route.metric, prefix.key);
    const why = engine.mayDelete(prefix)
      ? `though unwanted${refusal === undefined ? '' : ` (${refusalText(refusal)})`}`
      : 'kept as stale until the feed is complete';
    const text = `still has, ${why}: ${formatRoute({ table: id, ...route }, linkName)}`;
    yield { stage: 'kernel', outcome: 'info', text };
  }
  for (const route of reconciler.mirror.foreign(id, prefix)) {
    yield { stage: 'kernel', outcome: 'info', text: `foreign: ${formatRoute(route, linkName)}` };
  }
}

function missingText(table: Table, wanted: WantedRoute, facts: Facts): string {
  const reason = missingReason(table, wanted, facts);
  if (reason === undefined) return 'on its way';
  if (reason === 'foreign-route')
    return `foreign-route: ${
      table.config.foreign === 'fail'
        ? 'there are routes of somebody else in this table, and foreign is fail'
        : 'a route of somebody else stands there, and foreign is preserve'
    }`;
  const contest = contestOver(table, wanted, facts.reconciler);
  if (contest !== undefined) return `contested: ${contestText(contest)}`;
  const refusal = refusalOf(table, wanted, facts);
  return refusal === undefined ? reason : `${reason}: ${refusalText(refusal)}`;
}

function refusalText({ errno, message }: Refusal): string {
  return `${errno} ${message}, retried`;
}

function* ruleSteps(table: Table, prefix: Prefix, facts: Facts): Generator<ExplainStep> {
  const { reconciler, marks } = facts;
  const rules = table.rules.filter(({ family }) => family === prefix.family);
  if (rules.length === 0) {
    yield {
      stage: 'rule',
      outcome: 'info',
      text: `no ${prefix.family} rule of ours sends traffic to this table`,
    };
  }
  for (const rule of rules) {
    if (reconciler.mirror.ownRules().has(ruleKey(rule))) {
      const origin = ruleOrigin(table, rule);
      const text = `${formatRule(rule)}${origin === undefined ? '' : ` (${origin})`}`;
      yield { stage: 'rule', outcome: 'ok', text };
      continue;
    }
    const misplaced = reconciler.misplaced.find((one) => one.rule === rule);
    const contest = reconciler.contests.of({ kind: 'rule', rule });
    const because = misplaced ? misplacedText(misplaced) : contest && contestText(contest);
    const why = because === undefined ? '' : `: ${because}`;
    yield { stage: 'rule', outcome: 'no', text: `${formatRule(rule)} is not installed${why}` };
  }
  const unmarked = table.marked && unmarkedReason(marks());
  if (unmarked !== undefined) {
    yield { stage: 'rule', outcome: 'no', text: `connections are not marked: ${unmarked}` };
  }
}

function pathText({ peer, peerAs, nextHop, attributes }: Path): string {
  const { communities, largeCommunities, med, localPref } = attributes;
  const words = [`from ${peer} AS ${peerAs}`, `next hop ${nextHopText(nextHop)}`];
  const asPath = asPathText(attributes);
  if (asPath !== '') words.push(`AS path ${asPath}`);
  if (communities.length > 0) {
    words.push(`communities ${communities.map((c) => `${c >>> 16}:${c & 0xffff}`).join(' ')}`);
  }
  if (largeCommunities.length > 0) words.push(`large communities ${largeCommunities.join(' ')}`);
  if (med !== undefined) words.push(`MED ${med}`);
  if (localPref !== undefined) words.push(`local-pref ${localPref}`);
  return words.join(', ');
}
