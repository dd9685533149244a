/** What a batch of changes is about, as a hook is told it: in environment variables. */
import type { Operation } from '../kernel/kernel.js';
import type { Ahead, Written } from '../reconcile/change-gate.js';

export class ChangeTally {
  /** Of which something was to be looked at … */
  readonly #ahead = new Set<number>();
  #prefixes: number | undefined = 0;
  /** … and in which something was written. */
  readonly #written = new Set<number>();
  readonly #done = new Map<Operation['op'], number>();
  #takenAlong = 0;
  #refused = 0;

  /** Nothing was written, nor tried. */
  get isEmpty(): boolean {
    return this.#done.size === 0 && this.#refused === 0;
  }

  expect({ tables, prefixes }: Ahead): void {
    for (const table of tables) this.#ahead.add(table);
    this.#prefixes = prefixes;
  }

  add({ done, refused, takenAlong }: Written): void {
    for (const operation of done) {
      const { op } = operation;
      this.#done.set(op, (this.#done.get(op) ?? 0) + 1);
      const table = tableOf(operation);
      if (table !== undefined) this.#written.add(table);
    }
    this.#refused += refused;
    this.#takenAlong += takenAlong;
  }

  /** For a `before`: `RIB2FIB_PREFIXES` is not there where whole tables are looked at. */
  before(nameOf: (table: number) => string): Record<string, string> {
    const prefixes = this.#prefixes;
    return {
      RIB2FIB_HOOK: 'before',
      ...tableVariables(this.#ahead, nameOf),
      ...(prefixes === undefined ? {} : { RIB2FIB_PREFIXES: String(prefixes) }),
    };
  }

  /** For an `after`. A nexthop object names no table: where one changed, those looked at are told too. */
  after(nameOf: (table: number) => string): Record<string, string> {
    const count = (...ops: readonly Operation['op'][]): number =>
      ops.reduce((sum, op) => sum + (this.#done.get(op) ?? 0), 0);
    const nexthops = count('nexthop-add', 'nexthop-replace', 'nexthop-delete');
    const removed = count('route-delete', 'foreign-route-delete') + this.#takenAlong;
    const tables = new Set([...this.#written, ...(nexthops > 0 ? this.#ahead : [])]);
    return {
      RIB2FIB_HOOK: 'after',
      ...tableVariables(tables, nameOf),
      RIB2FIB_ROUTES_ADDED: String(count('route-add')),
      RIB2FIB_ROUTES_REPLACED: String(count('route-replace')),
      RIB2FIB_ROUTES_REMOVED: String(removed),
      RIB2FIB_RULES_ADDED: String(count('rule-add')),
      RIB2FIB_RULES_REMOVED: String(count('rule-delete')),
      RIB2FIB_NEXTHOPS_CHANGED: String(nexthops),
      RIB2FIB_REFUSED: String(this.#refused),
    };
  }
}

/** In the order of their numbers; names have no white space. */
function tableVariables(
  tables: ReadonlySet<number>,
  nameOf: (table: number) => string,
): Record<string, string> {
  const ids = [...tables].sort((a, b) => a - b);
  return { RIB2FIB_TABLES: ids.map(nameOf).join(' '), RIB2FIB_TABLE_IDS: ids.join(' ') };
}

function tableOf(operation: Operation): number | undefined {
  switch (operation.op) {
    case 'route-add':
    case 'route-replace':
    case 'route-delete':
    case 'foreign-route-delete':
      return operation.route.table;
    case 'rule-add':
    case 'rule-delete':
      return operation.rule.table;
    case 'nexthop-add':
    case 'nexthop-replace':
    case 'nexthop-delete':
      return undefined;
  }
}
