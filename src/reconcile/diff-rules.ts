/** The rules of all tables, desired x mirror. */
import type { Engine } from '../desired/engine.js';
import { type Rule, ruleKey } from '../desired/route.js';
import type { Operation } from '../kernel/kernel.js';
import type { Mirror } from './mirror.js';

/** A wanted rule that would stand ahead of the look-up of the `local` table. */
export interface MisplacedRule {
  readonly rule: Rule;
  readonly localPriority: number;
}

export interface RuleDifference {
  /** To be added once the routes stand. */
  readonly makes: readonly Operation[];
  /** To be removed once that is done, and before any route goes. */
  readonly breaks: readonly Operation[];
  readonly misplaced: readonly MisplacedRule[];
}

/** @param mayTry false for what was refused lately, or is contested, and waits for its next try */
export function diffRules(
  engine: Engine,
  mirror: Mirror,
  mayTry: (operation: Operation) => boolean,
): RuleDifference {
  const wanted = new Map<string, Rule>();
  const misplaced: MisplacedRule[] = [];
  for (const table of engine.tables.values()) {
    for (const rule of table.rules) {
      const localPriority = mirror.localRulePriority(rule.family);
      if (localPriority === undefined || rule.priority > localPriority) {
        wanted.set(ruleKey(rule), rule);
      } else misplaced.push({ rule, localPriority });
    }
  }
  const makes: Operation[] = [];
  for (const [key, rule] of wanted) {
    if (!mirror.ownRules().has(key)) makes.push({ op: 'rule-add', rule });
  }
  const breaks: Operation[] = [];
  for (const [key, rule] of mirror.ownRules()) {
    if (wanted.has(key)) continue;
    const localPriority = mirror.localRulePriority(rule.family);
    const ahead = localPriority !== undefined && rule.priority <= localPriority;
    if (ahead || engine.maySweep || engine.tables.has(rule.table)) {
      breaks.push({ op: 'rule-delete', rule });
    }
  }
  return { makes: makes.filter(mayTry), breaks: breaks.filter(mayTry), misplaced };
}
