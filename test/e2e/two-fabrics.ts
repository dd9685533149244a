/** What most end-to-end tests stand on: a node with a management uplink and two fabrics. */
import { connect, createNetns, type Netns } from '../support/netns.js';

/** The routers' addresses, as routes name them as next hops. */
export const ROUTER1 = '10.9.0.2';
export const ROUTER2 = '10.9.1.2';
export const ROUTER1_V6 = '2001:db8:9::2';
export const ROUTER2_V6 = '2001:db8:a::2';
/** Where the node's default routes lead. */
export const GATEWAY = '192.0.2.1';
export const GATEWAY_V6 = '2001:db8:2::1';
/** An address of the node on `lo`, within {@link POOL}. */
export const SERVICE = '203.0.113.10';
export const SERVICE_V6 = '2001:db8:100::10';
export const POOL = '203.0.113.0/24';
export const POOL_V6 = '2001:db8:100::/56';

/**
 * ```
 *             mgmt
 *              | eth0 192.0.2.10/24, default route
 * router1 --- node --- router2
 *         eth1    eth2
 *  10.9.0.0/24    10.9.1.0/24
 * ```
 */
export interface TwoFabrics extends AsyncDisposable {
  readonly node: Netns;
  readonly mgmt: Netns;
  readonly router1: Netns;
  readonly router2: Netns;
}

export async function twoFabrics(): Promise<TwoFabrics> {
  const [node, mgmt, router1, router2] = await Promise.all([
    createNetns('node'),
    createNetns('mgmt'),
    createNetns('router1'),
    createNetns('router2'),
  ]);
  const cable = (name: string, nodeAddresses: string[], far: Netns, farAddresses: string[]) =>
    connect(node, { name, addresses: nodeAddresses }, far, { name: 'n0', addresses: farAddresses });
  await cable('eth0', ['192.0.2.10/24', '2001:db8:2::10/64'], mgmt, [
    `${GATEWAY}/24`,
    `${GATEWAY_V6}/64`,
  ]);
  await cable('eth1', ['10.9.0.1/24', '2001:db8:9::1/64'], router1, [
    `${ROUTER1}/24`,
    `${ROUTER1_V6}/64`,
  ]);
  await cable('eth2', ['10.9.1.1/24', '2001:db8:a::1/64'], router2, [
    `${ROUTER2}/24`,
    `${ROUTER2_V6}/64`,
  ]);
  await node.ipBatch([
    `address add ${SERVICE}/32 dev lo`,
    `address add ${SERVICE_V6}/128 dev lo`,
    `route add default via ${GATEWAY}`,
    `-6 route add default via ${GATEWAY_V6}`,
  ]);
  return {
    ...{ node, mgmt, router1, router2 },
    async [Symbol.asyncDispose]() {
      for (const netns of [node, mgmt, router1, router2]) await netns[Symbol.asyncDispose]();
    },
  };
}
