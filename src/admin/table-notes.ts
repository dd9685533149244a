/** What the configuration asks of a table and the node does not allow now, one line each. */
import type { Engine } from '../desired/engine.js';
import { interfacesWithoutRules } from '../desired/rules.js';
import type { Table } from '../desired/table.js';
import type { Underlay } from '../desired/underlay.js';

/** Static routes that cannot be installed, what was found that no rule may be made of, and interfaces whose addresses no rule can follow. */
export function tableNotes(table: Table, underlay: Underlay): readonly string[] {
  return [
    ...table.fixed.faults.map(
      ({ route, detail }) => `static ${route.prefix} is not installed: ${detail}`,
    ),
    ...table.found.part.leftOut.map(
      ({ prefix, origin, address }) =>
        `no rule from ${prefix} (${origin}): it contains ${address}, an address of this node`,
    ),
    ...interfacesWithoutRules(table.config, underlay).map((why) => `rules.from: ${why}`),
  ];
}

/** Those of every table, for a plan. */
export function planNotes({ tables, underlay }: Engine): string[] {
  return [...tables.values()].flatMap((table) =>
    tableNotes(table, underlay).map((note) => `table ${table.config.name}: ${note}`),
  );
}
