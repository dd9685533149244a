/** The policy rules of a table: which traffic is looked up there. */
import type { RuleMatch, TableConfig } from '../config/config.js';
import type { DiscoveredTable } from '../discover/discovered.js';
import type { Family } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import { type Rule, ruleKey } from './route.js';
import type { Underlay } from './underlay.js';

/** Without duplicates, in the order of the configuration, with what was found behind its `from`. An interface without addresses gives none. */
export function tableRules(
  table: TableConfig,
  underlay: Underlay,
  families: readonly Family[],
  found: DiscoveredTable,
): readonly Rule[] {
  if (table.rules === undefined) return [];
  const { priority, from, match } = table.rules;
  const everything = { iif: undefined, fwmark: undefined, from: undefined, to: undefined };
  const rules: Rule[] = [];
  for (const source of from) {
    const prefixes =
      source.kind === 'prefix' ? [source.prefix] : addressPrefixes(source.interface, underlay);
    for (const prefix of prefixes) {
      const { family } = prefix;
      rules.push({ ...everything, family, priority, table: table.id, from: narrowed(prefix) });
    }
  }
  for (const prefix of found.from) {
    rules.push({ ...everything, family: prefix.family, priority, table: table.id, from: prefix });
  }
  for (const entry of match) {
    for (const family of entryFamilies(entry, families)) {
      const { from: source, to, iif, fwmark } = entry;
      const selectors = { from: narrowed(source), to: narrowed(to), iif, fwmark };
      rules.push({ family, priority, table: table.id, ...selectors });
    }
  }
  const distinct = new Map(rules.map((rule) => [ruleKey(rule), rule]));
  return [...distinct.values()].filter((rule) => families.includes(rule.family));
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
