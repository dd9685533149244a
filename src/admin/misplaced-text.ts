import type { MisplacedRule } from '../reconcile/diff-rules.js';

/** Why a rule of ours is kept out of the kernel. */
export function misplacedText({ rule, localPriority }: MisplacedRule): string {
  return `priority ${rule.priority} is not behind the ${rule.family} rule of table local (${localPriority})`;
}
