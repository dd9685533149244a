/**
 * What the daemon says of itself: the answers on the admin socket, and so the
 * `--json` of the commands. The field names are a contract. Times are epoch
 * milliseconds, durations milliseconds, prefixes and addresses canonical text.
 */
import type { KeptKind, ResourceStatus } from '../discover/discovered.js';
import type { Family } from '../net/family.js';
import type { RejectReason } from '../policy/verdict.js';
import type { PeerStatus, SourceCounters, SourceState } from '../source/source.js';

/**
 * How far the routes learned can be trusted, kept apart from what the adapter
 * does. `stale`: what was learned (or adopted from the kernel) stays until
 * `until`, `null` meaning for ever. `expired`: hold has ended, learned routes are gone.
 */
export type FeedState =
  | {
      readonly state: 'stale';
      readonly since: number;
      readonly until: number | null;
      readonly reason: string;
    }
  | { readonly state: 'syncing'; readonly since: number; readonly pending: readonly Family[] }
  | { readonly state: 'synced'; readonly since: number }
  | { readonly state: 'expired'; readonly since: number; readonly reason: string };

export interface StatusReport {
  readonly version: string;
  readonly pid: number;
  readonly now: number;
  readonly startedAt: number;
  /**
   * Fed, the kernel has all that is desired or a reason is known for each that
   * it has not, and none of our rules is kept out of it.
   */
  readonly ready: boolean;
  /** Why not, in one phrase; absent when it is. */
  readonly unready: string | undefined;
  readonly config: {
    readonly file: string;
    readonly loadedAt: number;
    /** True while a newer file was refused; `faults` say why. */
    readonly stale: boolean;
    readonly faults: readonly string[];
  };
  readonly source: {
    readonly name: string;
    readonly address: string;
    readonly state: SourceState;
    readonly feed: FeedState;
    readonly peers: readonly PeerStatus[];
    readonly counters: SourceCounters;
  };
  /** What the cluster is asked for; absent where nothing is. */
  readonly discovery: DiscoveryReport | undefined;
  readonly tables: readonly TableReport[];
  readonly kernel: KernelReport;
  readonly connmark: ConnmarkReport;
  /** Those configured. */
  readonly hooks: readonly HookReport[];
  readonly alerts: readonly AlertReport[];
}

export interface DiscoveryReport {
  /** Where the cluster is asked. */
  readonly address: string;
  /** This node's name there. */
  readonly node: string;
  /** All that is asked for was told once, or is not to be had; until then what was before stays. */
  readonly settled: boolean;
  /** The cluster's own ranges, which no table learns. */
  readonly kept: Readonly<Partial<Record<KeptKind, number>>>;
  readonly resources: readonly ResourceStatus[];
}

/** A program run around changes to the kernel, and how it has fared since the daemon started. */
export interface HookReport {
  readonly hook: 'before' | 'after';
  readonly program: string;
  readonly runs: number;
  /** Of them, those that failed or were killed for their time. */
  readonly failures: number;
  /** While it runs. */
  readonly runningSince: number | undefined;
  readonly last:
    | {
        readonly at: number;
        readonly took: number;
        /** `stopped`: as the daemon ended. */
        readonly result: 'ok' | 'failed' | 'timeout' | 'stopped';
        /** Why, in one phrase; empty where it is `ok`. */
        readonly detail: string;
      }
    | undefined;
}

export interface FamilyCounts {
  /** Prefixes heard from the source. */
  readonly heard: number;
  /** Prefixes past filters and limits. */
  readonly accepted: number;
  /** To be in the kernel, static ones included. */
  readonly desired: number;
  /** In the kernel, ours, as read or acknowledged. */
  readonly installed: number;
  /** In the kernel, kept from before, not (yet) repeated by the source. */
  readonly stale: number;
}

