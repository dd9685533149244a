/** Two configurations -> what a reload changed, one short line a change, for the log. */
import { FAMILIES } from '../net/family.js';
import { hostPortText } from '../net/host-port.js';
import type {
  Config,
  FilterRule,
  LimitConfig,
  PrefixListConfig,
  PrefixListEntry,
  TableConfig,
} from './config.js';
import { diffDiscovery, discoveryTexts } from './diff-discovery.js';
import { diffSources } from './diff-source.js';
import { formatDuration } from './duration.js';

/**
 * Lines such as `tables[fabric].metric: 20 -> 30` and
 * `tables[fabric].filters: +2 -1 rules`, in the order of the file; empty when
 * nothing changed. Tables are told apart by id, limits by peer and family.
 */
export function diffConfigs(before: Config, after: Config): readonly string[] {
  const lines: string[] = [];
  lines.push(...diffSources(before, after));
  compare(lines, 'hold', formatDuration(before.hold), formatDuration(after.hold));
  compareFixed(
    lines,
    'sync.timeout',
    formatDuration(before.sync.timeout),
    formatDuration(after.sync.timeout),
  );
  diffTables(lines, before.tables, after.tables);
  for (const name of new Set([...before.prefixLists.keys(), ...after.prefixLists.keys()])) {
    const [old, current] = [before.prefixLists.get(name), after.prefixLists.get(name)];
    const path = `prefixLists.${name}`;
    if (old === undefined) lines.push(`${path}: added`);
    else if (current === undefined) lines.push(`${path}: removed`);
    else comparePrefixLists(lines, path, old, current);
  }
  lines.push(...diffDiscovery(before, after));
  compareFixed(lines, 'metrics.listen', listenText(before), listenText(after));
  compareFixed(lines, 'admin.socket', before.admin.socket, after.admin.socket);
  compareFixed(lines, 'alerts.alertmanager', before.alerts.alertmanager, after.alerts.alertmanager);
  compare(lines, 'log.level', before.log.level, after.log.level);
  return lines;
}

function diffTables(
  lines: string[],
  before: readonly TableConfig[],
  after: readonly TableConfig[],
): void {
  const current = new Map(after.map((table) => [table.id, table]));
  const old = new Map(before.map((table) => [table.id, table]));
  for (const table of before) {
    const next = current.get(table.id);
    if (next === undefined) lines.push(`tables[${table.name}]: removed (id ${table.id})`);
    else diffTable(lines, table, next);
  }
  for (const { id, name } of after) {
    if (!old.has(id)) lines.push(`tables[${name}]: added (id ${id})`);
  }
}

function diffTable(lines: string[], before: TableConfig, after: TableConfig): void {
  const path = `tables[${before.name}]`;
  compare(lines, `${path}.name`, before.name, after.name);
  compare(lines, `${path}.metric`, before.metric, after.metric);
  compareCounts(
    lines,
    `${path}.filters`,
    before.filters.map(ruleText),
    after.filters.map(ruleText),
    'rules',
  );
  compare(lines, `${path}.acceptDefault`, before.acceptDefault, after.acceptDefault);
  diffLimits(lines, `${path}.limits`, before, after);
  compare(lines, `${path}.multipath`, before.multipath, after.multipath);
  for (const key of ['multipathRelax', 'alwaysCompareMed', 'preferOldest'] as const) {
    compare(lines, `${path}.bestPath.${key}`, before.bestPath[key], after.bestPath[key]);
  }
  for (const key of ['resolve', 'viaDefault', 'objects'] as const) {
    compare(lines, `${path}.nextHop.${key}`, before.nextHop[key], after.nextHop[key]);
  }
  compareItems(
    lines,
    `${path}.nextHop.override`,
    before.nextHop.override.map(String),
    after.nextHop.override.map(String),
  );
  compare(lines, `${path}.foreign`, before.foreign, after.foreign);
  compareItems(lines, `${path}.static`, staticTexts(before), staticTexts(after));
  compare(lines, `${path}.onMiss`, before.onMiss, after.onMiss);
  compareItems(
    lines,
    `${path}.keepInMain`,
    before.keepInMain.map(String),
    after.keepInMain.map(String),
  );
  compare(lines, `${path}.rules.priority`, before.rules?.priority, after.rules?.priority);
  compareItems(lines, `${path}.rules.from`, fromTexts(before), fromTexts(after));
  compareItems(lines, `${path}.rules.match`, matchTexts(before), matchTexts(after));
  compareItems(lines, `${path}.rules.discover`, discoveryTexts(before), discoveryTexts(after));
}

function diffLimits(lines: string[], path: string, before: TableConfig, after: TableConfig): void {
  const byKey = ({ limits }: TableConfig) => {
    return new Map(limits.map((limit) => [`${limit.peer ?? 'all'}/${limit.family}`, limit]));
  };
  const [old, current] = [byKey(before), byKey(after)];
  for (const key of new Set([...old.keys(), ...current.keys()])) {
    const [from, to] = [old.get(key), current.get(key)];
    if (from === undefined) lines.push(`${path}[${key}]: added`);
    else if (to === undefined) lines.push(`${path}[${key}]: removed`);
    else {
      const restart = (limit: LimitConfig) =>
        limit.action === 'teardown' ? formatDuration(limit.restartAfter) : undefined;
      for (const name of ['max', 'warnPercent', 'count', 'action'] as const) {
        compare(lines, `${path}[${key}].${name}`, from[name], to[name]);
      }
      compare(lines, `${path}[${key}].restartAfter`, restart(from), restart(to));
    }
  }
}

