/**
 * A made-up Internet table: six of ten IPv4 prefixes a /24, the rest shorter and
 * so covering others; about ten share one set of attributes; communities, large
 * communities and MEDs in the proportions of a transit session. The same numbers
 * give the same table anywhere. Pure.
 */

import type { Family } from '../src/net/family.js';
import type { FeedAttributes } from '../test/support/bgp-wire.js';
import { mulberry32 } from '../test/support/random.js';
import type { RouteSet } from '../test/support/routes.js';

export interface FullTableOptions {
  readonly family: Family;
  readonly nextHop: string;
}

/** What of a table has which length, in thousandths; the longest first. */
const LENGTHS: Readonly<Record<Family, readonly (readonly [number, number])[]>> = {
  ipv4: [
    ...([
      [24, 600],
      [23, 100],
      [22, 120],
      [21, 60],
      [20, 50],
    ] as const),
    ...([
      [19, 35],
      [18, 15],
      [17, 10],
      [16, 8],
      [15, 1],
      [14, 1],
    ] as const),
  ],
  ipv6: [
    ...([
      [48, 480],
      [47, 40],
      [46, 50],
      [45, 30],
      [44, 90],
    ] as const),
    ...([
      [40, 80],
      [36, 60],
      [34, 20],
      [33, 20],
      [32, 110],
      [29, 20],
    ] as const),
  ],
};
/** Where the prefixes lie: room for all lengths up to two million prefixes. */
const SPACE = { ipv4: { length: 3, first: 0x20000000 }, ipv6: { length: 12, first: 0x2a000000 } };
const LARGEST = 2_000_000;
const SEED = 20_260_101;
/** Strides of this part of a circle, made odd, meet every slot and leave no two neighbours together. */
const GOLDEN = 0.618_033_988_749_895;

/** The longest prefixes of a table: none lies within another. */
export const LONGEST: Readonly<Record<Family, number>> = { ipv4: 24, ipv6: 48 };

/**
 * `count` distinct prefixes in sets of 1 to 19, as one UPDATE carries a set.
 * @throws RangeError above two million
 */
export function fullTable(count: number, { family, nextHop }: FullTableOptions): RouteSet[] {
  if (count > LARGEST) throw new RangeError(`a table has at most ${LARGEST} prefixes`);
  const random = mulberry32(SEED);
  const next = prefixMaker(family, random);
  const sets: RouteSet[] = [];
  for (let left = count; left > 0; ) {
    const size = Math.min(left, 1 + Math.floor(random() * 19));
    const attributes = someAttributes(nextHop, random);
    sets.push({ attributes, prefixes: Array.from({ length: size }, next) });
    left -= size;
  }
  return sets;
}

/** Prefixes of the longest length, `most` at the most, evenly from the whole table: nothing longer lies in them. */
export function samplesOf(prefixes: readonly string[], family: Family, most: number): string[] {
  const longest = prefixes.filter((prefix) => prefix.endsWith(`/${LONGEST[family]}`));
  const step = Math.max(1, longest.length / most);
  // The last is always one: whoever writes in order is complete no sooner.
  return Array.from({ length: Math.min(most, longest.length) }, (_, i) => {
    const at = longest.length - 1 - Math.floor(i * step);
    return longest[at] ?? '';
  });
}

/** Each length walks its own slots in an order far from that of addresses, and meets each once. */
function prefixMaker(family: Family, random: () => number): () => string {
  const { first, length: spaceLength } = SPACE[family];
  const walks = LENGTHS[family].map(([length, share]) => {
    const bits = Math.min(length - spaceLength, 30);
    const stride = (Math.floor(GOLDEN * 2 ** bits) | 1) >>> 0;
    return { length, share, bits, stride, slot: Math.floor(random() * 2 ** bits) };
  });
  const text = family === 'ipv4' ? ipv4Text : ipv6Text;
  return () => {
    let chance = random() * 1000;
    const walk = walks.find(({ share }) => {
      chance -= share;
      return chance < 0;
    });
    if (walk === undefined) throw new Error('the shares of lengths do not make a thousand');
    walk.slot = (walk.slot + walk.stride) % 2 ** walk.bits;
    return text(first, walk.slot, walk.bits + spaceLength, walk.length);
  };
}

/** `slot` fills the bits up to `end`; what is beyond, up to the prefix's length, stays 0. */
function ipv4Text(first: number, slot: number, end: number, length: number): string {
  const word = first + slot * 2 ** (32 - end);
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}/${length}`;
}

function ipv6Text(first: number, slot: number, end: number, length: number): string {
  // 48 bits are exact in a double.
  const top = first * 2 ** 16 + slot * 2 ** (48 - end);
  const word = (shift: number) => (Math.floor(top / 2 ** shift) & 0xffff).toString(16);
  return `${`${word(32)}:${word(16)}:${word(0)}`.replace(/(:0)+$/, '')}::/${length}`;
}

function someAttributes(nextHop: string, random: () => number): FeedAttributes {
  const below = (limit: number) => Math.floor(random() * limit);
  const asn = () => (random() < 0.3 ? 131_072 + below(200_000) : 1_000 + below(60_000));
  const list = <T>(length: number, make: () => T) => Array.from({ length }, make);
  const communities = list(below(6), () => `${1_000 + below(60_000)}:${below(1_000)}`);
  return {
    nextHop,
    asPath: list(1 + below(5), asn),
    ...(communities.length === 0 ? {} : { communities }),
    ...(random() < 0.2 ? { largeCommunities: [`${asn()}:${below(100)}:${below(100)}`] } : {}),
    ...(random() < 0.3 ? { med: below(1_000) } : {}),
  };
}
