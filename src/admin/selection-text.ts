/** How a table chose among the permitted paths of a prefix, for `explain`: a step a path. */
import type { Entry } from '../desired/decide.js';
import type { Table } from '../desired/table.js';
import type { Underlay } from '../desired/underlay.js';
import { routerIdText } from '../net/router-id.js';
import {
  explainSelection,
  type PathOutcome,
  type SelectionOptions,
  type SelectionStep,
} from '../policy/select.js';
import { asPathLength, type Path } from '../rib/path.js';
import type { ExplainStep } from './command-report.js';

/** `heard`: every path of the entry's prefix. Of an accepted entry only. */
export function* selectionSteps(
  table: Table,
  entry: Entry,
  heard: readonly Path[],
  underlay: Underlay,
): Generator<ExplainStep> {
  const { multipath } = table.config;
  const step = (outcome: ExplainStep['outcome'], text: string): ExplainStep => {
    return { stage: 'selection', outcome, text };
  };
  if (heard.some(({ session }) => session === undefined)) {
    yield step('ok', `${entry.paths.length} of the permitted paths, multipath ${multipath}`);
    return;
  }
  const competing: Path[] = [];
  for (const path of heard) {
    if (!table.filter.evaluate(entry.prefix, path, { count: false }).permit) continue;
    const barred = barredText(table, entry, path, underlay);
    if (barred === undefined) competing.push(path);
    else yield step('info', `${nameOf(path, heard)} is left out: ${barred}`);
  }
  const [best] = entry.paths;
  for (const { path, outcome } of explainSelection(competing, table.selection)) {
    const chosen = outcome.kind === 'best' || outcome.kind === 'equal';
    const told = outcomeText(path, outcome, { best: best ?? path, competing, table, underlay });
    yield step(chosen ? 'ok' : 'info', `${nameOf(path, heard)} ${told}`);
  }
}

/** What a path is held against. */
interface Field {
  readonly best: Path;
  readonly competing: readonly Path[];
  readonly table: Table;
  readonly underlay: Underlay;
}

/** Peers of one address among these are told apart by their router ids. */
function nameOf({ peer, pathId, session }: Path, heard: readonly Path[]): string {
  const shared = heard.some(
    (other) => other.peer === peer && other.session?.routerId !== session?.routerId,
  );
  const whose =
    shared && session !== undefined ? `${peer} (${routerIdText(session.routerId)})` : peer;
  return pathId === 0 ? `path of ${whose}` : `path ${pathId} of ${whose}`;
}

function barredText(
  { limits }: Table,
  { prefix }: Entry,
  { peer, nextHop }: Path,
  underlay: Underlay,
): string | undefined {
  if (underlay.isLocal(nextHop.address)) return `${nextHop.address} is an address of this node`;
  const full = limits.find(
    (limit) =>
      limit.config.peer === peer &&
      limit.config.family === prefix.family &&
      limit.waits(prefix.key),
  );
  return full === undefined ? undefined : `${full.config.id} has no room for it`;
}

function outcomeText(path: Path, outcome: PathOutcome, field: Field): string {
  const { best, competing, table } = field;
  switch (outcome.kind) {
    case 'best':
      return competing.length === 1 ? 'is the only one' : 'is the best';
    case 'equal':
      return 'is as good, and shares the route';
    case 'same-next-hop':
      return 'is as good, by the same next hop';
    case 'beyond-multipath':
      return `is as good, but multipath is ${table.config.multipath}`;
    case 'lost': {
      const why = lostText(outcome.step, path, field);
      if (!outcome.equalCost) return `lost: ${why}`;
      const other = best.session?.type === 'internal' ? 'by another AS path' : 'through another AS';
      return `lost: ${why}; as good until then, but ${other} (multipathRelax is off)`;
    }
  }
}

/** `best` has won at that step, except by MED: there it was some path of the same neighbour. */
function lostText(step: SelectionStep, path: Path, field: Field): string {
  const { best, competing, table, underlay } = field;
  const { metricTo } = table.selection;
  const [mine, its] = [path.attributes, best.attributes];
  switch (step) {
    case 'next-hop':
      return `no way leads to its next hop${whyNot(path, table, underlay)}`;
    case 'llgr-stale':
      return 'it is stale (LLGR_STALE)';
    case 'local-pref':
      return `local preference ${mine.localPref ?? 100} against ${its.localPref ?? 100}`;
    case 'as-path-length':
      return `AS path length ${asPathLength(mine)} against ${asPathLength(its)}`;
    case 'origin':
      return `origin ${mine.origin} against ${its.origin}`;
    case 'med': {
      const winner = winnerByMed(path, competing, table.selection) ?? best;
      const against = `MED ${medText(mine)} against ${medText(winner.attributes)}`;
      return table.config.bestPath.alwaysCompareMed
        ? against
        : `${against} of ${winner.peer}, through the same neighbouring AS`;
    }
    case 'session-type':
      return `its session is ${path.session?.type ?? 'unknown'}, not external`;
    case 'igp-metric':
      return `metric to the next hop ${metricTo(path.nextHop)} against ${metricTo(best.nextHop)}`;
    case 'oldest':
      return `heard ${((path.receivedAt ?? 0) - (best.receivedAt ?? 0)) / 1000} s later`;
    case 'router-id':
      return `router id ${identifierText(path)} against ${identifierText(best)}`;
    case 'cluster-length':
      return `cluster list length ${mine.clusterLength} against ${its.clusterLength}`;
    case 'peer-address':
      return `peer address ${path.peer} against ${best.peer}`;
    case 'path-id':
      return `path id ${path.pathId} against ${best.pathId}`;
  }
}

/** The lowest of those that it loses to by MED. */
function winnerByMed(
  path: Path,
  competing: readonly Path[],
  selection: SelectionOptions,
): Path | undefined {
  const beats = (other: Path) =>
    other !== path &&
    explainSelection([path, other], selection).some(
      (one) => one.path === path && one.outcome.kind === 'lost' && one.outcome.step === 'med',
    );
  const med = ({ attributes }: Path) => attributes.med ?? 0;
  return competing.filter(beats).toSorted((a, b) => med(a) - med(b))[0];
}

function medText({ med }: Path['attributes']): string {
  return med === undefined ? '0 (none)' : `${med}`;
}

/** Of one next hop; with `override` it is other gateways that it depends on. */
function whyNot({ nextHop }: Path, { config }: Table, underlay: Underlay): string {
  if (config.nextHop.override.length > 0) return '';
  const resolution = underlay.resolve(nextHop, config.nextHop);
  return resolution.ok ? '' : `: ${resolution.detail}`;
}

function identifierText({ attributes, session }: Path): string {
  return routerIdText(attributes.originatorId ?? session?.routerId ?? 0);
}
