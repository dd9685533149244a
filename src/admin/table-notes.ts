/** What the configuration asks of a table and the node does not allow now, one line each. */
import type { Engine } from '../desired/engine.js';
import type { Rule } from '../desired/route.js';
import { interfacesWithoutRules } from '../desired/rules.js';
import type { Table } from '../desired/table.js';
import type { Prefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';
import { ruleOrigin } from './discovery-answer.js';

/** Told by name; the rest is a number. */
const SHOWN = 4;

/**
 * Static routes that cannot be installed, what was found that no rule may be made of, interfaces whose
 * addresses no rule can follow, and sources that were found for two tables.
 */
export function tableNotes(table: Table, { tables, underlay }: Engine): readonly string[] {
  return [
    ...table.fixed.faults.map(
      ({ route, detail }) => `static ${route.prefix} is not installed: ${detail}`,
    ),
    ...table.found.part.leftOut.map(
      ({ prefix, origin, address }) =>
        `no rule from ${prefix} (${origin}): it contains ${address}, an address of this node`,
    ),
    ...interfacesWithoutRules(table.config, underlay).map((why) => `rules.from: ${why}`),
    ...[...tables.values()].flatMap((other) => contested(table, other)),
  ];
}

/** Those of every table, for a plan. */
export function planNotes(engine: Engine): string[] {
  return [...engine.tables.values()].flatMap((table) =>
    tableNotes(table, engine).map((note) => `table ${table.config.name}: ${note}`),
  );
}

/**
 * Of two rules with one priority that a packet matches, the kernel takes the one that was added first:
 * where pools are found, no configuration tells which that is.
 */
function contested(table: Table, other: Table): readonly string[] {
  const priority = table.config.rules?.priority;
  if (other === table || priority === undefined || other.config.rules?.priority !== priority) {
    return [];
  }
  const theirs = new Map(other.rules.flatMap((rule) => bySource(rule)));
  const all = new PrefixSet([...theirs.values()].map(({ from }) => from));
  const both = table.rules.flatMap(bySource).flatMap(([, { rule, from }]) => {
    const covering = all.covering(from);
    const their = covering && theirs.get(covering.key)?.rule;
    const isFound = ruleOrigin(table, rule) ?? (their && ruleOrigin(other, their));
    return their !== undefined && isFound !== undefined ? [from] : [];
  });
  if (both.length === 0) return [];
  const more = both.length > SHOWN ? ` and ${both.length - SHOWN} more` : '';
  return [
    `rules.discover: from ${both.slice(0, SHOWN).join(', ')}${more} goes to table ${other.config.name} too, at the same priority ${priority}: of two rules the one that was added first decides`,
  ];
}

interface Source {
  readonly rule: Rule;
  readonly from: Prefix;
}

/** By key, of a rule that asks for a source and nothing else. */
function bySource(rule: Rule): readonly (readonly [string, Source])[] {
  const { from, to, iif, fwmark } = rule;
  const isBare = to === undefined && iif === undefined && fwmark === undefined;
  return from !== undefined && isBare ? [[from.key, { rule, from }]] : [];
}