type Value = string | number | boolean | undefined;

function compare(lines: string[], path: string, before: Value, after: Value): void {
  if (before !== after) lines.push(`${path}: ${before ?? 'none'} -> ${after ?? 'none'}`);
}

/** Of what a running daemon goes on with as it is. */
function compareFixed(lines: string[], path: string, before: Value, after: Value): void {
  const changed: string[] = [];
  compare(changed, path, before, after);
  lines.push(...changed.map((line) => `${line} (at the next start)`));
}

/** Names each item that came or went: for lists short enough to read. */
function compareItems(
  lines: string[],
  path: string,
  before: readonly string[],
  after: readonly string[],
): void {
  const { added, removed, reordered } = compareLists(before, after);
  const changes = [...added.map((item) => `+${item}`), ...removed.map((item) => `-${item}`)];
  if (changes.length > 0) lines.push(`${path}: ${changes.join(' ')}`);
  else if (reordered) lines.push(`${path}: reordered`);
}

/** One walk along both, as they are in the order of `seq`: they may have 100,000 entries. */
function comparePrefixLists(
  lines: string[],
  path: string,
  before: PrefixListConfig,
  after: PrefixListConfig,
): void {
  let [added, removed] = [0, 0];
  for (const family of FAMILIES) {
    const [old, current] = [before[family], after[family]];
    let [i, j] = [0, 0];
    for (;;) {
      const [one, other] = [old[i], current[j]];
      if (one === undefined || other === undefined) break;
      if (one.seq <= other.seq) i++;
      if (other.seq <= one.seq) j++;
      if (sameEntry(one, other)) continue;
      if (one.seq <= other.seq) removed++;
      if (other.seq <= one.seq) added++;
    }
    removed += old.length - i;
    added += current.length - j;
  }
  tellCounts(lines, path, added, removed, 'entries');
}

function sameEntry(one: PrefixListEntry, other: PrefixListEntry): boolean {
  return (
    one.seq === other.seq &&
    one.action === other.action &&
    one.prefix.key === other.prefix.key &&
    one.ge === other.ge &&
    one.le === other.le
  );
}

/** Counts what came and went: for lists that may be long. */
function compareCounts(
  lines: string[],
  path: string,
  before: readonly string[],
  after: readonly string[],
  noun: string,
): void {
  const { added, removed, reordered } = compareLists(before, after);
  tellCounts(lines, path, added.length, removed.length, noun);
  if (added.length + removed.length === 0 && reordered) lines.push(`${path}: reordered`);
}

function tellCounts(
  lines: string[],
  path: string,
  added: number,
  removed: number,
  noun: string,
): void {
  const counts = [...(added > 0 ? [`+${added}`] : []), ...(removed > 0 ? [`-${removed}`] : [])];
  if (counts.length > 0) lines.push(`${path}: ${counts.join(' ')} ${noun}`);
}

function compareLists(
  before: readonly string[],
  after: readonly string[],
): { added: readonly string[]; removed: readonly string[]; reordered: boolean } {
  return {
    added: without(after, before),
    removed: without(before, after),
    reordered: before.some((item, index) => item !== after[index]),
  };
}

/** The items of `list` that `others` lacks, a repeated one as often as it lacks it. */
function without(list: readonly string[], others: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const item of others) counts.set(item, (counts.get(item) ?? 0) + 1);
  return list.filter((item) => {
    const left = counts.get(item) ?? 0;
    if (left > 0) counts.set(item, left - 1);
    return left === 0;
  });
}

function listenText({ metrics: { listen } }: Config): string {
  return listen === undefined ? 'off' : hostPortText(listen);
}

function ruleText({ text }: FilterRule): string {
  return text;
}

function staticTexts(table: TableConfig): readonly string[] {
  return table.static.map(({ prefix, via, discover }) => {
    const legs = via.map((leg) => {
      const out = leg.interface === undefined ? '' : `%${leg.interface}`;
      return `${leg.gateway ?? ''}${out}${leg.weight === 1 ? '' : `*${leg.weight}`}`;
    });
    return `${prefix} via ${[...legs, ...(discover === undefined ? [] : [discover])].join(',')}`;
  });
}

function fromTexts({ rules }: TableConfig): readonly string[] {
  return (rules?.from ?? []).map((from) =>
    from.kind === 'prefix' ? from.prefix.text : from.interface,
  );
}

function matchTexts({ rules }: TableConfig): readonly string[] {
  return (rules?.match ?? []).map(({ family, from, to, iif, fwmark }) => {
    const mark = fwmark && `0x${fwmark.value.toString(16)}/0x${fwmark.mask.toString(16)}`;
    return Object.entries({ family, from, to, iif, fwmark: mark })
      .flatMap(([key, value]) => (value === undefined ? [] : [`${key} ${value}`]))
      .join(' ');
  });
}
