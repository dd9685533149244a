/**
 * What two older agents do to the kernel, as `ip` commands, written down from their sources:
 * metallb-node-route-agent 0.4.13 (`agent.js`), and the Cilium secondary interface route manager
 * (`manage-routes.py`, over pyroute2, whose rules have the priority 32000 where none is given).
 */
export type Environment = Readonly<Record<string, string>>;

/** MetalLB's ConfigMap, or its objects, as far as the agent reads them. */
export interface MetallbObjects {
  readonly peers?: readonly { readonly 'peer-address': string }[];
  readonly 'address-pools'?: readonly {
    readonly protocol: string;
    readonly addresses: readonly string[];
  }[];
  readonly bgpPeers?: readonly {
    readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
    readonly spec: { readonly peerAddress: string };
  }[];
  readonly ipAddressPools?: readonly {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly addresses: readonly string[] };
  }[];
  readonly bgpAdvertisements?: readonly {
    readonly spec: { readonly ipAddressPools: readonly string[] };
  }[];
}

/** One reconciliation of metallb-node-route-agent, in an empty table. */
export function routeAgentCommands(
  environment: Environment,
  metallb: MetallbObjects,
): readonly string[] {
  const {
    TABLE_WEIGHT = '20',
    RULE_PRIORITY = '20',
    PEER_WEIGHT = '100',
    RULE_FWMARK,
    METALLB_USE_CRDS,
  } = environment;
  const { gateways, addresses } =
    METALLB_USE_CRDS === undefined ? ofConfigMap(metallb) : ofObjects(metallb);
  if (gateways.length === 0) return [];
  const nexthops = gateways.map((gateway) => `nexthop via ${gateway} weight ${PEER_WEIGHT}`);
  const mark = RULE_FWMARK === undefined ? '' : ` fwmark ${RULE_FWMARK}`;
  return [
    `ip route replace default table ${TABLE_WEIGHT} ${nexthops.join(' ')}`,
    ...addresses
      .flatMap((text) => (text.includes('-') ? cidrsOf(text) : [text]))
      .map(
        (cidr) => `ip rule add from ${cidr} table ${TABLE_WEIGHT} priority ${RULE_PRIORITY}${mark}`,
      ),
  ];
}

interface Inputs {
  readonly gateways: readonly string[];
  readonly addresses: readonly string[];
}

function ofConfigMap({ peers = [], 'address-pools': pools = [] }: MetallbObjects): Inputs {
  return {
    gateways: peers.map((peer) => peer['peer-address']),
    addresses: pools
      .filter(({ protocol }) => protocol === 'bgp')
      .flatMap(({ addresses }) => addresses),
  };
}

/** Of pools only those that an advertisement names; its node selectors are left out of account. */
function ofObjects({
  bgpPeers = [],
  ipAddressPools = [],
  bgpAdvertisements = [],
}: MetallbObjects): Inputs {
  const used = new Set(bgpAdvertisements.flatMap(({ spec }) => spec.ipAddressPools));
  const isEnabled = (labels: Readonly<Record<string, string>> = {}): boolean =>
    !['0', 'false', 'no'].includes(labels['metallb-nra/enabled'] ?? '');
  return {
    gateways: bgpPeers
      .filter(({ metadata }) => isEnabled(metadata.labels))
      .map(({ metadata, spec }) => metadata.labels?.['metallb-nra/address'] ?? spec.peerAddress),
    addresses: ipAddressPools
      .filter(({ metadata }) => used.has(metadata.name))
      .flatMap(({ spec }) => spec.addresses),
  };
}

/** `FIRST-LAST` of IPv4 as the fewest prefixes, in their order. */
function cidrsOf(range: string): readonly string[] {
  const [first = 0, last = 0] = range.split('-').map(numberOf);
  const cidrs: string[] = [];
  for (let at = first; at <= last; ) {
    let length = 32;
    for (let size = 2; at % size === 0 && at + size - 1 <= last; size *= 2) length--;
    cidrs.push(`${textOf(at)}/${length}`);
    at += 2 ** (32 - length);
  }
  return cidrs;
}

function numberOf(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** One round of the route manager, in an empty table; `address`: the first IPv4 one of its interface. */
export function routeManagerCommands(environment: Environment, address: string): readonly string[] {
  const { RT_NUMBER, SECONDARY_GW, BGP_SVC_SUBNETS } = environment;
  const sources = [`${address}/32`, ...(BGP_SVC_SUBNETS?.split(',') ?? [])];
  return [
    `ip route add default via ${SECONDARY_GW} table ${RT_NUMBER}`,
    ...sources.map((source) => `ip rule add from ${source} table ${RT_NUMBER} priority 32000`),
  ];
}
