/**
 * Deleting one rule and no other. The kernel takes selectors that RTM_DELRULE
 * does not name for wildcards and removes the first rule that fits: `from X`
 * may hit `from X fwmark 1`. Rules of ours in the way are put behind the one
 * that is to go, each copied before it is removed, so none is ever missing.
 */
import { type Rule, ruleKey } from '../desired/route.js';
import type { Request } from './codec-operation.js';
import { type KernelRule, OWN_PROTOCOL } from './kernel.js';

export type RuleDeletion =
  /** To be sent in this order; the last step removes the rule itself. */
  | { readonly plan: 'steps'; readonly steps: readonly Request[] }
  /** There is none; a request would have removed another. */
  | { readonly plan: 'absent' }
  /** A rule under our mark with selectors we cannot copy is in the way. */
  | { readonly plan: 'blocked' };

/** `present`: the rules of its family in the kernel's order. */
export function planRuleDeletion(rule: Rule, present: readonly KernelRule[]): RuleDeletion {
  const fitting = present.filter((other) => fits(rule, other));
  const key = canonicalKey(rule);
  const plain = fitting.findIndex((other) => !other.opaque && canonicalKey(other) === key);
  const at = plain >= 0 ? plain : fitting.findIndex((other) => canonicalKey(other) === key);
  if (at < 0) return { plan: 'absent' };
  const ahead = fitting.slice(0, at);
  if (ahead.some((other) => other.opaque)) return { plan: 'blocked' };
  const steps = ahead.flatMap((other): Request[] => [
    { op: 'rule-append', rule: other },
    { op: 'rule-delete', rule },
  ]);
  return { plan: 'steps', steps: [...steps, { op: 'rule-delete', rule }] };
}

/** Whether RTM_DELRULE for `rule` may hit `other`. */
function fits(rule: Rule, other: KernelRule): boolean {
  const { from, to, iif, fwmark } = rule;
  return (
    other.protocol === OWN_PROTOCOL &&
    other.action === 'lookup' &&
    other.family === rule.family &&
    other.priority === rule.priority &&
    other.table === rule.table &&
    (from === undefined || from.isDefault || from.key === other.from?.key) &&
    (to === undefined || to.isDefault || to.key === other.to?.key) &&
    (iif === undefined || iif === other.iif) &&
    (fwmark === undefined ||
      ((fwmark.value === 0 || fwmark.value === other.fwmark?.value) &&
        (fwmark.mask === 0 || fwmark.mask === other.fwmark?.mask)))
  );
}

/** A /0 selector says nothing, and the kernel does not keep it. */
function canonicalKey(rule: Rule): string {
  const from = rule.from?.isDefault === true ? undefined : rule.from;
  const to = rule.to?.isDefault === true ? undefined : rule.to;
  return ruleKey({ ...rule, from, to });
}
