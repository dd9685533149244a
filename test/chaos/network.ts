/**
 * Names and addresses of the chaos network:
 *
 * ```
 *               mgmt
 *                | eth0 192.0.2.10/24, default route
 * router a --- node --- router b
 *         eth1      eth2
 *   10.9.0.0/24      10.9.1.0/24
 * ```
 */
import type { Family } from '../../src/net/family.js';

export type SideName = 'a' | 'b';
export const SIDES: readonly SideName[] = ['a', 'b'];

type ByFamily = Readonly<Record<Family, string>>;

/** One fabric: the node's interface into it, and the router there. */
export interface Side {
  readonly port: string;
  readonly as: number;
  readonly node: ByFamily;
  readonly router: ByFamily;
  readonly length: Readonly<Record<Family, number>>;
}

export const NODE_AS = 65000;

export const SIDE: Readonly<Record<SideName, Side>> = {
  a: {
    port: 'eth1',
    as: 65001,
    node: { ipv4: '10.9.0.1', ipv6: '2001:db8:9::1' },
    router: { ipv4: '10.9.0.2', ipv6: '2001:db8:9::2' },
    length: { ipv4: 24, ipv6: 64 },
  },
  b: {
    port: 'eth2',
    as: 65002,
    node: { ipv4: '10.9.1.1', ipv6: '2001:db8:a::1' },
    router: { ipv4: '10.9.1.2', ipv6: '2001:db8:a::2' },
    length: { ipv4: 24, ipv6: 64 },
  },
};

/** A next hop behind the routers: table main knows through which of them. */
export const REMOTE: ByFamily = { ipv4: '172.16.0.9', ipv6: '2001:db8:16::9' };
export const REMOTE_NET: ByFamily = { ipv4: '172.16.0.0/24', ipv6: '2001:db8:16::/64' };

/** Where the node's default routes lead, and the static ones of every table. */
export const GATEWAY: ByFamily = { ipv4: '192.0.2.1', ipv6: '2001:db8:2::1' };
export const MANAGEMENT = 'eth0';

export type TableId = 100 | 101;
export const TABLES: readonly TableId[] = [100, 101];

/** Whose traffic each table carries. */
export const POOL: Readonly<Record<TableId, ByFamily>> = {
  100: { ipv4: '203.0.113.0/24', ipv6: '2001:db8:100::/56' },
  101: { ipv4: '198.51.100.0/24', ipv6: '2001:db8:101::/56' },
};

/** Addresses of the node within the pools. */
export const SERVICE: Readonly<Record<TableId, ByFamily>> = {
  100: { ipv4: '203.0.113.10', ipv6: '2001:db8:100::10' },
  101: { ipv4: '198.51.100.10', ipv6: '2001:db8:101::10' },
};

/** A destination that is announced throughout, and so must be reached throughout. */
export interface Destination {
  readonly prefix: string;
  /** Within the prefix. */
  readonly address: string;
  readonly family: Family;
  /** Who announces it; `remote`: router a, with next hop {@link REMOTE}. */
  readonly from: 'a' | 'b' | 'both' | 'remote';
}

export const DESTINATIONS: readonly Destination[] = (['a', 'b', 'both', 'remote'] as const).flatMap(
  (from, i): Destination[] => [
    { prefix: `10.1.${i}.0/24`, address: `10.1.${i}.1`, family: 'ipv4', from },
    {
      prefix: prefix6(0x1000, i),
      address: prefix6(0x1000, i).replace('/64', '1'),
      family: 'ipv6',
      from,
    },
  ],
);

/** What the filters deny while the configuration says so, what it may keep in main, and the rest. */
export const BLOCKS = {
  deniable: { ipv4: '10.2.0.0/16', ipv6: '2001:db8:2000::/48' },
  keepable: { ipv4: '10.3.0.0/16', ipv6: '2001:db8:3000::/48' },
  plain: { ipv4: '10.4.0.0/16', ipv6: '2001:db8:4000::/48' },
} as const satisfies Readonly<Record<string, ByFamily>>;

const PER_BLOCK = 12;

/** Prefixes that come and go. */
export const CHANGING: readonly string[] = Array.from({ length: PER_BLOCK }, (_, i) => i).flatMap(
  (i) => [2, 3, 4].flatMap((block) => [`10.${block}.${i}.0/24`, prefix6(block * 0x1000, i)]),
);

/** Somebody else has these in table 100, at metric 20. */
export const TAKEN: ByFamily = { ipv4: '10.4.11.0/24', ipv6: '2001:db8:4000:b::/64' };
export const TAKEN_METRIC = 20;

export function familyOf(text: string): Family {
  return text.includes(':') ? 'ipv6' : 'ipv4';
}

/** Subnet i of a /48, as the kernel writes it: without a word of zero. */
function prefix6(block: number, i: number): string {
  const word = block.toString(16);
  return i === 0 ? `2001:db8:${word}::/64` : `2001:db8:${word}:${i.toString(16)}::/64`;
}
