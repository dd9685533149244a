/**
 * Random tables for best path selection: what five peers say of the same
 * prefixes, made so that every step of the decision is reached. For each prefix
 * a step is drawn: what decides before it is alike in all paths, the rest is
 * drawn for each path.
 */

import type { FeedAttributes } from '../support/bgp-wire.js';
import type { Random } from '../support/random.js';

export const NODE_AS = 65000;

export interface Peer {
  readonly address: string;
  readonly as: number;
  readonly routerId: string;
}

/** Two of one AS, two with one router id, two internal ones. */
export const PEERS: readonly Peer[] = [
  { address: '10.9.0.2', as: 65001, routerId: '10.255.0.20' },
  { address: '10.9.0.3', as: 65001, routerId: '10.255.0.5' },
  { address: '10.9.0.4', as: 65002, routerId: '10.255.0.20' },
  { address: '10.9.0.5', as: NODE_AS, routerId: '10.255.0.9' },
  { address: '10.9.0.6', as: NODE_AS, routerId: '10.255.0.3' },
];

/** Prefixes of the main table, and their metric; next hops elsewhere are on-link, or have no way to them. */
export const UNDERLAY: ReadonlyMap<string, number> = new Map([
  ['10.20.0.0/16', 10],
  ['10.30.0.0/16', 20],
]);
/** What next hops without a way to them are in. */
export const NOWHERE = '10.66.0.0/16';

/** Metric of a next hop; `undefined` without a way to it. */
export function metricOf(nextHop: string): number | undefined {
  if (nextHop.startsWith('10.9.0.')) return 0;
  return UNDERLAY.get(`${nextHop.split('.').slice(0, 2).join('.')}.0.0/16`);
}

/** What one peer announces: `peer` is its number. */
export interface Announcement {
  readonly peer: number;
  readonly attributes: FeedAttributes;
}

export type RandomTable = ReadonlyMap<string, readonly Announcement[]>;

/** In the order they are taken; `tie` stands for all that breaks ties. */
const DRAWN = [
  'next-hop',
  'llgr-stale',
  'local-pref',
  'as-path-length',
  'origin',
  'med',
  'metric',
  'tie',
] as const;

export function randomTable(count: number, random: Random): RandomTable {
  const table = new Map<string, readonly Announcement[]>();
  for (let i = 0; i < count; i++) {
    const prefix = `${40 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`;
    let found = announcements(random);
    while (found.length === 0) found = announcements(random);
    table.set(prefix, found);
  }
  return table;
}

function announcements(random: Random): Announcement[] {
  // Ties break in several ways, so they are drawn more often.
  const from = Math.min(random.below(DRAWN.length + 3), DRAWN.length - 1);
  const differs = (what: (typeof DRAWN)[number]) => DRAWN.indexOf(what) >= from;
  const stale = differs('llgr-stale') && random.chance(0.3) ? random.below(PEERS.length) : -1;
  const alike = random.chance(0.5);
  const external = random.chance(0.7);
  const internal = !external || random.chance(0.6);
  return PEERS.flatMap(({ as }, peer) => {
    const inside = as === NODE_AS;
    if (!(inside ? internal : external) || random.chance(0.15)) return [];
    const originatorId = random.pick([undefined, '10.255.0.7', '10.255.0.7', '10.255.0.8']);
    const clusters = random.pick([1, 1, 2]);
    const attributes: FeedAttributes = {
      nextHop: nextHop(peer, random, differs),
      origin: differs('origin') ? random.pick(['igp', 'igp', 'egp', 'incomplete']) : 'igp',
      asPath: asPath(inside, random, differs('as-path-length'), alike),
      ...(stale === peer ? { communities: ['65535:6'] } : {}),
      ...optional('med', differs('med') ? random.pick([undefined, 0, 10, 20]) : undefined),
      ...(inside && differs('local-pref') ? { localPref: random.pick([100, 100, 50, 200]) } : {}),
      ...(inside && originatorId !== undefined
        ? { originatorId, clusterList: ['10.254.0.1', '10.254.0.2'].slice(0, clusters) }
        : {}),
    };
    return [{ peer, attributes }];
  });
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: V });
}

function nextHop(
  peer: number,
  random: Random,
  differs: (what: (typeof DRAWN)[number]) => boolean,
): string {
  const host = random.chance(0.15) ? 1 : peer + 2;
  if (differs('next-hop') && random.chance(0.15)) return `10.66.0.${host}`;
  if (differs('metric')) return random.pick([`10.20.0.${host}`, `10.30.0.${host}`, onLink(peer)]);
  return random.chance(0.1) ? '10.9.0.99' : onLink(peer);
}

function onLink(peer: number): string {
  return PEERS[peer]?.address ?? '';
}

/** Behind the peer's own AS where it is external; `alike`: the same from everybody. */
function asPath(
  inside: boolean,
  random: Random,
  differs: boolean,
  alike: boolean,
): (number | readonly number[])[] {
  const beyond = random.chance(alike ? 0 : 0.5) ? 65011 : 65010;
  const first = inside ? [random.chance(0.3) ? 65002 : 65001] : [];
  if (!differs) return [...first, beyond];
  return random.pick<(number | readonly number[])[]>([
    [...first, beyond],
    [...first, beyond],
    [...first, beyond, beyond],
    [...first, [65020, 65021, 65022]],
    // A set in front: nobody knows the neighbouring AS.
    inside ? random.pick([[], [[65001, 65002]]]) : [...first, beyond],
  ]);
}
