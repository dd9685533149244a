/** What is found in the cluster, and where a rule or a kept range comes from, in words. */
import type { Rule } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { KeptKind } from '../discover/discovered.js';
import type { Prefix } from '../net/prefix.js';
import type { Facts } from './facts.js';
import type { DiscoveryReport, TableReport } from './report.js';

/** `undefined` where nothing is asked of a cluster. */
export function discoveryReport({ engine, discovery }: Facts): DiscoveryReport | undefined {
  const current = discovery();
  if (current === undefined) return undefined;
  const kept: Partial<Record<KeptKind, number>> = {};
  const snapshot = engine.discovered;
  for (const { what } of snapshot?.kept ?? []) kept[what] = (kept[what] ?? 0) + 1;
  const { name: address, node } = current;
  return { address, node, settled: engine.discoverySettled, kept, resources: current.resources() };
}

/** Of a table's rules those that were found, in their order. */
export function foundRules(table: Table): TableReport['rules']['found'] {
  return table.rules.flatMap((rule) => {
    const origin = ruleOrigin(table, rule);
    return origin === undefined ? [] : [{ prefix: `${rule.from}`, origin }];
  });
}

/** The object that a rule comes from: `IPAddressPool metallb-system/blue`; `undefined` of one configured. */
export function ruleOrigin({ config, found }: Table, { from }: Rule): string | undefined {
  if (from === undefined) return undefined;
  const isConfigured = config.rules?.from.some(
    (source) => source.kind === 'prefix' && source.prefix.equals(from),
  );
  return isConfigured === true ? undefined : found.part.origins.get(from.key);
}

/** What keeps a prefix out of the table: `inside 10.244.1.0/24, pod CIDR of node-a`. */
export function clusterText({ fixed, found }: Table, prefix: Prefix): string {
  const range = fixed.cluster.covering(prefix);
  const owner = found.ranges.ownerOf(prefix) ?? 'kept from before, as not all is known yet';
  return range?.equals(prefix) === true ? `${owner}` : `inside ${range}: ${owner}`;
}
