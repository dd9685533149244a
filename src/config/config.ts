/**
 * The whole configuration as frozen values: what `load.ts` returns once every
 * fault has been ruled out. Nothing behind this file sees text again.
 * Durations are milliseconds; `Infinity` is the text `forever`.
 */
import type { Address } from '../net/address.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';

export interface Config {
  readonly source: SourceConfig;
  readonly hold: number;
  readonly sync: { readonly timeout: number };
  readonly tables: readonly TableConfig[];
  readonly prefixLists: ReadonlyMap<string, PrefixListConfig>;
  readonly discovery: { readonly kubernetes: KubernetesConfig | undefined };
  readonly metrics: { readonly listen: ListenAddress | undefined };
  readonly admin: { readonly socket: string };
  readonly alerts: { readonly alertmanager: string | undefined };
  readonly log: { readonly level: LogLevel };
  /** Every file the configuration was read from, absolute: what a watcher watches. */
  readonly files: readonly string[];
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export type SourceConfig =
  | { readonly kind: 'gobgp'; readonly gobgp: GobgpConfig }
  | { readonly kind: 'bgp'; readonly bgp: BgpConfig }
  | { readonly kind: 'fpm'; readonly fpm: FpmConfig }
  | { readonly kind: 'file'; readonly file: { readonly path: string } };

/** How a gobgpd is reached. */
export interface GobgpApiConfig {
  /** `unix:///path` or `host:port`, as gRPC takes it. */
  readonly address: string;
  /** Absent: plaintext. `cert` and `key` come together and make it mutual. Paths of PEM files. */
  readonly tls:
    | {
        readonly ca: string | undefined;
        readonly cert: string | undefined;
        readonly key: string | undefined;
      }
    | undefined;
}

export interface GobgpConfig extends GobgpApiConfig {
  /** `best`: the best paths of each prefix, by gobgpd's own choice; `all`: every path. */
  readonly paths: 'best' | 'all';
}

/** Our own, receive-only side of BGP. */
export interface BgpConfig {
  /** Where peers may call; none: nobody may, every peer is called. */
  readonly listen: readonly ListenAddress[];
  readonly as: number;
  /** BGP identifier, unsigned 32 bits. */
  readonly routerId: number;
  readonly peers: readonly BgpPeerConfig[];
}

/** RFC 9234 4.1: what *we* are to the peer. */
export type BgpRole = 'provider' | 'rs' | 'rs-client' | 'customer' | 'peer';

export interface BgpPeerConfig {
  /** One neighbour, or every one that calls from a prefix, each a peer of its own. */
  readonly neighbour:
    | { readonly kind: 'address'; readonly address: Address }
    | { readonly kind: 'prefix'; readonly prefix: Prefix };
  /** Of a link-local address. */
  readonly interface: string | undefined;
  readonly as: number;
  /** Its BGP identifier, unsigned 32 bits: tells apart peers of one address. */
  readonly routerId: number | undefined;
  /** We call too; otherwise the peer does. */
  readonly connect: boolean;
  /** To call at. */
  readonly port: number;
  /** To call from. */
  readonly localAddress: Address | undefined;
  /** What its loss means: routes of a `neighbour` go, those of a `feed` are held. */
  readonly role: 'neighbour' | 'feed';
  /** RFC 2385. */
  readonly password: string | undefined;
  /** RFC 5082: routers between us and the peer, itself counted; 1 is on the same link. */
  readonly ttlSecurity: number | undefined;
  /** Milliseconds offered; 0: none. */
  readonly holdTime: number;
  readonly families: readonly Family[];
  /** RFC 7911: receive several paths of a prefix. */
  readonly addPath: boolean;
  readonly bgpRole: BgpRole | undefined;
  /** RFC 5065: of another member AS of the confederation that we are in. */
  readonly confederation: boolean;
  /** How often our AS number may be in a path of its; Infinity: it is not looked at. */
  readonly allowOwnAs: number;
  readonly gracefulRestart: GracefulRestartConfig;
}

/** Milliseconds; each bounds what the peer asks for. */
export interface GracefulRestartConfig {
  /** RFC 4724: from the loss to the new session. */
  readonly restartTime: number;
  /** From the new session to its End-of-RIB. */
  readonly staleTime: number;
  /** RFC 9494: beyond `restartTime`; 0: not offered. */
  readonly longLivedTime: number;
}

export interface FpmConfig {
  /** Where zebra connects to. */
  readonly listen: ListenAddress;
  /** Kernel numbers of the tables whose routes are taken, at least one; 254 is main. */
  readonly tables: readonly number[];
}

export interface TableConfig {
  readonly id: number;
  readonly name: string;
  readonly metric: number;
  readonly filters: readonly FilterRule[];
  readonly acceptDefault: boolean;
  readonly limits: readonly LimitConfig[];
  /** Most legs a route may have. */
  readonly multipath: number;
  readonly bestPath: BestPathConfig;
  readonly nextHop: NextHopConfig;
  readonly foreign: 'preserve' | 'evict' | 'fail';
  readonly static: readonly StaticRoute[];
  readonly onMiss: 'main' | 'unreachable';
  readonly keepInMain: readonly Prefix[];
  readonly rules: RulesConfig | undefined;
}

/** All given keys must match (AND); a rule without keys matches every path. */
export interface FilterRule {
  readonly action: 'permit' | 'deny';
  /** `filters[3]` or `filters.yaml[3]`: how verdicts and counters name the rule. */
  readonly id: string;
  /** The rule in the configuration's own words, for `explain`. */
  readonly text: string;
  readonly family: Family | undefined;
  /** `minLength` and `maxLength` are resolved: equal to the prefix's own without `ge` and `le`. */
  readonly prefix:
    | { readonly prefix: Prefix; readonly minLength: number; readonly maxLength: number }
    | undefined;
  readonly prefixList: string | undefined;
  readonly peer: string | undefined;
  readonly peerAs: number | undefined;
  readonly originAs: number | undefined;
  /** In the field's form, `_` included; already known to compile. */
  readonly asPath: string | undefined;
  /** `asn << 16 | value`, unsigned. */
  readonly community: number | undefined;
  readonly largeCommunity: string | undefined;
}

/** One entry of a prefix list with FRR's meaning; `ge`/`le` 0 where not given. */
export interface PrefixListEntry {
  readonly seq: number;
  readonly action: 'permit' | 'deny';
  readonly prefix: Prefix;
  readonly ge: number;
  readonly le: number;
}

/** IPv4 and IPv6 lists of one name are two lists, as in FRR; sorted by `seq`. */
export type PrefixListConfig = Readonly<Record<Family, readonly PrefixListEntry[]>>;

export type LimitAction = 'warn' | 'block' | 'freeze' | 'flush' | 'teardown';

export interface LimitConfig {
  /** Stable across restarts and independent of the order in the file: `fabric/10.9.0.2/ipv4`, `fabric/all/ipv4`. */
  readonly id: string;
  readonly peer: string | undefined;
  readonly family: Family;
  readonly max: number;
  readonly warnPercent: number;
  /** `received`: before the filters; `accepted`: after them. */
  readonly count: 'accepted' | 'received';
  readonly action: LimitAction;
  /** `teardown` only: when the session may come back; `Infinity` is never by itself. */
  readonly restartAfter: number;
}

/** RFC 4271 9.1.2's choices, where the source offers every path; named as FRR names them. */
export interface BestPathConfig {
  /** Paths through different ASes may be legs of one route. */
  readonly multipathRelax: boolean;
  /** Compare MED between paths of different neighbouring ASes too. */
  readonly alwaysCompareMed: boolean;
  /** Between external paths, keep the one heard first (RFC 5004). */
  readonly preferOldest: boolean;
}

export interface NextHopConfig {
  readonly resolve: 'recursive' | 'connected' | 'onlink';
  readonly viaDefault: boolean;
  /** Takes the place of every next hop of its own family. */
  readonly override: readonly Address[];
  readonly objects: 'auto' | 'always' | 'never';
}

export interface StaticRoute {
  readonly prefix: Prefix;
  /** May be empty where `discover` is given. */
  readonly via: readonly StaticLeg[];
  /** More legs are found: one for each BGPPeer of the node. */
  readonly discover: 'metallbPeers' | undefined;
}

export interface StaticLeg {
  readonly gateway: Address | undefined;
  readonly interface: string | undefined;
  readonly weight: number;
}

export interface RulesConfig {
  readonly priority: number;
  readonly from: readonly (
    | { readonly kind: 'prefix'; readonly prefix: Prefix }
    | { readonly kind: 'interface'; readonly interface: string }
  )[];
  readonly match: readonly RuleMatch[];
  readonly discover: readonly RuleDiscovery[];
}

/** The cluster that the node is in. */
export interface KubernetesConfig {
  /** Absolute path; absent: the pod's own service account. */
  readonly kubeconfig: string | undefined;
  /** Where the pod's environment says the API server is. */
  readonly inCluster: { readonly host: string; readonly port: number } | undefined;
  /** Absent: neither the file nor the environment names it, and a daemon does not start so. */
  readonly node: string | undefined;
  readonly protect: readonly ProtectedRange[];
  /** NodeRoutes and Events are written. */
  readonly status: boolean;
}

/** What of the cluster is never learned. */
export type ProtectedRange =
  | 'podCidrs'
  | 'podPools'
  | 'serviceCidrs'
  | 'nodeAddresses'
  | 'apiServer';

/** Where source prefixes of rules come from. All that an entry asks for must hold; an empty list asks for nothing. */
export type RuleDiscovery =
  | {
      readonly kind: 'ciliumPools';
      readonly selector: LabelSelector | undefined;
      readonly names: readonly string[];
    }
  | {
      readonly kind: 'metallbPools';
      readonly names: readonly string[];
      /** By a BGPAdvertisement, from this node. */
      readonly advertised: boolean;
    }
  | {
      readonly kind: 'services';
      readonly class: string | undefined;
      readonly selector: LabelSelector | undefined;
      readonly namespaces: readonly string[];
      readonly externalIPs: boolean;
    };

/** Kubernetes' LabelSelector: all of it must hold, so an empty one takes everything. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelRequirement[];
}

export type LabelRequirement =
  | {
      readonly key: string;
      readonly operator: 'In' | 'NotIn';
      readonly values: readonly string[];
    }
  | { readonly key: string; readonly operator: 'Exists' | 'DoesNotExist' };

/** One rule an entry, in both families unless `from`, `to` or `family` names one. */
export interface RuleMatch {
  readonly family: Family | undefined;
  readonly from: Prefix | undefined;
  readonly to: Prefix | undefined;
  readonly iif: string | undefined;
  readonly fwmark: { readonly value: number; readonly mask: number } | undefined;
}

/** One thing wrong with the configuration, at its place. Lines and columns count from 1. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** `tables[0].limits[1].max`; empty for the document itself. */
  readonly path: string;
  /** What is wrong, and what is allowed. */
  readonly message: string;
}
