/** The node's links and addresses, how each is broken, and how the network's management puts it right. */
import { connect, type Netns } from '../support/netns.js';
import {
  GATEWAY,
  MANAGEMENT,
  REMOTE_NET,
  SERVICE,
  SIDE,
  SIDES,
  type SideName,
  TABLES,
} from './network.js';

const FAMILIES = ['ipv4', 'ipv6'] as const;
/** What an interface of a side is called while it is renamed. */
const RENAMED: Readonly<Record<SideName, string>> = { a: 'renamed-a', b: 'renamed-b' };

export class Fabric {
  /** Through which side table main knows the remote next hop. */
  remoteVia: SideName = 'a';

  constructor(
    readonly node: Netns,
    readonly mgmt: Netns,
    readonly routers: Readonly<Record<SideName, Netns>>,
  ) {}

  async create(): Promise<void> {
    // Addresses are the administrator's: a link that goes down takes none of them along.
    for (const where of ['all', 'default'])
      await this.node.sysctl(`net/ipv6/conf/${where}/keep_addr_on_down`, 1);
    await connect(
      this.node,
      { name: MANAGEMENT, addresses: ['192.0.2.10/24', '2001:db8:2::10/64'] },
      this.mgmt,
      { name: 'n0', addresses: [`${GATEWAY.ipv4}/24`, `${GATEWAY.ipv6}/64`] },
    );
    for (const side of SIDES) await this.cable(side);
    await this.node.ipBatch([
      ...TABLES.flatMap((table) => [
        `address add ${SERVICE[table].ipv4}/32 dev lo`,
        `address add ${SERVICE[table].ipv6}/128 dev lo`,
      ]),
      ...FAMILIES.map((family) => `route add default via ${GATEWAY[family]} proto static`),
    ]);
    await this.routeRemote(this.remoteVia);
  }

  async cable(side: SideName): Promise<void> {
    const { port, node, router, length } = SIDE[side];
    await connect(
      this.node,
      { name: port, addresses: FAMILIES.map((family) => `${node[family]}/${length[family]}`) },
      this.routers[side],
      { name: 'n0', addresses: FAMILIES.map((family) => `${router[family]}/${length[family]}`) },
    );
  }

  async uncable(side: SideName): Promise<void> {
    await this.node.ip('link', 'delete', SIDE[side].port);
  }

  async setLink(side: SideName, state: 'up' | 'down'): Promise<void> {
    await this.node.ip('link', 'set', SIDE[side].port, state);
  }

  /** The far end takes the carrier away. */
  async setCarrier(side: SideName, state: 'up' | 'down'): Promise<void> {
    await this.routers[side].ip('link', 'set', 'n0', state);
  }

  async rename(side: SideName, to: 'away' | 'back'): Promise<void> {
    const { port } = SIDE[side];
    const [from, name] = to === 'away' ? [port, RENAMED[side]] : [RENAMED[side], port];
    await this.node.ip('link', 'set', from, 'name', name);
  }

  async setAddresses(side: SideName, to: 'present' | 'absent'): Promise<void> {
    const { port, node, length } = SIDE[side];
    const verb = to === 'present' ? 'replace' : 'delete';
    await this.node.ipBatch(
      FAMILIES.map(
        (family) =>
          `address ${verb} ${node[family]}/${length[family]} dev ${port}${family === 'ipv6' ? ' nodad' : ''}`,
      ),
    );
  }

  /** A second address for the source rules to follow. */
  async setSecondAddress(side: SideName, to: 'present' | 'absent'): Promise<void> {
    const { port } = SIDE[side];
    const address = side === 'a' ? '10.9.0.99/24' : '10.9.1.99/24';
    await this.node.ip('address', to === 'present' ? 'replace' : 'delete', address, 'dev', port);
  }

  async routeRemote(via: SideName): Promise<void> {
    this.remoteVia = via;
    await this.node.ipBatch(
      FAMILIES.map(
        (family) =>
          `route replace ${REMOTE_NET[family]} via ${SIDE[via].router[family]} dev ${SIDE[via].port} proto static`,
      ),
    );
  }

  /** Puts back what a link took along that is not rib2fib's. */
  async restore(side: SideName): Promise<void> {
    await this.setAddresses(side, 'present');
    if (this.remoteVia === side) await this.routeRemote(side);
  }
}
