import { formatNexthop, formatRoute, formatRule, type LinkName } from '../desired/format.js';
import type { Operation } from '../kernel/kernel.js';
import type { PlanChange } from './command-report.js';

/** An operation in the words of `ip route`, `ip rule` and `ip nexthop`. */
export function operationText(operation: Operation, linkName: LinkName): PlanChange {
  switch (operation.op) {
    case 'route-add':
      return { op: '+', kind: 'route', text: formatRoute(operation.route, linkName) };
    case 'route-replace':
      return { op: '~', kind: 'route', text: formatRoute(operation.route, linkName) };
    case 'route-delete':
    case 'foreign-route-delete':
      return { op: '-', kind: 'route', text: formatRoute(operation.route, linkName) };
    case 'rule-add':
      return { op: '+', kind: 'rule', text: formatRule(operation.rule) };
    case 'rule-delete':
      return { op: '-', kind: 'rule', text: formatRule(operation.rule) };
    case 'nexthop-add':
      return { op: '+', kind: 'nexthop', text: formatNexthop(operation.nexthop, linkName) };
    case 'nexthop-replace':
      return { op: '~', kind: 'nexthop', text: formatNexthop(operation.nexthop, linkName) };
    case 'nexthop-delete':
      return { op: '-', kind: 'nexthop', text: `id ${operation.id}` };
  }
}
