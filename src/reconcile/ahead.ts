/** What a pass is about to look at, for who stands around changes to the kernel. */
import type { Engine } from '../desired/engine.js';
import type { Operation } from '../kernel/kernel.js';
import { forFamilies } from '../net/family.js';
import type { Ahead } from './change-gate.js';
import type { Contests } from './contests.js';
import { diffRules } from './diff-rules.js';
import type { KernelView } from './kernel-view.js';
import type { Retries } from './retries.js';

export interface AheadOptions {
  readonly engine: Engine;
  readonly view: Pick<KernelView, 'mirror' | 'rulesDue'>;
  readonly retries: Pick<Retries, 'next'>;
  readonly contests: Pick<Contests, 'next'>;
  /** On the monotonic clock. */
  readonly now: number;
  /** Something was left over by the pass before. */
  readonly left: boolean;
  readonly mayTry: (operation: Operation) => boolean;
}

/**
 * `undefined` where there is nothing to write, for certain; else there may be.
 * Rules are compared, for others change theirs all the time; routes are not.
 */
export function aheadOf(options: AheadOptions): Ahead | undefined {
  const { engine, view, retries, contests, now, left, mayTry } = options;
  const tables = new Set<number>();
  let prefixes: number | undefined = 0;
  for (const [id, table] of engine.tables) {
    if (!table.hasChanges) continue;
    tables.add(id);
    const { changeSize } = table;
    prefixes =
      changeSize === undefined || prefixes === undefined ? undefined : prefixes + changeSize;
  }
  if (view.rulesDue) {
    const { makes, breaks } = diffRules(engine, view.mirror, mayTry);
    for (const operation of [...makes, ...breaks])
      if ('rule' in operation) tables.add(operation.rule.table);
  }
  const again = left || retries.next <= now || contests.next <= now || view.mirror.mayHaveUnused;
  return tables.size > 0 || again ? { tables, prefixes } : undefined;
}

/** Of operations that are decided; `undefined` where there is none. */
export function aheadIn(operations: readonly Operation[]): Ahead | undefined {
  if (operations.length === 0) return undefined;
  const tables = new Set<number>();
  let prefixes = 0;
  for (const operation of operations) {
    if ('route' in operation) {
      tables.add(operation.route.table);
      prefixes++;
    }
    if ('rule' in operation) tables.add(operation.rule.table);
  }
  return { tables, prefixes };
}

/**
 * What may not wait: a rule of ours stands ahead of the look-up of table `local`, and is to be taken out;
 * or a next hop leads nowhere any more, and routes are to leave it.
 */
export function isUrgent({ engine, view }: Pick<AheadOptions, 'engine' | 'view'>): boolean {
  for (const table of engine.tables.values()) if (table.hasLostNextHop) return true;
  const { mirror } = view;
  const local = forFamilies((family) => mirror.localRulePriority(family) ?? -1);
  for (const { family, priority } of mirror.ownRules().values()) {
    if (priority <= local[family]) return true;
  }
  return false;
}
