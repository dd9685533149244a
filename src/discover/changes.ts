/** What of two snapshots differs, one short line a table, for the log. Pure. */
import type { Prefix } from '../net/prefix.js';
import {
  type Discovered,
  type DiscoveredTable,
  type KeptRange,
  keptText,
  NOTHING_FOUND,
} from './discovered.js';

/** Told one by one; the rest is a number. */
const SHOWN = 8;

/**
 * Such as `table fabric: from +203.0.113.0/24 (IPAddressPool metallb-system/blue)` and
 * `kept +10.244.3.0/24 (pod CIDR of node-d)`; empty where nothing differs but what is still awaited.
 */
export function discoveryChanges(
  before: Discovered | undefined,
  after: Discovered,
  nameOf: (table: number) => string,
): readonly string[] {
  const lines: string[] = [];
  for (const [id, table] of after.tables) {
    const words = tableChanges(before?.tables.get(id) ?? NOTHING_FOUND, table);
    if (words.length > 0) lines.push(`table ${nameOf(id)}: ${words.join('; ')}`);
  }
  const kept = keptChanges(before?.kept ?? [], after.kept);
  return kept === undefined ? lines : [...lines, kept];
}

/** Of thousands of nodes there are tens of thousands: only what differs is written out. */
function keptChanges(
  before: readonly KeptRange[],
  after: readonly KeptRange[],
): string | undefined {
  if (before === after) return undefined;
  const [old, current] = [before, after].map(
    (ranges) => new Map(ranges.map((range) => [range.prefix.key, range])),
  );
  const isIn = (other: ReadonlyMap<string, KeptRange> | undefined, range: KeptRange): boolean => {
    const one = other?.get(range.prefix.key);
    return one?.what === range.what && one.name === range.name;
  };
  const texts = (ranges: readonly KeptRange[], other: ReadonlyMap<string, KeptRange> | undefined) =>
    new Map(
      ranges
        .filter((range) => !isIn(other, range))
        .map((range) => [range.prefix.text, keptText(range)]),
    );
  return itemChanges('kept', texts(before, current), texts(after, old));
}

function tableChanges(before: DiscoveredTable, after: DiscoveredTable): readonly string[] {
  const leftOut = ({ leftOut: some }: DiscoveredTable) =>
    new Map(some.map(({ prefix, origin }) => [prefix.text, origin]));
  const named = (prefixes: readonly Prefix[], { origins }: DiscoveredTable) =>
    new Map(prefixes.map((prefix) => [prefix.text, origins.get(prefix.key) ?? '']));
  const legs = ({ gateways }: DiscoveredTable) =>
    new Map(gateways.map(({ gateway, weight }) => [`${gateway}`, `weight ${weight}`]));
  return [
    itemChanges('from', named(before.from, before), named(after.from, after)),
    itemChanges('left out', leftOut(before), leftOut(after)),
    itemChanges('endpoints', named(before.endpoints, before), named(after.endpoints, after)),
    itemChanges('gateways', legs(before), legs(after)),
  ].filter((line) => line !== undefined);
}

function itemChanges(
  what: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): string | undefined {
  const changes = [
    ...[...after]
      .filter(([item, detail]) => before.get(item) !== detail)
      .map(([item, detail]) => `+${item}${detail === '' ? '' : ` (${detail})`}`),
    ...[...before.keys()].filter((item) => !after.has(item)).map((item) => `-${item}`),
  ];
  if (changes.length === 0) return undefined;
  const rest = changes.length - SHOWN;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return `${what} ${changes.slice(0, SHOWN).join(', ')}${more}`;
}
