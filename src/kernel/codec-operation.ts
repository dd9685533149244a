/** Operations of the port as netlink requests: message type and the flags that make each safe. Pure. */
import type { Rule } from '../desired/route.js';
import { RTM_DELROUTE, RTM_NEWROUTE } from '../netlink/route-message.js';
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST } from './answer.js';
import {
  encodeNexthop,
  encodeNexthopKey,
  RTM_DELNEXTHOP,
  RTM_NEWNEXTHOP,
} from './codec-nexthop.js';
import { encodeRoute, encodeRouteKey } from './codec-route.js';
import { encodeRule, RTM_DELRULE, RTM_NEWRULE } from './codec-rule.js';
import type { Operation } from './kernel.js';
import type { MessageWriter } from './message-writer.js';

/** An operation, or a step of one that the port does not offer. */
export type Request =
  | Operation
  /** Behind all rules of its priority, even where an equal one stands (no NLM_F_EXCL). */
  | { readonly op: 'rule-append'; readonly rule: Rule };

const ADD = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
/** Without NLM_F_CREATE: what the kernel has lost is ENOENT, and not made anew unguarded. */
const REPLACE = NLM_F_REQUEST | NLM_F_REPLACE;

/**
 * Writes one message.
 * @throws RangeError for a route or group of more legs than an attribute holds (some 2,300);
 * the message is unfinished then.
 */
export function encodeRequest(writer: MessageWriter, seq: number, request: Request): void {
  switch (request.op) {
    case 'route-add':
      writer.begin(RTM_NEWROUTE, ADD, seq);
      encodeRoute(writer, request.route);
      break;
    case 'route-replace':
      writer.begin(RTM_NEWROUTE, REPLACE, seq);
      encodeRoute(writer, request.route);
      break;
    case 'route-delete':
      writer.begin(RTM_DELROUTE, NLM_F_REQUEST, seq);
      encodeRouteKey(writer, request.route);
      break;
    case 'foreign-route-delete':
      writer.begin(RTM_DELROUTE, NLM_F_REQUEST, seq);
      encodeRouteKey(writer, request.route, request.route.protocol);
      break;
    case 'rule-add':
      writer.begin(RTM_NEWRULE, ADD, seq);
      encodeRule(writer, request.rule);
      break;
    case 'rule-append':
      writer.begin(RTM_NEWRULE, NLM_F_REQUEST | NLM_F_CREATE, seq);
      encodeRule(writer, request.rule);
      break;
    case 'rule-delete':
      writer.begin(RTM_DELRULE, NLM_F_REQUEST, seq);
      encodeRule(writer, request.rule);
      break;
    case 'nexthop-add':
      writer.begin(RTM_NEWNEXTHOP, ADD, seq);
      encodeNexthop(writer, request.nexthop);
      break;
    case 'nexthop-replace':
      writer.begin(RTM_NEWNEXTHOP, REPLACE, seq);
      encodeNexthop(writer, request.nexthop);
      break;
    case 'nexthop-delete':
      writer.begin(RTM_DELNEXTHOP, NLM_F_REQUEST, seq);
      encodeNexthopKey(writer, request.id);
      break;
    default:
      request satisfies never;
  }
  writer.end();
}
