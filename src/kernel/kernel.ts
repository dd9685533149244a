/**
 * The port to the kernel: reads, batched writes, and notices of what others
 * changed. The rtnetlink adapter is the only implementation that runs; tests
 * of the reconciler bring a strict one of their own.
 *
 * Every route, rule and nexthop object written bears protocol 178
 * ({@link OWN_PROTOCOL}). A write fails rather than touch what is not ours:
 * `add` uses NLM_F_EXCL, `delete` names protocol and metric.
 */
import type { NexthopObject, Route, Rule } from '../desired/route.js';
import type { InterfaceAddress, Link, UnderlayRoute } from '../desired/topology.js';
import type { Family } from '../net/family.js';

export { OWN_PROTOCOL } from '../desired/route.js';

/** Ids of our nexthop objects: 0x40000000 to 0x4fffffff. */
export const NEXTHOP_ID_BASE = 0x40000000;
export const NEXTHOP_ID_LAST = 0x4fffffff;

export interface KernelRoute extends Route {
  readonly protocol: number;
  /** RTNH_F_DEAD or RTNH_F_LINKDOWN on every leg: there, but not used. False on a nexthop object, whose legs are not read. */
  readonly dead: boolean;
}

export interface KernelRule extends Rule {
  readonly protocol: number;
  /** FRA_ACTION: `lookup` for FR_ACT_TO_TBL; anything else is foreign to us. */
  readonly action: 'lookup' | 'other';
  /** Carries selectors that {@link Rule} cannot say (ports, tos, l3mdev, not …): never equal to one of ours. */
  readonly opaque: boolean;
}

export type KernelNexthop = NexthopObject & { readonly protocol: number };

export type Operation =
  | { readonly op: 'route-add'; readonly route: Route }
  /** Only over a route the mirror shows as ours; ENOENT where the kernel has lost it. */
  | { readonly op: 'route-replace'; readonly route: Route }
  | { readonly op: 'route-delete'; readonly route: Route }
  /** The policy `evict`: removes a route of somebody else, named with its own protocol. */
  | { readonly op: 'foreign-route-delete'; readonly route: KernelRoute }
  | { readonly op: 'rule-add'; readonly rule: Rule }
  /** This rule and no other, whatever the kernel's wildcards would hit; ENOENT where there is none. */
  | { readonly op: 'rule-delete'; readonly rule: Rule }
  | { readonly op: 'nexthop-add'; readonly nexthop: NexthopObject }
  /** ENOENT where the kernel has lost it. */
  | { readonly op: 'nexthop-replace'; readonly nexthop: NexthopObject }
  | { readonly op: 'nexthop-delete'; readonly id: number };

/** A refused operation: `errno` in symbols (`EEXIST`), the kernel's own words where it gave any. */
export interface OperationFailure {
  /** Index into the operations handed in. */
  readonly index: number;
  readonly errno: string;
  readonly message: string;
}

/**
 * What became of a batch. Operations before `unknownFrom` that are not in
 * `failures` were done; those from `unknownFrom` on may have been sent, but
 * no answer came: their objects must be read again. Normally it equals the length.
 */
export interface ExecuteResult {
  readonly failures: readonly OperationFailure[];
  readonly unknownFrom: number;
}

/**
 * What somebody else changed; our own writes are never heard. `port` is the
 * netlink port (nlmsg_pid) of whoever asked for it: as a rule the process id of
 * a program, within its own pid namespace; 0 is the kernel itself.
 */
export type KernelNotice =
  /** `usable`: up, with carrier. While it is not, the kernel drops what leads out of it without a word. */
  | { readonly type: 'link'; readonly index: number; readonly usable: boolean }
  /** The last IPv4 address of an interface takes inline routes along, without a word too. */
  | { readonly type: 'address'; readonly event: 'new' | 'gone'; readonly index: number }
  /**
   * A route was added, replaced (`new`) or removed (`gone`). Of tables 254, 255
   * and foreign ones too. What a lost link takes along is not told for IPv4; a
   * `gone` of an IPv6 multipath route means the legs it names, all or some.
   * From port 0, a link, an address or a nexthop object went.
   */
  | {
      readonly type: 'route';
      readonly event: 'new' | 'gone';
      readonly route: KernelRoute;
      /** NLM_F_REPLACE: it took the place of another of the same prefix and metric. */
      readonly replaces: boolean;
      readonly port: number;
    }
  | {
      readonly type: 'rule';
      readonly event: 'new' | 'gone';
      readonly rule: KernelRule;
      readonly port: number;
    }
  | {
      readonly type: 'nexthop';
      readonly event: 'new' | 'gone';
      readonly nexthop: KernelNexthop;
      readonly port: number;
    }
  /** Notices were lost: read everything again. */
  | { readonly type: 'overrun' };

/** The one error of this folder: a dump or the socket itself failed. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  constructor(
    /** What was being done: `routes`, `socket`. */
    readonly op: string,
    /** `EPERM`. */
    readonly errno: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`${op}: ${errno}: ${reason}`, options);
  }
}

export interface Kernel {
  /**
   * All routes of one table, both families; every protocol; empty for a table
   * that is not there. Left out: multicast, broadcast, anycast and cloned
   * entries, and those with a TOS or source prefix, which never meet one of ours.
   * @param oif only those that lead out of this interface; none where it is gone.
   */
  routes(table: number, oif?: number): Promise<KernelRoute[]>;
  /** Of {@link routes} those that are not ours, which alone are decoded. */
  foreignRoutes(table: number): Promise<KernelRoute[]>;
  /**
   * All routes with our protocol, whatever their table, and those of others in `tables`, one by
   * one: a full table is never there as a list. Each goes to what `begin` returned last for its
   * family; `begin` is called again where a reading has to begin anew, and what it took until then
   * is void.
   */
  readRoutes(
    tables: ReadonlySet<number>,
    begin: (family: Family) => (route: KernelRoute) => void,
  ): Promise<void>;
  rules(): Promise<KernelRule[]>;
  /** Every nexthop object; an empty list on kernels before 5.3. */
  nexthops(): Promise<KernelNexthop[]>;
  links(): Promise<Link[]>;
  addresses(): Promise<InterfaceAddress[]>;
  /** Unicast routes of one table and protocol, with the legs that their nexthop objects stand for. */
  unicastRoutes(table: number, protocol: number): Promise<UnderlayRoute[]>;
  /** Tables main and local, for next-hop resolution. */
  underlay(): Promise<UnderlayRoute[]>;
  /** Which families this namespace can route: IPv6 may be disabled. */
  families(): Promise<readonly Family[]>;
  /**
   * Sends operations in order, in batches with one ACK each. Never throws for
   * a refused operation; throws {@link KernelError} when the socket is gone.
   * One call at a time.
   */
  execute(operations: readonly Operation[]): Promise<ExecuteResult>;
  /**
   * Subscribed when it returns; then yields batches of notices until `signal`
   * aborts. To be iterated once. A slow reader gets an `overrun`, not a backlog.
   * @throws KernelError
   */
  notices(signal: AbortSignal): AsyncIterable<readonly KernelNotice[]>;
  /**
   * Resolves once every notice that was sent before the call has been handed
   * over, so that it is not taken for newer than what was read meanwhile; at
   * once where nobody listens.
   */
  heard(): Promise<void>;
  close(): Promise<void>;
}
