/**
 * What kube-proxy sets up in ipvs mode (pkg/proxy/ipvs): the service addresses on a dummy interface that is
 * never up, virtual servers that forward by masquerading, sysctls, sets of addresses, and iptables rules on those sets.
 */
import type { LoadBalanced } from './kube-proxy.js';
import type { Netns } from './netns.js';

const DEVICE = 'kube-ipvs0';

/** Sets up services of one family, beside those of the other. Takes CONFIG_IP_VS, ipvsadm(8) and ipset(8). */
export async function proxyByIpvs(
  netns: Netns,
  v6: boolean,
  services: readonly LoadBalanced[],
): Promise<void> {
  await netns.exec('modprobe', '--all', 'ip_vs', 'ip_vs_rr');
  await netns.sysctl('net/ipv4/vs/conntrack', 1);
  await netns.sysctl('net/ipv4/vs/expire_nodest_conn', 1);
  await netns.sysctl('net/ipv4/vs/expire_quiescent_template', 1);
  const links = await netns.ipJson<{ ifname: string }>('link', 'show');
  if (!links.some(({ ifname }) => ifname === DEVICE)) {
    await netns.ip('link', 'add', DEVICE, 'type', 'dummy');
  }
  const host = v6 ? 128 : 32;
  await netns.ipBatch(
    services.map(({ address }) => `address add ${address}/${host} dev ${DEVICE}`),
  );
  await netns.feed(['ipvsadm', '--restore'], virtualServers(v6, services));
  await netns.feed(['ipset', 'restore'], sets(v6, services));
  await netns.feed([`${v6 ? 'ip6tables' : 'iptables'}-nft-restore`, '--noflush'], rules(v6));
}

function virtualServers(v6: boolean, services: readonly LoadBalanced[]): string {
  const at = (address: string, port: number) => `${v6 ? `[${address}]` : address}:${port}`;
  const lines = services.flatMap(({ address, port, endpoint }) => {
    const server = `-t ${at(address, port)}`;
    const real = at(endpoint.address, endpoint.port);
    return [`-A ${server} -s rr`, `-a ${server} -r ${real} -m -w 1`];
  });
  return `${lines.join('\n')}\n`;
}

/** The names of IPv6 sets bear a 6. */
function setName(v6: boolean, name: string): string {
  return v6 ? `KUBE-6-${name}` : `KUBE-${name}`;
}

function sets(v6: boolean, services: readonly LoadBalanced[]): string {
  const balancers = setName(v6, 'LOAD-BALANCER');
  const local = setName(v6, 'LOAD-BALANCER-LOCAL');
  const hairpins = setName(v6, 'LOOP-BACK');
  const family = v6 ? 'inet6' : 'inet';
  const lines = [
    `create ${balancers} hash:ip,port family ${family}`,
    `create ${local} hash:ip,port family ${family}`,
    `create ${hairpins} hash:ip,port,ip family ${family}`,
  ];
  for (const { address, port, endpoint, policy } of services) {
    const to = `${endpoint.address},tcp:${endpoint.port},${endpoint.address}`;
    lines.push(`add ${balancers} ${address},tcp:${port}`, `add ${hairpins} ${to} -exist`);
    if (policy === 'Local') lines.push(`add ${local} ${address},tcp:${port}`);
  }
  return `${lines.join('\n')}\n`;
}

function rules(v6: boolean): string {
  const balancers = setName(v6, 'LOAD-BALANCER');
  return [
    '*nat',
    ':KUBE-SERVICES - [0:0]',
    ':KUBE-POSTROUTING - [0:0]',
    ':KUBE-LOAD-BALANCER - [0:0]',
    ':KUBE-MARK-MASQ - [0:0]',
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    `-A KUBE-SERVICES -m comment --comment "Kubernetes service lb portal" -m set --match-set ${balancers} dst,dst -j KUBE-LOAD-BALANCER`,
    `-A KUBE-SERVICES -m set --match-set ${balancers} dst,dst -j ACCEPT`,
    `-A KUBE-LOAD-BALANCER -m comment --comment "Kubernetes service load balancer ip + port with externalTrafficPolicy=local" -m set --match-set ${setName(v6, 'LOAD-BALANCER-LOCAL')} dst,dst -j RETURN`,
    '-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ',
    '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
    `-A KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set ${setName(v6, 'LOOP-BACK')} dst,dst,src -j MASQUERADE`,
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    'COMMIT',
    '',
  ].join('\n');
}
