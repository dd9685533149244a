/** Made-up full feeds: the same numbers give the same routes, anywhere. */

import type { Family } from '../../src/net/family.js';
import type { FeedAttributes } from './bgp-wire.js';
import { mulberry32 } from './random.js';

/** Prefixes of one family that share their attributes, as one UPDATE carries them. */
export interface RouteSet {
  readonly attributes: FeedAttributes;
  readonly prefixes: readonly string[];
}

export interface RouteOptions {
  readonly family: Family;
  /** Used in turn, one a set. */
  readonly nextHops: readonly string[];
  /** Default 1. */
  readonly seed?: number;
  /**
   * Where the prefixes lie. Default `32.0.0.0/3` (room for two million) or
   * `2a00::/12`; a space for IPv4 of at most /23, for IPv6 of at most /40 whole
   * hextets or nibbles.
   */
  readonly within?: string;
}

/**
 * `count` distinct prefixes, seven of ten as long as /24 (/48), the rest shorter
 * and so covering others; about ten share one set of attributes, as in the
 * Internet's table. Deterministic in its arguments.
 */
export function routes(count: number, options: RouteOptions): RouteSet[] {
  const random = mulberry32(options.seed ?? 1);
  const prefixes = distinctPrefixes(count, options, random);
  const sets: RouteSet[] = [];
  for (let at = 0; at < count; ) {
    const size = 1 + Math.floor(random() * 19);
    const nextHop = options.nextHops[sets.length % options.nextHops.length];
    if (nextHop === undefined) throw new Error('routes need a next hop');
    sets.push({
      attributes: someAttributes(nextHop, random),
      prefixes: prefixes.slice(at, at + size),
    });
    at += size;
  }
  return sets;
}

/** Every prefix of the sets, in order. */
export function prefixesOf(sets: readonly RouteSet[]): string[] {
  return sets.flatMap(({ prefixes }) => prefixes);
}

function distinctPrefixes(count: number, options: RouteOptions, random: () => number): string[] {
  const v4 = options.family === 'ipv4';
  const within = options.within ?? (v4 ? '32.0.0.0/3' : '2a00::/12');
  const [address = '', length = ''] = within.split('/');
  const longest = v4 ? 24 : 48;
  // IPv6 slots are at most 2^30 of the bits just above /48: more than any test asks for.
  const bits = Math.min(longest - Number(length), 30);
  const space = 2 ** bits;
  if (count > space * 0.9) throw new Error(`${within} has no room for ${count} prefixes`);
  // An odd multiplier permutes the slots: each is met once, far from the one before.
  const multiplier = (Math.floor(random() * space) | 1) >>> 0;
  const offset = Math.floor(random() * space);
  const base = v4 ? ipv4Base(address) : ipv6Base(address);
  const seen = new Set<string>();
  const found: string[] = [];
  for (let i = 0; i < count; i++) {
    const slot = ((Math.imul(i, multiplier) + offset) & (space - 1)) >>> 0;
    const shorter = random() < 0.7 ? 0 : 1 + Math.floor(random() * Math.min(4, bits));
    const covering = base(((slot >>> shorter) << shorter) >>> 0, longest - shorter);
    const prefix = shorter === 0 || seen.has(covering) ? base(slot, longest) : covering;
    if (shorter > 0) seen.add(covering);
    found.push(prefix);
  }
  return found;
}

function ipv4Base(address: string): (slot: number, length: number) => string {
  const [a = 0, b = 0, c = 0] = address.split('.').map(Number);
  const base = ((a << 16) | (b << 8) | c) >>> 0;
  return (slot, length) => {
    const word = base + slot;
    return `${word >>> 16}.${(word >>> 8) & 255}.${word & 255}.0/${length}`;
  };
}

function ipv6Base(address: string): (slot: number, length: number) => string {
  const [a = 0, b = 0, c = 0] = (address.split('::')[0] ?? '')
    .split(':')
    .map((word) => Number.parseInt(word, 16));
  return (slot, length) =>
    `${hex(a)}:${hex(b | (slot >>> 16))}:${hex(c | (slot & 0xffff))}::/${length}`;
}

function hex(value: number): string {
  return value.toString(16);
}

function someAttributes(nextHop: string, random: () => number): FeedAttributes {
  const number = (below: number) => Math.floor(random() * below);
  const asn = () => (random() < 0.3 ? 131072 + number(200_000) : 1000 + number(60_000));
  const list = <T>(length: number, make: () => T) => Array.from({ length }, make);
  const communities = list(number(4), () => `${1000 + number(60_000)}:${number(1000)}`);
  return {
    nextHop,
    asPath: list(1 + number(5), asn),
    ...(communities.length === 0 ? {} : { communities }),
    ...(random() < 0.2 ? { largeCommunities: [`${asn()}:${number(100)}:${number(100)}`] } : {}),
    ...(random() < 0.3 ? { med: number(1000) } : {}),
  };
}
