/** Counters of our own in nftables sets: which replies reach a neighbour, and what the node's routing saw of them. */
import type { Netns } from './netns.js';

interface Element {
  readonly elem: {
    readonly val: string | { readonly concat: readonly string[] };
    readonly counter: { readonly packets: number };
  };
}

const FAMILIES = [
  { ip: 'ip', clients: '198.51.100.0/22' },
  { ip: 'ip6', clients: '2001:db8:c0::/44' },
] as const;

/** Counts what comes in, by its source, before anything else looks at it. */
export async function keepLedger(netns: Netns): Promise<void> {
  const rules = FAMILIES.map(
    ({ ip }) => `iifname n0 meta l4proto tcp add @seen_${ip} { ${ip} saddr };`,
  );
  await netns.exec(
    'nft',
    `table inet ledger {
      set seen_ip { type ipv4_addr; flags dynamic; counter; size 1000; }
      set seen_ip6 { type ipv6_addr; flags dynamic; counter; size 1000; }
      chain in { type filter hook prerouting priority raw; ${rules.join(' ')} }
    }`,
  );
}

/** Packets by source since the last call. */
export function readLedger(netns: Netns): Promise<ReadonlyMap<string, number>> {
  return taken(netns, 'ledger');
}

/**
 * Notes replies to clients behind the routing decision (ipvs has had its second by then), and ahead of the
 * hook that undoes a DNAT; a connection keeps what it was made for.
 */
export async function watchRouting(node: Netns): Promise<void> {
  const notes = FAMILIES.map(
    ({ ip, clients }) =>
      `ct direction reply ${ip} daddr ${clients} add @seen_${ip} { ct original ${ip} daddr . ${ip} saddr };`,
  ).join(' ');
  await node.exec(
    'nft',
    `table inet routed {
      set seen_ip { type ipv4_addr . ipv4_addr; flags dynamic; counter; size 1000; }
      set seen_ip6 { type ipv6_addr . ipv6_addr; flags dynamic; counter; size 1000; }
      chain forwarded { type filter hook forward priority 300; ${notes} }
      chain sent { type filter hook output priority 300; ${notes} }
    }`,
  );
}

/** By service address, the source that its replies to clients bore when they were routed, since the last call. */
export async function readRouting(node: Netns): Promise<ReadonlyMap<string, string>> {
  const pairs = await taken(node, 'routed');
  return new Map([...pairs.keys()].map((pair) => pair.split(' ') as [string, string]));
}

async function taken(netns: Netns, table: string): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const text = await netns.exec('nft', '-j', 'list', 'table', 'inet', table);
  const { nftables } = JSON.parse(text) as {
    nftables: { set?: { elem?: readonly Element[] } }[];
  };
  for (const { set } of nftables) {
    for (const { elem } of set?.elem ?? []) {
      const { val, counter } = elem;
      found.set(typeof val === 'string' ? val : val.concat.join(' '), counter.packets);
    }
  }
  const flush = FAMILIES.map(({ ip }) => `flush set inet ${table} seen_${ip};`);
  await netns.exec('nft', flush.join(' '));
  return found;
}
