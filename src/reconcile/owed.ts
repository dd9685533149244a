/** Make before break: what goes may go only once what takes its place is in the mirror. */
import type { Engine } from '../desired/engine.js';
import { type Rule, ruleKey } from '../desired/route.js';
import type { Table } from '../desired/table.js';
import type { Operation } from '../kernel/kernel.js';
import type { Mirror } from './mirror.js';
import { isPredecessor } from './predecessor.js';

export interface Made {
  readonly engine: Engine;
  readonly mirror: Mirror;
  /** More routes were refused than written in this pass: the table they go to cannot carry the traffic. */
  readonly mostRefused: boolean;
}

/** Asked again for each deletion after the rest was done, since the engine may have changed meanwhile. */
export function isOwed(operation: Operation, made: Made): boolean {
  switch (operation.op) {
    case 'route-delete':
      return isRouteOwed(operation, made);
    case 'rule-delete':
      return isRuleOwed(operation.rule, made);
    default:
      return true;
  }
}

function isRouteOwed(
  { route }: Extract<Operation, { op: 'route-delete' }>,
  { engine, mirror }: Made,
): boolean {
  const table = engine.tables.get(route.table);
  if (table === undefined) return !hasRuleTo(route.table, mirror);
  const { prefix } = route;
  const wanted = table.wanted(prefix);
  // Wanted again since the deletion was decided.
  if (wanted.some(({ metric }) => metric === route.metric)) return false;
  const own = mirror.own(route.table, prefix);
  const successor = wanted.find((one) =>
    one.kind === 'learned'
      ? isPredecessor(route, own, table, wanted)
      : one.target.type === route.target.type,
  );
  return successor === undefined || own.some(({ metric }) => metric === successor.metric);
}

/** A rule goes once every rule of its family stands that should, and its table's successor is filled. */
function isRuleOwed(rule: Rule, { engine, mirror, mostRefused }: Made): boolean {
  const local = mirror.localRulePriority(rule.family);
  if (local !== undefined && rule.priority <= local) return true;
  if (mostRefused && !engine.tables.has(rule.table)) return false;
  return [...engine.tables.values()].every((table) => hasAllRules(table, rule, local, mirror));
}

function hasAllRules(
  table: Table,
  { family }: Rule,
  local: number | undefined,
  mirror: Mirror,
): boolean {
  return table.rules.every(
    (wanted) =>
      wanted.family !== family ||
      (local !== undefined && wanted.priority <= local) ||
      mirror.ownRules().has(ruleKey(wanted)),
  );
}

/** A rule of ours still sends traffic there. */
export function hasRuleTo(table: number, mirror: Mirror): boolean {
  for (const rule of mirror.ownRules().values()) if (rule.table === table) return true;
  return false;
}
