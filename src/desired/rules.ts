/** The policy rules of a table: which traffic is looked up there. */
import type { RuleMatch, TableConfig } from '../config/config.js';
import type { DiscoveredTable } from '../discover/discovered.js';
import { FAMILIES, type Family } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import { type Rule, ruleKey } from './route.js';
import type { Underlay } from './underlay.js';

/**
 * Without duplicates, in the order of the configuration, with what was found behind its `from`. An
 * interface without addresses gives none.
 */
export function tableRules(
  table: TableConfig,
  underlay: Underlay,
  families: readonly Family[],
  found: DiscoveredTable,
): readonly Rule[] {
  if (table.rules === undefined) return [];
  const { priority, match, returnPath } = table.rules;
  const everything = { iif: undefined, fwmark: undefined, from: undefined, to: undefined };
  const rules: Rule[] = [];
  const add = (family: Family, selectors: Partial<Rule>): void => {
    rules.push({ ...everything, family, priority, table: table.id, ...selectors });
  };
  const pools = poolPrefixes(table, underlay, found);
  switch (returnPath.by) {
    case 'connmark':
      // Where a family has no pool no connection is marked.
      for (const family of FAMILIES) {
        const { mark: fwmark } = returnPath;
        if (pools.some((pool) => pool.family === family)) add(family, { fwmark });
      }
      break;
    case 'endpoints':
    case 'source': {
      const sources = returnPath.by === 'source' ? [] : ownEndpoints(found.endpoints, underlay);
      for (const prefix of [...pools, ...sources]) add(prefix.family, { from: narrowed(prefix) });
    }
  }
  for (const entry of match) {
    for (const family of entryFamilies(entry, families)) {
      const { from: source, to, iif, fwmark } = entry;
      add(family, { from: narrowed(source), to: narrowed(to), iif, fwmark });
    }
  }
  const distinct = new Map(rules.map((rule) => [ruleKey(rule), rule]));
  return [...distinct.values()].filter((rule) => families.includes(rule.family));
}

/**
 * What `from` of the rules stands for now, in its order, then what was found: repeated where interfaces
 * share an address.
 */
export function poolPrefixes(
  { rules }: TableConfig,
  underlay: Underlay,
  found: DiscoveredTable,
): readonly Prefix[] {
  const configured = (rules?.from ?? []).flatMap((source) =>
    source.kind === 'prefix' ? [source.prefix] : addressPrefixes(source.interface, underlay),
  );
  return rules === undefined ? [] : [...configured, ...found.from];
}

/**
 * Those that may have a rule. An endpoint in the node's own network has an address of the node, and a
 * rule on that would take all that the node itself sends.
 */
function ownEndpoints(endpoints: readonly Prefix[], underlay: Underlay): readonly Prefix[] {
  return endpoints.filter(({ address }) => !underlay.isLocal(address));
}

/** Why a rule of `from {interface}` follows no address now, one line an interface. */
export function interfacesWithoutRules(table: TableConfig, underlay: Underlay): readonly string[] {
  return (table.rules?.from ?? []).flatMap((source) => {
    if (source.kind === 'prefix') return [];
    const { interface: name } = source;
    if (underlay.linkNamed(name) === undefined) return `there is no interface ${name}`;
    return addressPrefixes(name, underlay).length > 0
      ? []
      : `${name} has no global, settled address`;
  });
}

function addressPrefixes(name: string, underlay: Underlay): readonly Prefix[] {
  const link = underlay.linkNamed(name);
  return link === undefined ? [] : underlay.globalAddresses(link.index).map(Prefix.host);
}

function entryFamilies(entry: RuleMatch, families: readonly Family[]): readonly Family[] {
  const own = entry.family ?? entry.from?.family ?? entry.to?.family;
  return own === undefined ? families : [own];
}

/** A prefix of length 0 selects nothing, and the kernel leaves it out. */
function narrowed(prefix: Prefix | undefined): Prefix | undefined {
  return prefix?.isDefault === true ? undefined : prefix;
}
