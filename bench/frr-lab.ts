/**
 * A node whose FRR has a full table from its router, and holds a place ready for
 * each of two listeners beside it, both shut down: rib2fib itself, and a gobgpd.
 */
import { readFileSync } from 'node:fs';
import { type Feeder, startFeeder } from '../test/support/feeder.js';
import { type Frr, startFrr } from '../test/support/frr.js';
import { connect, createNetns, type Netns } from '../test/support/netns.js';
import { tableSize } from '../test/support/table-size.js';
import { until } from '../test/support/wait.js';

const TABLE = 100;
const ROUTER = '10.9.0.2';
/** FRR's address: of its sessions to the router and to listeners on the node. */
export const FRR = '10.9.0.1';
export const NODE_AS = 65000;

/** Where FRR calls; one session each, internal, as `frr-examples/loopback-ibgp` has it. */
export const LISTENERS = {
  rib2fib: { address: '127.0.0.2', port: 1790 },
  gobgpd: { address: '127.0.0.3', port: 1790 },
} as const;
export type Listener = (typeof LISTENERS)[keyof typeof LISTENERS];

export interface FrrLab extends AsyncDisposable {
  readonly node: Netns;
  /** What rib2fib is run with, but for its source. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Takes the shutdown off the session to that listener; FRR calls about a second later. */
  open(listener: Listener): Promise<void>;
  /** Shuts it down; resolves once the connection has gone. */
  close(listener: Listener): Promise<void>;
  /** Whether a TCP connection to it stands, by the kernel's account. */
  connected(listener: Listener): boolean;
  /** Learned IPv4 routes in rib2fib's table, as the kernel counts them. */
  installed(): number;
}

/** Resolves once FRR has `count` IPv4 routes, and chosen them. */
export async function setUpFrrLab(count: number): Promise<FrrLab> {
  const kept: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(part: T): T => {
    kept.push(part);
    return part;
  };
  const dispose = async () => {
    for (const part of kept.reverse()) await part[Symbol.asyncDispose]();
  };
  try {
    const fabric = keep(await createNetns('fabric'));
    const node = keep(await createNetns('node'));
    await connect(fabric, { name: 'f0', addresses: [`${ROUTER}/24`] }, node, {
      name: 'eth1',
      addresses: [`${FRR}/24`],
    });
    // FRR's next-hop tracking finds a listener on loopback through it.
    await node.ip('route', 'add', 'default', 'via', ROUTER);
    const frr = keep(await startFrr({ version: '10.3', netns: node, config: CONFIG }));
    const feeder = keep(await startRouter(fabric));
    await feeder.announceGenerated(count, { family: 'ipv4', nextHops: [ROUTER] });
    await until(async () => (await chosen(frr)) === count, {
      what: `FRR has ${count} routes`,
      deadlineMs: 120_000,
      everyMs: 200,
    });
    const connected = (listener: Listener) => isConnected(frr.pid('bgpd'), listener);
    return {
      node,
      connected,
      config: {
        tables: [
          {
            id: TABLE,
            name: 'fabric',
            metric: 20,
            filters: [{ permit: { prefix: '0.0.0.0/0', ge: 8, le: 24 } }],
            rules: { priority: 10_000, from: ['203.0.113.0/24'] },
          },
        ],
      },
      open: ({ address }) => configure(frr, `no neighbor ${address} shutdown`),
      close: async (listener) => {
        await configure(frr, `neighbor ${listener.address} shutdown`);
        await until(() => !connected(listener), { what: 'FRR has hung up' });
      },
      // All but the `throw` route of the connected prefix.
      installed: () => Math.max(0, tableSize(frr.pid('bgpd'), TABLE) - 1),
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function startRouter(netns: Netns): Promise<Feeder> {
  return startFeeder({
    ...{ netns, localAddress: ROUTER, peerAddress: FRR },
    ...{ localAs: 65001, peerAs: NODE_AS },
  });
}

async function configure(frr: Frr, line: string): Promise<void> {
  await frr.vtysh('configure terminal', `router bgp ${NODE_AS}`, line);
}

/** Prefixes with a best path. */
async function chosen(frr: Frr): Promise<number> {
  type Statistics = { ipv4Unicast?: readonly { totalAdvertisements?: number }[] };
  const { ipv4Unicast } = await frr.vtyshJson<Statistics>('show bgp ipv4 unicast statistics json');
  return ipv4Unicast?.[0]?.totalAdvertisements ?? 0;
}

/** An established connection whose far end is the listener: of /proc/net/tcp in bgpd's namespace. */
function isConnected(pid: number, { address, port }: Listener): boolean {
  const octets = address
    .split('.')
    .reverse()
    .map((octet) => hexadecimal(Number(octet), 2));
  const remote = `${octets.join('')}:${hexadecimal(port, 4)}`;
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8').includes(` ${remote} ${ESTABLISHED} `);
}

const ESTABLISHED = '01';

function hexadecimal(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

const listener = ({ address, port }: Listener) => ` neighbor ${address} remote-as ${NODE_AS}
 neighbor ${address} port ${port}
 neighbor ${address} update-source eth1
 neighbor ${address} timers connect 1
 neighbor ${address} shutdown`;

const activated = ({ address }: Listener) => `  neighbor ${address} activate
  neighbor ${address} route-reflector-client
  neighbor ${address} route-map NOTHING in`;

/**
 * Nothing of BGP into the main table: rib2fib's is looked at. By default bgpd gathers
 * for a second before it says anything on a new session: left out, as it is the same
 * whoever listens.
 */
const CONFIG = `frr defaults traditional
hostname node
ip nht resolve-via-default
route-map NOTHING deny 10
exit
route-map ALL permit 10
exit
router bgp ${NODE_AS}
 bgp router-id ${FRR}
 no bgp default ipv4-unicast
 coalesce-time 0
 neighbor ${ROUTER} remote-as 65001
 neighbor ${ROUTER} passive
${Object.values(LISTENERS).map(listener).join('\n')}
 address-family ipv4 unicast
  table-map NOTHING
  neighbor ${ROUTER} activate
  neighbor ${ROUTER} route-map ALL in
  neighbor ${ROUTER} route-map NOTHING out
${Object.values(LISTENERS).map(activated).join('\n')}
 exit-address-family
exit
`;
