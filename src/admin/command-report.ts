/** What commands other than `status` are answered over the admin socket, and print by `--json`: see `report.ts`. */
import type { Family } from '../net/family.js';
import type { RejectReason } from '../policy/verdict.js';

/** How a route stands, for `routes`. */
export const ROUTE_STATES = [
  /** In the kernel as it should be. */
  'installed',
  /** In the kernel, and behind somebody else's route of the same prefix and a lower metric; `detail` has that one. */
  'shadowed',
  /** On its way there. */
  'pending',
  /** In the kernel, kept from before, not repeated by the source. */
  'stale',
  /** Heard, and not to be there; `reason` says why. */
  'rejected',
  /** The kernel refused it (`detail` has its words), somebody else's route is in its place, or others undo it again and again. */
  'failed',
  /** From `static`, `onMiss`. */
  'static',
  /** From `keepInMain` and the connected prefixes. */
  'throw',
] as const;

export type RouteState = (typeof ROUTE_STATES)[number];

export interface RouteReport {
  readonly table: string;
  readonly prefix: string;
  readonly state: RouteState;
  /** In `ip route`'s words; what is, or would be, in the kernel. */
  readonly route: string;
  readonly peer: string | undefined;
  readonly asPath: string | undefined;
  readonly reason: string | undefined;
  /** The reason in words, where it has any: the kernel's error, what stands between us and the next hop. */
  readonly detail?: string;
}

export interface RoutesQuery {
  readonly table: string | undefined;
  readonly family: Family | undefined;
  readonly state: RouteState | undefined;
  readonly reason: RejectReason | undefined;
  readonly peer: string | undefined;
  readonly limit: number | undefined;
}

/** One stage of the flow in `explain`: `ok` is green, `no` ends the walk, `info` neither. */
export interface ExplainStep {
  readonly stage:
    | 'heard'
    | 'filter'
    | 'selection'
    | 'limit'
    | 'next hop'
    | 'route'
    | 'kernel'
    | 'rule';
  readonly outcome: 'ok' | 'no' | 'info';
  readonly text: string;
}

export interface ExplainReport {
  readonly query: string;
  /** The prefix explained: the query, or for an address the longest match, of the installed ones if there is any. */
  readonly prefix: string;
  readonly tables: readonly {
    readonly table: string;
    readonly id: number;
    readonly steps: readonly ExplainStep[];
    /** What the kernel does, in one sentence: `installed`, `kept in main: …`, `not installed: …` and why. */
    readonly conclusion: string;
  }[];
}

/** `+` added, `~` replaced, `-` removed; `text` in the words of `ip route`, `ip rule`, `ip nexthop`. */
export interface PlanChange {
  readonly op: '+' | '~' | '-';
  readonly kind: 'route' | 'rule' | 'nexthop' | 'connmark';
  readonly text: string;
}

export interface PlanReport {
  readonly changes: readonly PlanChange[];
  /** Whose feed it was computed from: the running daemon's, or one read for this plan. */
  readonly evaluatedBy: 'daemon' | 'command';
  /** What stands in the way, for people: a feed that is not synced, for instance. */
  readonly notes: readonly string[];
}

export interface ApplyReport {
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  readonly unchanged: number;
  readonly failed: readonly {
    readonly what: string;
    readonly errno: string;
    readonly message: string;
  }[];
  /** As a plan's: what could not be asked of the kernel at all, and why. */
  readonly notes: readonly string[];
}

export interface CleanupReport {
  readonly rules: number;
  readonly routes: number;
  readonly nexthops: number;
  /** The nftables table was there. */
  readonly connmark: boolean;
  readonly failed: readonly {
    readonly what: string;
    readonly errno: string;
    readonly message: string;
  }[];
}

export type ReloadReport =
  | { readonly applied: true; readonly changes: readonly string[] }
  | { readonly applied: false; readonly faults: readonly string[] };

export interface LimitClearReport {
  /** Ids of the limits that were latched and are no more. */
  readonly cleared: readonly string[];
}
