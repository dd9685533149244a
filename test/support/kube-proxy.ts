/**
 * What kube-proxy writes for LoadBalancer services, in iptables mode, nftables mode and ipvs mode: its chains,
 * their names and their order, so that what a reply meets on its way is what it meets on a node.
 */
import { proxyByIpvs } from './kube-proxy-ipvs.js';
import type { Netns } from './netns.js';

export type Backend = 'iptables-nft' | 'iptables-legacy' | 'nftables' | 'ipvs';

export interface LoadBalanced {
  readonly name: string;
  /** The service address; its family is that of the endpoint. */
  readonly address: string;
  readonly port: number;
  readonly endpoint: { readonly address: string; readonly port: number };
  /** externalTrafficPolicy: with Cluster what comes from outside is masqueraded. */
  readonly policy: 'Local' | 'Cluster';
}

/** Writes the rules for these services, all of one family and backend, beside what is there. */
export async function proxy(
  netns: Netns,
  backend: Backend,
  services: readonly LoadBalanced[],
): Promise<void> {
  const v6 = services[0]?.address.includes(':') === true;
  if (backend === 'nftables') {
    await netns.feed(['nft', '-f', '-'], nftables(v6, services));
    return;
  }
  if (backend === 'ipvs') {
    await proxyByIpvs(netns, v6, services);
    return;
  }
  const restore = `${v6 ? 'ip6tables' : 'iptables'}-${backend === 'iptables-nft' ? 'nft' : 'legacy'}-restore`;
  await netns.feed([restore, '--noflush'], iptables(v6, services));
}

function iptables(v6: boolean, services: readonly LoadBalanced[]): string {
  const host = v6 ? 128 : 32;
  const chains = services.flatMap(({ name }) =>
    ['EXT', 'SVC', 'SVL', 'SEP'].map((kind) => `:KUBE-${kind}-${name} - [0:0]`),
  );
  const rules = services.flatMap(({ name, address, port, endpoint, policy }) => {
    const to = v6
      ? `[${endpoint.address}]:${endpoint.port}`
      : `${endpoint.address}:${endpoint.port}`;
    const onward = policy === 'Local' ? `KUBE-SVL-${name}` : `KUBE-SVC-${name}`;
    return [
      `-A KUBE-SERVICES -d ${address}/${host} -p tcp -m comment --comment "test/${name} loadbalancer IP" -m tcp --dport ${port} -j KUBE-EXT-${name}`,
      policy === 'Cluster'
        ? `-A KUBE-EXT-${name} -m comment --comment "masquerade traffic for test/${name} external destinations" -j KUBE-MARK-MASQ`
        : `-A KUBE-EXT-${name} -m comment --comment "masquerade LOCAL traffic for test/${name} external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
      `-A KUBE-EXT-${name} -j ${onward}`,
      `-A ${onward} -m comment --comment "test/${name} -> ${endpoint.address}" -j KUBE-SEP-${name}`,
      `-A KUBE-SEP-${name} -s ${endpoint.address}/${host} -m comment --comment "test/${name}" -j KUBE-MARK-MASQ`,
      `-A KUBE-SEP-${name} -p tcp -m comment --comment "test/${name}" -m tcp -j DNAT --to-destination ${to}`,
    ];
  });
  return [
    '*nat',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-POSTROUTING - [0:0]',
    ':KUBE-MARK-MASQ - [0:0]',
    ...chains,
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    ...rules,
    'COMMIT',
    '',
  ].join('\n');
}

function nftables(v6: boolean, services: readonly LoadBalanced[]): string {
  const ip = v6 ? 'ip6' : 'ip';
  const elements = services.map(
    ({ name, address, port }) => `${address} . tcp . ${port} : goto external-${name}`,
  );
  const chains = services.map(({ name, endpoint, policy }) => {
    const to = v6
      ? `[${endpoint.address}]:${endpoint.port}`
      : `${endpoint.address}:${endpoint.port}`;
    const masquerade = policy === 'Cluster' ? 'jump mark-for-masquerade' : '';
    return `
  chain endpoint-${name} {
    ${ip} saddr ${endpoint.address} jump mark-for-masquerade
    meta l4proto tcp dnat to ${to}
  }
  chain service-${name} { numgen random mod 1 vmap { 0 : goto endpoint-${name} }; }
  chain external-${name} {
    ${masquerade}
    goto service-${name}
  }`;
  });
  return `
table ${ip} kube-proxy {
  chain mark-for-masquerade { mark set mark or 0x4000; }
  chain masquerading {
    mark and 0x4000 == 0 return
    mark set mark xor 0x4000
    masquerade fully-random
  }
  ${chains.join('\n')}
  map service-ips {
    type ${v6 ? 'ipv6' : 'ipv4'}_addr . inet_proto . inet_service : verdict
    elements = { ${elements.join(', ')} }
  }
  chain services { ${ip} daddr . meta l4proto . th dport vmap @service-ips; }
  chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
  chain nat-output { type nat hook output priority -100; policy accept; jump services; }
  chain nat-postrouting { type nat hook postrouting priority srcnat; policy accept; jump masquerading; }
}
`;
}
