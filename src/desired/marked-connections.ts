/** Which connections of a table bear its mark, so that their replies find back to it. Pure. */
import type { TableConfig } from '../config/config.js';
import type { DiscoveredTable } from '../discover/discovered.js';
import type { Family } from '../net/family.js';
import type { MaskedMark } from '../net/mark.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';
import { poolPrefixes } from './rules.js';
import type { Underlay } from './underlay.js';

/** Those that arrive on one of `interfaces` for an address in one of `pools`. */
export interface MarkedConnections {
  readonly table: number;
  readonly mark: MaskedMark;
  /** Names, sorted. */
  readonly interfaces: readonly string[];
  /** Sorted; none within another. */
  readonly pools: readonly Prefix[];
}

export interface MarkedOptions {
  readonly table: TableConfig;
  readonly underlay: Underlay;
  readonly families: readonly Family[];
  /** Indexes of those that routes lead out of; the ones that the configuration names are added here, up or not. */
  readonly interfaces: Iterable<number>;
  readonly found: DiscoveredTable;
}

/** `undefined` where the table goes by something else. */
export function markedConnections(options: MarkedOptions): MarkedConnections | undefined {
  const { table, underlay, families, interfaces, found } = options;
  const returnPath = table.rules?.returnPath;
  if (returnPath?.by !== 'connmark') return undefined;
  const names = new Set(returnPath.interfaces);
  for (const index of interfaces) {
    const link = underlay.link(index);
    if (link !== undefined) names.add(link.name);
  }
  const discovers = table.static.some(({ discover }) => discover !== undefined);
  const legs = table.static.flatMap(({ via }) => via);
  for (const leg of [...legs, ...(discovers ? found.gateways : [])]) {
    if (leg.interface !== undefined) names.add(leg.interface);
  }
  return {
    table: table.id,
    mark: returnPath.mark,
    interfaces: [...names].sort(),
    pools: outermost(
      poolPrefixes(table, underlay, found).filter(({ family }) => families.includes(family)),
    ),
  };
}

/** `before` where nothing changed, so that another object is another wish. */
export function unlessSame(
  before: MarkedConnections | undefined,
  after: MarkedConnections | undefined,
): MarkedConnections | undefined {
  if (before === undefined || after === undefined) return after;
  return textOf(before) === textOf(after) ? before : after;
}

function textOf({ mark, interfaces, pools }: MarkedConnections): string {
  return [mark.value, mark.mask, ...interfaces, ...pools].join(' ');
}

/** Sorted by their text, without those that another one contains. */
export function outermost(prefixes: readonly Prefix[]): readonly Prefix[] {
  const all = new PrefixSet(prefixes);
  const found = [...all.values()].filter(
    (prefix) => prefix.isDefault || all.covering(prefix.truncate(prefix.length - 1)) === undefined,
  );
  return found.sort((a, b) => (a.text < b.text ? -1 : 1));
}
