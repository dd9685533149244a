/** What the kernel holds of ours, each thing known by what makes it the one it is, whatever it leads to. */
import { formatRule } from '../desired/format.js';
import { type Rule, ruleKey } from '../desired/route.js';
import type { Operation } from '../kernel/kernel.js';
import type { Prefix } from '../net/prefix.js';

/** A place for a route, whoever has it; a rule; a nexthop object. */
export type KernelObject =
  | {
      readonly kind: 'route';
      readonly table: number;
      readonly prefix: Prefix;
      readonly metric: number;
    }
  | { readonly kind: 'rule'; readonly rule: Rule }
  | { readonly kind: 'nexthop'; readonly id: number };

export function objectOf(operation: Operation): KernelObject {
  if ('route' in operation) {
    const { table, prefix, metric } = operation.route;
    return { kind: 'route', table, prefix, metric };
  }
  if ('rule' in operation) return { kind: 'rule', rule: operation.rule };
  return { kind: 'nexthop', id: 'id' in operation ? operation.id : operation.nexthop.id };
}

/** Equal objects give equal text. */
export function objectKey(object: KernelObject): string {
  switch (object.kind) {
    case 'route':
      return routeKey(object.table, object.metric, object.prefix.key);
    case 'rule':
      return `rule ${ruleKey(object.rule)}`;
    case 'nexthop':
      return `nexthop ${object.id}`;
  }
}

/** {@link objectKey} of a route, by the key of its prefix. */
export function routeKey(table: number, metric: number, key: string): string {
  return `route ${table} ${metric} ${key}`;
}

/** For people: `10.0.0.0/8 table 100 metric 20`, `rule from …`, `nexthop id 1073741824`. */
export function objectText(object: KernelObject): string {
  switch (object.kind) {
    case 'route':
      return `${object.prefix} table ${object.table} metric ${object.metric}`;
    case 'rule':
      return `rule ${formatRule(object.rule)}`;
    case 'nexthop':
      return `nexthop id ${object.id}`;
  }
}
