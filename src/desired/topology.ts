/**
 * What next-hop resolution knows of the node: links, addresses, and the main
 * and local tables. Read from the kernel, replaced whole, never changed.
 */
import type { Address } from '../net/address.js';
import type { Prefix } from '../net/prefix.js';
import type { Leg } from './route.js';

export interface Link {
  readonly index: number;
  readonly name: string;
  /** IFF_UP, set by the administrator. */
  readonly up: boolean;
  /** IFF_LOWER_UP: the far end is there. */
  readonly carrier: boolean;
}

export interface InterfaceAddress {
  readonly index: number;
  /** The address itself, with the length of its connected prefix. */
  readonly address: Address;
  readonly length: number;
  readonly scope: 'global' | 'link' | 'host' | 'other';
  /** Duplicate address detection (RFC 4862 5.4) still runs, or has failed: not in use. */
  readonly tentative: boolean;
  /** Not tentative, and not deprecated. */
  readonly settled: boolean;
}

/** A route of the main (254) or local (255) table that a next hop may resolve over. */
export interface UnderlayRoute {
  readonly table: number;
  readonly prefix: Prefix;
  readonly metric: number;
  readonly type: 'unicast' | 'local' | 'other';
  readonly legs: readonly Leg[];
  /** RTNH_F_DEAD or RTNH_F_LINKDOWN on every leg. */
  readonly dead: boolean;
}
