/** The values the flow ends in: what is to be in the kernel, in the kernel's own terms. */
import type { Address } from '../net/address.js';
import type { Family } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';

/** rtm_protocol, FRA_PROTOCOL and nh_protocol of everything ours. */
export const OWN_PROTOCOL = 178;

/** One way out. `gateway` is `undefined` for an on-link destination. */
export interface Leg {
  readonly gateway: Address | undefined;
  /** Interface index. */
  readonly oif: number;
  /** RTNH_F_ONLINK: the gateway is not checked against connected prefixes. */
  readonly onlink: boolean;
  /** 1 to 256 (the kernel's rtnh_hops + 1). */
  readonly weight: number;
}

export type RouteTarget =
  | { readonly type: 'legs'; readonly legs: readonly Leg[] }
  /** A nexthop object (RTA_NH_ID), for us always a group. */
  | { readonly type: 'nexthop'; readonly id: number }
  /** RTN_THROW: ends the look-up in this table, goes on with the next rule. */
  | { readonly type: 'throw' }
  | { readonly type: 'unreachable' }
  /** What others write and we only read: blackhole, prohibit, local, encapsulated … */
  | { readonly type: 'other'; readonly kind: string };

export interface Route {
  readonly table: number;
  readonly prefix: Prefix;
  /** RTA_PRIORITY; for IPv6 never 0. */
  readonly metric: number;
  readonly target: RouteTarget;
}

/** A policy rule that looks a table up. */
export interface Rule {
  readonly family: Family;
  readonly priority: number;
  readonly table: number;
  readonly from: Prefix | undefined;
  readonly to: Prefix | undefined;
  readonly iif: string | undefined;
  readonly fwmark: { readonly value: number; readonly mask: number } | undefined;
}

/** A nexthop object; a group's members are ids of single ones. */
export type NexthopObject =
  | { readonly type: 'single'; readonly id: number; readonly family: Family; readonly leg: Leg }
  | {
      readonly type: 'group';
      readonly id: number;
      readonly members: readonly { readonly id: number; readonly weight: number }[];
    };

/** Equal legs give equal text: `10.9.0.2%4`, `10.9.0.2%4 onlink w2`. */
export function legKey(leg: Leg): string {
  const weight = leg.weight === 1 ? '' : ` w${leg.weight}`;
  return `${leg.gateway?.text ?? ''}%${leg.oif}${leg.onlink ? ' onlink' : ''}${weight}`;
}

/** Equal targets give equal text, whatever the order of their legs. */
export function targetKey(target: RouteTarget): string {
  switch (target.type) {
    case 'legs':
      return target.legs.length === 1 && target.legs[0] !== undefined
        ? legKey({ ...target.legs[0], weight: 1 })
        : target.legs.map(legKey).sort().join(',');
    case 'nexthop':
      return `nhid ${target.id}`;
    case 'other':
      return `other ${target.kind}`;
    default:
      return target.type;
  }
}

/** Equal rules give equal text. */
export function ruleKey(rule: Rule): string {
  const { family, priority, table, from, to, iif, fwmark } = rule;
  return `${family} ${priority} ${from ?? 'all'} ${to ?? 'all'} ${iif ?? ''} ${
    fwmark === undefined ? '' : `${fwmark.value}/${fwmark.mask}`
  } ${table}`;
}
