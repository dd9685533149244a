/** The last line of `explain`: what the kernel does with the prefix, not what was meant. */
import { ruleKey } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { WantedRoute } from '../desired/wanted-route.js';
import type { Prefix } from '../net/prefix.js';
import type { OwnRoute } from '../reconcile/mirror.js';
import type { Facts } from './facts.js';
import { misplacedText } from './misplaced-text.js';
import { aheadOf } from './rival-routes.js';
import { isInstalled } from './routes-answer.js';

/** `why`: what the last step that ended the walk said; `undefined` where none did. */
export function conclusionOf(
  table: Table,
  prefix: Prefix,
  why: string | undefined,
  facts: Facts,
): string {
  const { mirror } = facts.reconciler;
  const { id } = table.config;
  const route = first(mirror.own(id, prefix));
  if (route === undefined) return `not installed: ${why ?? 'on its way'}`;
  const ahead = aheadOf(table, route, mirror);
  return [
    standing(table, route, why, facts),
    ...(ahead === undefined
      ? []
      : [`but a route of somebody else goes first, with metric ${ahead.metric}`]),
    ...unused(table, prefix, facts),
  ].join(', ');
}

/** The one that the kernel's look-up takes. */
function first(routes: readonly OwnRoute[]): OwnRoute | undefined {
  return routes.reduce<OwnRoute | undefined>(
    (best, route) => (best === undefined || route.metric < best.metric ? route : best),
    undefined,
  );
}

function standing(table: Table, route: OwnRoute, why: string | undefined, facts: Facts): string {
  const { prefix } = route;
  const wanted = table.wanted(prefix).find(({ metric }) => metric === route.metric);
  if (wanted === undefined) {
    if (!facts.engine.mayDelete(prefix)) return 'installed, kept from before';
    return `installed, though unwanted: ${why ?? 'about to go'}`;
  }
  if (!isInstalled(table, wanted, facts)) return `installed as before: ${why ?? 'on its way'}`;
  if (wanted.kind === 'learned') return 'installed';
  const isKept = table.fixed.kept.has(prefix);
  return fixedText(wanted, why, isKept ? undefined : table.found.ranges.ownerOf(prefix));
}

/** `keeper`: whose range it is, of one of the cluster's own. */
function fixedText(
  { target }: Extract<WantedRoute, { kind: 'fixed' }>,
  why: string | undefined,
  keeper: string | undefined,
): string {
  switch (target.type) {
    case 'throw':
      return `kept in main: a throw route sends it on to the next rules${keeper === undefined ? '' : ` (${keeper})`}`;
    case 'unreachable':
      return 'unreachable: onMiss refuses what the table has no other route for';
    default:
      return why === undefined ? 'installed' : `installed, the static route alone: ${why}`;
  }
}

/** No rule of ours leads to the table, though some should. */
function* unused(table: Table, { family }: Prefix, { reconciler }: Facts): Generator<string> {
  const rules = table.rules.filter((rule) => rule.family === family);
  const installed = reconciler.mirror.ownRules();
  if (rules.length === 0 || rules.some((rule) => installed.has(ruleKey(rule)))) return;
  const misplaced = reconciler.misplaced.find(({ rule }) => rules.includes(rule));
  yield `but not in use: ${
    misplaced === undefined
      ? 'none of the rules that send traffic here is installed'
      : `its rules are taken out: ${misplacedText(misplaced)}`
  }`;
}
