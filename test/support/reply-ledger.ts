/** Counters of our own in nftables sets: which replies reach a neighbour, and what the node's routing saw of them. */
import type { Netns } from './netns.js';

/** Packets by what they are counted by, since the call before; without those of which there were none. */
export type Ledger = () => Promise<ReadonlyMap<string, number>>;

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
export async function keepLedger(netns: Netns): Promise<Ledger> {
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
  return differences(() => listed(netns, 'ledger'));
}

/**
 * Counts replies to clients by the address that was asked and their source, with a space between, behind the routing
 * decision (ipvs has had its second by then), and ahead of the hook that undoes a DNAT.
 */
export async function watchRouting(node: Netns): Promise<Ledger> {
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
  return differences(() => listed(node, 'routed'));
}

function differences(totals: Ledger): Ledger {
  let before: ReadonlyMap<string, number> = new Map();
  return async () => {
    const [old, now] = [before, await totals()];
    before = now;
    return new Map(
      [...now]
        .map(([name, packets]) => [name, packets - (old.get(name) ?? 0)] as const)
        .filter(([, packets]) => packets > 0),
    );
  };
}

async function listed(netns: Netns, table: string): Promise<ReadonlyMap<string, number>> {
  const text = await netns.exec('nft', '-j', 'list', 'table', 'inet', table);
  const { nftables } = JSON.parse(text) as {
    nftables: { set?: { elem?: readonly Element[] } }[];
  };
  return new Map(
    nftables
      .flatMap(({ set }) => set?.elem ?? [])
      .map(({ elem: { val, counter } }) => [
        typeof val === 'string' ? val : val.concat.join(' '),
        counter.packets,
      ]),
  );
}
