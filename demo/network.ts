/** The demo's network: a node with three uplinks, what is at their far ends, and two clients. */
import { connect, createNetns, type Netns } from '../test/support/netns.js';

/** Address on the node that clients connect to; both fabrics carry it. */
export const SERVICE = '203.0.113.10';
export const SERVICE_POOL = '203.0.113.0/24';

export const PICTURE = `
                               mgmt        knows nothing of services
                                |
                                | mgmt0    192.0.2.10, default route
                                |
client1 --- router1 ------------+------------ router2 --- client2
            AS 65001   fabric1 node fabric2   AS 65002
198.51.100.10                AS 65000                198.51.100.140
                       service 203.0.113.10
`;

export interface Fabric {
  readonly router: Netns;
  readonly client: Netns;
  /** The router's address on the link to the node: its BGP address, and the next hop of its routes. */
  readonly routerAddress: string;
  readonly nodeAddress: string;
  readonly as: number;
  /** Where its clients live; announced by the router. */
  readonly clients: string;
  readonly clientAddress: string;
  /** The node's interface. */
  readonly uplink: string;
}

export interface Network extends AsyncDisposable {
  readonly node: Netns;
  readonly fabrics: readonly [Fabric, Fabric];
  /** Packets towards clients, counted where they leave: exact, as nothing else is sent there. */
  replies(): Promise<Replies>;
}

export interface Replies {
  /** Sent by the node out of mgmt0. */
  readonly mgmt: number;
  /** Handed to client 1 and 2 by their routers, which hear the node only over their fabric. */
  readonly fabric: readonly [number, number];
}

/** Lays all the cables; every table of the node is as a plain install leaves it. */
export async function buildNetwork(): Promise<Network> {
  const made: Netns[] = [];
  const make = async (label: string) => {
    const netns = await createNetns(label);
    made.push(netns);
    // IPv4 only, and silent: what the counters see is the conversation.
    await netns.sysctl('net/ipv6/conf/all/disable_ipv6', 1);
    await netns.sysctl('net/ipv6/conf/default/disable_ipv6', 1);
    return netns;
  };
  const dispose = async () => {
    for (const netns of made.reverse()) await netns[Symbol.asyncDispose]();
  };
  try {
    const node = await make('node');
    const mgmt = await make('mgmt');
    await connect(node, { name: 'mgmt0', addresses: ['192.0.2.10/24'] }, mgmt, {
      name: 'node0',
      addresses: ['192.0.2.1/24'],
    });
    await introduce(node, 'mgmt0', '192.0.2.10', mgmt, 'node0', '192.0.2.1');
    await node.ip('route', 'add', 'default', 'via', '192.0.2.1');
    await node.ip('address', 'add', `${SERVICE}/32`, 'dev', 'lo');
    // Loose reverse path filter, as every multi-homed node needs it.
    await node.sysctl('net/ipv4/conf/all/rp_filter', 2);
    // Anti-spoofing (BCP 38): a source that does not live on this network is dropped.
    await mgmt.sysctl('net/ipv4/ip_forward', 1);
    await mgmt.sysctl('net/ipv4/conf/all/rp_filter', 1);
    const fabrics = [await buildFabric(1, node, make), await buildFabric(2, node, make)] as const;
    return {
      node,
      fabrics,
      replies: () => countReplies(node, fabrics),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function buildFabric(
  number: 1 | 2,
  node: Netns,
  make: (label: string) => Promise<Netns>,
): Promise<Fabric> {
  const router = await make(`router${number}`);
  const client = await make(`client${number}`);
  const uplink = `fabric${number}`;
  const [routerAddress, nodeAddress] = [`10.9.${number}.2`, `10.9.${number}.1`];
  const [clients, gateway, clientAddress] =
    number === 1
      ? (['198.51.100.0/25', '198.51.100.1', '198.51.100.10'] as const)
      : (['198.51.100.128/25', '198.51.100.129', '198.51.100.140'] as const);
  await connect(node, { name: uplink, addresses: [`${nodeAddress}/24`] }, router, {
    name: 'node0',
    addresses: [`${routerAddress}/24`],
  });
  await connect(router, { name: 'clients0', addresses: [`${gateway}/25`] }, client, {
    name: 'eth0',
    addresses: [`${clientAddress}/25`],
  });
  await introduce(router, 'clients0', gateway, client, 'eth0', clientAddress);
  await router.sysctl('net/ipv4/ip_forward', 1);
  // gobgpd has no FIB: this is what a router makes of the node's announcement, or a static route.
  await router.ip('route', 'add', SERVICE_POOL, 'via', nodeAddress);
  await client.ip('route', 'add', 'default', 'via', gateway);
  const as = 65000 + number;
  return { router, client, routerAddress, nodeAddress, as, clients, clientAddress, uplink };
}

/** Permanent neighbour entries at both ends: no ARP among the packets counted. */
async function introduce(
  a: Netns,
  aPort: string,
  aAddress: string,
  b: Netns,
  bPort: string,
  bAddress: string,
): Promise<void> {
  const [aMac, bMac] = [await mac(a, aPort), await mac(b, bPort)];
  await a.ip('neigh', 'replace', bAddress, 'lladdr', bMac, 'dev', aPort);
  await b.ip('neigh', 'replace', aAddress, 'lladdr', aMac, 'dev', bPort);
}

async function mac(netns: Netns, port: string): Promise<string> {
  const [link] = await netns.ipJson<{ address: string }>('link', 'show', port);
  if (link === undefined) throw new Error(`no interface ${port}`);
  return link.address;
}

async function countReplies(node: Netns, [one, two]: readonly [Fabric, Fabric]): Promise<Replies> {
  return {
    mgmt: await sent(node, 'mgmt0'),
    fabric: [await sent(one.router, 'clients0'), await sent(two.router, 'clients0')],
  };
}

async function sent(netns: Netns, port: string): Promise<number> {
  const [link] = await netns.ipJson<{ stats64: { tx: { packets: number } } }>(
    ...['-s', 'link', 'show', port],
  );
  return link?.stats64.tx.packets ?? 0;
}
