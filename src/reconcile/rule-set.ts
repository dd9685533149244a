import { ruleKey } from '../desired/route.js';
import { type KernelRule, OWN_PROTOCOL } from '../kernel/kernel.js';
import type { Family } from '../net/family.js';

/** Everybody's rules. */
export class RuleSet {
  readonly #rules = new Map<string, KernelRule>();
  readonly #own = new Map<string, KernelRule>();

  /** Ours, by `ruleKey`. */
  get own(): ReadonlyMap<string, KernelRule> {
    return this.#own;
  }

  values(): Iterable<KernelRule> {
    return this.#rules.values();
  }

  set(rule: KernelRule): void {
    this.#rules.set(slotOf(rule), rule);
    if (isOwnRule(rule)) this.#own.set(ruleKey(rule), rule);
  }

  remove(rule: KernelRule): void {
    this.#rules.delete(slotOf(rule));
    if (isOwnRule(rule)) this.#own.delete(ruleKey(rule));
  }
}

const TABLE_LOCAL = 255;

/**
 * Where the look-up of table `local` for all traffic stands, the first of them;
 * `undefined` when there is none. One with selectors saves nobody's own addresses.
 */
export function localRulePriority(rules: Iterable<KernelRule>, family: Family): number | undefined {
  let lowest: number | undefined;
  for (const rule of rules) {
    const { from, to, iif, fwmark, opaque, action, table, priority } = rule;
    if (rule.family !== family || table !== TABLE_LOCAL || action !== 'lookup' || opaque) continue;
    if (from !== undefined || to !== undefined || iif !== undefined || fwmark !== undefined)
      continue;
    if (lowest === undefined || priority < lowest) lowest = priority;
  }
  return lowest;
}

export function isOwnRule(rule: KernelRule): boolean {
  return rule.protocol === OWN_PROTOCOL && rule.action === 'lookup' && !rule.opaque;
}

/** Rules of others may be equal but for what we do not read: they only have to be told apart from ours. */
function slotOf(rule: KernelRule): string {
  return `${ruleKey(rule)} ${rule.protocol} ${rule.action} ${rule.opaque}`;
}