export interface TableReport {
  readonly id: number;
  readonly name: string;
  readonly metric: number;
  readonly routes: Readonly<Record<Family, FamilyCounts>>;
  readonly rejected: Readonly<Partial<Record<RejectReason, number>>>;
  /** Prefixes past filters and limits, of each peer heard from; one counts for every peer of its selected paths. */
  readonly acceptedByPeer: readonly {
    readonly peer: string;
    readonly family: Family;
    readonly accepted: number;
  }[];
  /** Nexthop groups are in use (`objects`). */
  readonly nexthopObjects: boolean;
  readonly foreignRoutes: number;
  /** Routes of ours in the kernel that one of somebody else goes ahead of: same prefix, lower metric. */
  readonly shadowed: number;
  readonly rules: {
    readonly desired: number;
    readonly installed: number;
    /** Of the desired ones, those found by discovery, with the object each comes from. */
    readonly found: readonly { readonly prefix: string; readonly origin: string }[];
    /** Of the desired ones, those kept out as they would stand ahead of table local. */
    readonly misplaced: number;
    readonly faults: readonly string[];
  };
  /** What the configuration asks for and the node does not allow now, one line each. */
  readonly notes: readonly string[];
  readonly limits: readonly LimitReport[];
  readonly filters: readonly {
    readonly id: string;
    readonly text: string;
    readonly hits: number;
  }[];
  /** BGP next hops in use and what they resolve to. */
  readonly nextHops: readonly NextHopReport[];
}

export interface LimitReport {
  readonly id: string;
  readonly peer: string | undefined;
  readonly family: Family;
  readonly action: string;
  readonly count: 'accepted' | 'received';
  readonly used: number;
  readonly max: number;
  readonly warnPercent: number;
  readonly state: 'ok' | 'warning' | 'exceeded';
  readonly latched: boolean;
  /** `teardown`: when the session is enabled again; `null` never by itself. */
  readonly restoreAt: number | null | undefined;
}

export interface NextHopReport {
  /** BGP next hops, as heard: `10.9.0.2` or `10.9.0.2 + 10.9.1.2`. */
  readonly nextHop: string;
  /** `via 10.9.0.2 dev eth1`; empty when none resolves. */
  readonly resolved: readonly string[];
  readonly unresolved: readonly {
    readonly nextHop: string;
    readonly reason: RejectReason;
    readonly detail: string;
  }[];
  readonly routes: number;
  /** Id of the nexthop group, where objects are in use. */
  readonly groupId: number | undefined;
}

export interface KernelReport {
  readonly lastAuditAt: number | undefined;
  readonly lastChangeAt: number | undefined;
  readonly pending: number;
  /** Operations refused and waiting for a retry. */
  readonly failing: readonly {
    readonly what: string;
    readonly errno: string;
    readonly message: string;
    readonly retryAt: number;
  }[];
  /** Total of refused operations, where `failing` shows the first few only. */
  readonly failingTotal: number;
  /** What others undo again and again, oldest first. */
  readonly contested: readonly {
    readonly what: string;
    readonly rounds: number;
    readonly since: number;
    /** Who, in words, as far as the kernel tells. */
    readonly by: string;
    /** Route protocol of the other; a deletion names none. */
    readonly protocol: number | undefined;
    /** Netlink port of the other, a process id as a rule. */
    readonly port: number | 'several';
    /** Left as it is until then; absent while it stands. */
    readonly retryAt: number | undefined;
  }[];
  /** Their total, where `contested` shows the first few only. */
  readonly contestedTotal: number;
}

/** The nftables table `rib2fib`, which marks connections for tables with `returnPath: connmark`. */
export type ConnmarkReport =
  /** No table goes by marks. */
  | { readonly state: 'off' }
  /** Not looked at yet. */
  | { readonly state: 'pending' }
  /** It stands as it was written; read at `readAt`. */
  | {
      readonly state: 'kept';
      readonly since: number;
      readonly readAt: number;
      readonly tables: readonly {
        /** Its name. */
        readonly table: string;
        /** `0x1000/0x1000`. */
        readonly mark: string;
        /** Where connections arrive that are marked … */
        readonly interfaces: readonly string[];
        /** … and what for: prefixes, single addresses without a length. */
        readonly pools: readonly string[];
        /** Connections marked since it was written last, up to `readAt`. */
        readonly marked: number;
      }[];
    }
  /** Others change it again and again; it is put right at `retryAt`. */
  | { readonly state: 'contested'; readonly since: number; readonly retryAt: number }
  | {
      readonly state: 'failing';
      readonly since: number;
      readonly reason: string;
      readonly attempts: number;
      readonly retryAt: number;
    };

export interface AlertReport {
  readonly name: string;
  readonly severity: 'warning' | 'critical';
  /** What the alert is about: `table`, `peer`, `source` …; equal name and labels are one alert. */
  readonly labels: Readonly<Record<string, string>>;
  readonly since: number;
  readonly summary: string;
}
