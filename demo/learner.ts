/** The ways in which the demo's node hears its routers, and what each changes in the story. */
import { startGobgpd } from '../test/support/gobgpd.js';
import type { Netns } from '../test/support/netns.js';
import { type Fabric, SERVICE, SERVICE_POOL } from './network.js';
import { NODE_AS } from './router.js';

export interface Learner extends AsyncDisposable {
  /** Lines of prose: what runs on the node before rib2fib does. */
  readonly setting: string;
  /** Title of the chapter in which rib2fib starts. */
  readonly start: string;
  /** `source` of rib2fib.yaml, without a line end. */
  readonly source: string;
}

/** Each resolves once the node is as it is before rib2fib starts; dispose it before the namespaces. */
export const LEARNERS = { gobgp: besideGobgpd, bgp: byItself } as const satisfies Readonly<
  Record<string, (node: Netns, fabrics: readonly Fabric[]) => Promise<Learner>>
>;

export type SourceName = keyof typeof LEARNERS;

/** The node's own gobgpd: what a load balancer's speaker is on a real node. */
async function besideGobgpd(node: Netns, fabrics: readonly Fabric[]): Promise<Learner> {
  const daemon = await startGobgpd({
    version: '4.8',
    netns: node,
    as: NODE_AS,
    routerId: '192.0.2.10',
    neighbors: fabrics.map(({ routerAddress, nodeAddress, as }) => ({
      address: routerAddress,
      as,
      localAddress: nodeAddress,
      passive: false,
      families: ['ipv4'],
    })),
  });
  await daemon.cli('global', 'rib', 'add', SERVICE_POOL, '-a', 'ipv4');
  await daemon.established();
  return {
    setting: `
      The node runs a gobgpd too, which announces the service's pool ${SERVICE_POOL}; a TCP
      service listens on ${SERVICE}. gobgpd writes nothing into the kernel: the node knows its
      default route only.`,
    start: 'rib2fib starts beside gobgpd',
    source: `source:\n  gobgp: { address: "${daemon.address}" }`,
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

/** Nothing: rib2fib calls the routers. It announces nothing, so the way to the pool is configured there. */
async function byItself(_node: Netns, fabrics: readonly Fabric[]): Promise<Learner> {
  const peers = fabrics.map(
    ({ routerAddress, as }) => `      - { address: ${routerAddress}, as: ${as}, connect: true }`,
  );
  return {
    setting: `
      Nothing on the node speaks BGP: the routers have a static route to the service's pool
      ${SERVICE_POOL}. A TCP service listens on ${SERVICE}. The node knows its default route
      only.`,
    start: 'rib2fib starts, with BGP sessions of its own to the routers',
    source: [
      'source:',
      '  bgp:',
      '    listen: off                                    # it calls the routers',
      `    as: ${NODE_AS}`,
      '    routerId: 192.0.2.10',
      '    peers:',
      ...peers,
    ].join('\n'),
    [Symbol.asyncDispose]: async () => {},
  };
}
