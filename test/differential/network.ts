/** A node with a daemon to be, and the peers of table.ts beside it, which announce one after the other. */
import { setTimeout as pause } from 'node:timers/promises';
import type { FeedAttributes } from '../support/bgp-wire.js';
import { connect, createNetns, type Netns } from '../support/netns.js';
import type { RouteSet } from '../support/routes.js';
import { Peers } from './peers.js';
import { NOWHERE, PEERS, type RandomTable, UNDERLAY } from './table.js';

export const NODE_ADDRESS = '10.9.0.1';
export const GATEWAY = '10.9.0.99';
/** GoBGP 4 tells ages in whole seconds. */
const APART_MS = 1100;

export class Network implements AsyncDisposable {
  #peers: Peers | undefined;

  private constructor(
    readonly node: Netns,
    readonly fabric: Netns,
  ) {}

  /** Without `metrics` there is a way to every next hop, and it costs nothing. */
  static async start({ metrics = true }: { metrics?: boolean } = {}): Promise<Network> {
    const fabric = await createNetns('fabric');
    const node = await createNetns('node');
    const addresses = [...PEERS.map(({ address }) => address), GATEWAY];
    await connect(
      fabric,
      { name: 'f0', addresses: addresses.map((address) => `${address}/24`) },
      node,
      { name: 'eth1', addresses: [`${NODE_ADDRESS}/24`] },
    );
    const ways = metrics ? UNDERLAY : [...UNDERLAY.keys(), NOWHERE].map((to) => [to, 0] as const);
    for (const [prefix, metric] of ways) {
      await node.ip('route', 'add', prefix, 'via', GATEWAY, 'metric', String(metric));
    }
    return new Network(node, fabric);
  }

  /** Once somebody listens at each of the ports. */
  async connect(ports: readonly number[]): Promise<void> {
    this.#peers = await Peers.start(this.fabric, NODE_ADDRESS, ports);
  }

  /**
   * Announces the table, peer by peer in the given order, each once `heard` has
   * resolved for the one before.
   */
  async announce(
    table: RandomTable,
    order: readonly number[],
    heard: (peer: number, prefixes: number) => Promise<void>,
  ): Promise<void> {
    for (const peer of order) {
      const sets = setsOf(table, peer);
      await this.#peers?.announce(peer, sets);
      await heard(
        peer,
        sets.reduce((sum, { prefixes }) => sum + prefixes.length, 0),
      );
      await pause(APART_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peers?.[Symbol.asyncDispose]();
    await this.node[Symbol.asyncDispose]();
    await this.fabric[Symbol.asyncDispose]();
  }
}

/** What one peer says, by attributes: as few UPDATEs as may be. */
function setsOf(table: RandomTable, peer: number): RouteSet[] {
  const sets = new Map<string, { attributes: FeedAttributes; prefixes: string[] }>();
  for (const [prefix, announcements] of table) {
    const attributes = announcements.find((one) => one.peer === peer)?.attributes;
    if (attributes === undefined) continue;
    const key = JSON.stringify(attributes);
    const set = sets.get(key) ?? { attributes, prefixes: [] };
    set.prefixes.push(prefix);
    sets.set(key, set);
  }
  return [...sets.values()];
}
