/**
 * What a cluster has told of itself: the port between discovery and the flow. Whole and typed: one
 * immutable value, which the engine takes in the place of the one before. Pure.
 */
import type { StaticLeg } from '../config/config.js';
import type { Address } from '../net/address.js';
import type { Prefix } from '../net/prefix.js';

/** Whole: what it lacks is not there, as far as it is `settled`. */
export interface Discovered {
  /** By table id; of every table that asks for anything. */
  readonly tables: ReadonlyMap<number, DiscoveredTable>;
  /** The cluster's own ranges, which no table learns; none twice. */
  readonly kept: readonly KeptRange[];
  /** All that `kept` is made of has been listed whole once, or cannot be had: see {@link DiscoveredTable.settled}. */
  readonly keptSettled: boolean;
}

/** What was found for one table. */
export interface DiscoveredTable {
  /**
   * Every resource that the table asks for has been listed whole once since the start, or is refused
   * or absent. Until then what it had before may not be taken away.
   */
  readonly settled: boolean;
  /** Source prefixes of its rules, beside those configured; none twice. */
  readonly from: readonly Prefix[];
  /** What was found and is none of `from`, in their order. */
  readonly leftOut: readonly LeftOut[];
  /** Which object a prefix of `from` or `endpoints` comes from, for people, by `Prefix.key`. */
  readonly origins: ReadonlyMap<string, string>;
  /** Host prefixes of this node's endpoints of the services that the table is for; where `returnPath` asks for them. */
  readonly endpoints: readonly Prefix[];
  /** Of `static` routes with `discover`: each for the routes of its gateway's own family. */
  readonly gateways: readonly StaticLeg[];
}

/**
 * A source prefix that contains an address of this node: a rule from it would take what the node itself
 * sends, sessions of its administrators among it.
 */
export interface LeftOut {
  readonly prefix: Prefix;
  /** As `origins` has it. */
  readonly origin: string;
  /** The node's address. */
  readonly address: Address;
}

/** What of a cluster a range is. */
export const KEPT_KINDS = [
  'pod-cidr',
  'service-cidr',
  'node-address',
  'api-server',
  'pod-pool',
] as const;

export type KeptKind = (typeof KEPT_KINDS)[number];

export interface KeptRange {
  readonly prefix: Prefix;
  readonly what: KeptKind;
  /** Of the object it comes from: a node, a pool, a service. */
  readonly name: string;
}

/** `pod CIDR of node-a`. */
export function keptText({ what, name }: KeptRange): string {
  return `${KEPT_WORDS[what]} ${name}`;
}

const KEPT_WORDS: Readonly<Record<KeptKind, string>> = {
  'pod-cidr': 'pod CIDR of',
  'service-cidr': 'service CIDR',
  'node-address': 'address of node',
  'api-server': 'address of the API server,',
  'pod-pool': 'pod pool',
};

/**
 * How a resource stands. `listing`: never listed whole yet. `stale`: it was, and the server does not
 * answer now; what was known stays. `refused`: the server forbids it. `absent`: the server knows no such kind.
 */
export const RESOURCE_STATES = ['listing', 'synced', 'stale', 'refused', 'absent'] as const;

export type ResourceState = (typeof RESOURCE_STATES)[number];

export interface ResourceStatus {
  /** As the API names it, with its group: `ciliumloadbalancerippools.cilium.io`. */
  readonly resource: string;
  readonly state: ResourceState;
  /** Epoch milliseconds, of the state. */
  readonly since: number;
  /** Objects that are of use here. */
  readonly objects: number;
  /** Objects that could not be understood; the last good form of each is used, where there was one. */
  readonly faulty: number;
  /** What went wrong last, while it does. */
  readonly lastError: string | undefined;
}

/** Of a table that nothing was found for, and nothing is awaited. */
export const NOTHING_FOUND: DiscoveredTable = {
  settled: true,
  from: [],
  leftOut: [],
  origins: new Map(),
  endpoints: [],
  gateways: [],
};
