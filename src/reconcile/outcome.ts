/** What the kernel's answers mean for the mirror. */
import {
  type ExecuteResult,
  type Operation,
  type OperationFailure,
  OWN_PROTOCOL,
} from '../kernel/kernel.js';
import type { Mirror } from './mirror.js';

/** Sorted by what the caller has to do about it. */
export interface Outcome {
  readonly done: readonly Operation[];
  readonly refused: readonly {
    readonly operation: Operation;
    readonly failure: OperationFailure;
  }[];
  /** The mirror turned out wrong, or answers were lost: read everything again. */
  readonly mirrorWrong: boolean;
}

/** Takes the acknowledged operations into the mirror. */
export function takeOutcome(
  operations: readonly Operation[],
  result: ExecuteResult,
  mirror: Mirror,
): Outcome {
  if (result.failures.length === 0 && result.unknownFrom >= operations.length) {
    for (const operation of operations) takeDone(operation, mirror);
    return { done: operations, refused: [], mirrorWrong: false };
  }
  const failures = new Map(result.failures.map((failure) => [failure.index, failure]));
  const done: Operation[] = [];
  const refused: { operation: Operation; failure: OperationFailure }[] = [];
  let mirrorWrong = result.unknownFrom < operations.length;
  for (const [index, operation] of operations.entries()) {
    if (index >= result.unknownFrom) break;
    const failure = failures.get(index);
    if (failure === undefined || isGoneAlready(operation, failure.errno)) {
      takeDone(operation, mirror);
      done.push(operation);
    } else {
      refused.push({ operation, failure });
      mirrorWrong ||= contradicts(operation, failure.errno);
    }
  }
  return { done, refused, mirrorWrong };
}

function takeDone(operation: Operation, mirror: Mirror): void {
  switch (operation.op) {
    case 'route-add':
    case 'route-replace':
      mirror.set(operation.route.table, operation.route);
      return;
    case 'route-delete':
      mirror.remove(operation.route.table, operation.route.prefix, operation.route.metric);
      return;
    case 'foreign-route-delete':
      mirror.removeForeign(operation.route);
      return;
    case 'rule-add':
      mirror.setRule({
        ...operation.rule,
        protocol: OWN_PROTOCOL,
        action: 'lookup',
        opaque: false,
      });
      return;
    case 'rule-delete':
      mirror.removeRule({
        ...operation.rule,
        protocol: OWN_PROTOCOL,
        action: 'lookup',
        opaque: false,
      });
      return;
    case 'nexthop-add':
    case 'nexthop-replace':
      mirror.setNexthop({ ...operation.nexthop, protocol: OWN_PROTOCOL });
      return;
    case 'nexthop-delete':
      mirror.removeNexthop(operation.id);
      mirror.removeRoutesOn(operation.id);
      return;
  }
}

/** ESRCH for routes, ENOENT for rules and nexthop objects: there was nothing to delete. */
function isGoneAlready({ op }: Operation, errno: string): boolean {
  const deletes =
    op === 'route-delete' ||
    op === 'foreign-route-delete' ||
    op === 'rule-delete' ||
    op === 'nexthop-delete';
  return deletes && (errno === 'ESRCH' || errno === 'ENOENT');
}

/** Something stands where the mirror shows nothing, or nothing where it shows something. */
function contradicts({ op }: Operation, errno: string): boolean {
  switch (op) {
    case 'route-add':
    case 'rule-add':
    case 'nexthop-add':
      return errno === 'EEXIST';
    case 'route-replace':
    case 'nexthop-replace':
      return errno === 'ENOENT' || errno === 'ESRCH';
    default:
      return false;
  }
}
