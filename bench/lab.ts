/**
 * ```
 *  fabric (the feeder) ==== node (the contestant)
 *                 eth1 10.9.0.0/24
 *                 eth2 10.9.1.0/24
 * ```
 * The fabric and its feeder stay; every trial gets a node of its own, with nothing
 * in it that another contestant has left.
 */
import type { Family } from '../src/net/family.js';
import { connect, createNetns, type Netns } from '../test/support/netns.js';
import { prefixesOf } from '../test/support/routes.js';
import { until } from '../test/support/wait.js';
import { BenchFeeder, type Feed } from './feeder.js';
import { fullTable, samplesOf } from './full-table.js';

export const NODE = '10.9.0.1';
export const NODE_AS = 65000;
export const ROUTER = '10.9.0.2';
export const ROUTER_AS = 65001;
export const ROUTER_V6 = '2001:db8:9::2';
/** On the same link as {@link ROUTER}; nobody is there, and nobody has to be. */
export const OTHER_NEXT_HOP = '10.9.0.3';
/** Packets with this mark are looked up in the contestant's table: that is how it is watched. */
export const MARK = 0x52;
const MARK_PRIORITY = 50;
const TABLE_MAIN = 254;
/** More say nothing more: the kernel's count has the last word. */
const SAMPLES = 1_000;

const LINKS = [
  { name: 'eth1', peer: 'f1', node: [`${NODE}/24`, '2001:db8:9::1/64'] },
  { name: 'eth2', peer: 'f2', node: ['10.9.1.1/24', '2001:db8:a::1/64'] },
] as const;
const FABRIC: Readonly<Record<string, readonly string[]>> = {
  f1: [`${ROUTER}/24`, `${ROUTER_V6}/64`],
  f2: ['10.9.1.2/24', '2001:db8:a::2/64'],
};

/** Where packets to an address of the fabric go: `via 10.9.0.2 dev eth1`. */
export const WAYS = [`via ${ROUTER} dev eth1`, 'via 10.9.1.2 dev eth2'] as const;

/** The next hop that feeds of a family have by default. */
export function nextHopOf(family: Family): string {
  return family === 'ipv4' ? ROUTER : ROUTER_V6;
}

export class BenchLab implements AsyncDisposable {
  private constructor(
    private readonly fabric: Netns,
    readonly feeder: BenchFeeder,
    /** Of all feeds, in the order in which they are announced. */
    readonly prefixes: readonly string[],
    /** Some of them, for {@link TableWatch}. */
    readonly samples: readonly string[],
  ) {}

  /** Resolves once the feeder has built its bytes. @param feeds of one family */
  static async create(...feeds: readonly [Feed, ...Feed[]]): Promise<BenchLab> {
    const fabric = await createNetns('fabric');
    const starting = BenchFeeder.start(fabric, {
      ...{ localAddress: ROUTER, peerAddress: NODE, localAs: ROUTER_AS, feeds },
    });
    const prefixes = feeds.flatMap((feed) => prefixesOf(fullTable(feed.count, feed)));
    const samples = samplesOf(prefixes, feeds[0].family, SAMPLES);
    return new BenchLab(fabric, await starting, prefixes, samples);
  }

  /** A namespace for one trial of a contestant that writes to `table`. Its links are up, its addresses settled. */
  async node(table: number): Promise<Netns & AsyncDisposable> {
    const node = await createNetns('node');
    for (const { name, peer, node: addresses } of LINKS) {
      const far = { name: peer, addresses: FABRIC[peer] ?? [] };
      await connect(node, { name, addresses }, this.fabric, far);
    }
    if (table !== TABLE_MAIN) {
      for (const family of ['-4', '-6']) {
        await node.ip(
          ...[family, 'rule', 'add', 'fwmark', String(MARK)],
          ...['lookup', String(table), 'priority', String(MARK_PRIORITY)],
        );
      }
    }
    await until(
      async () =>
        (await node.ipJson('-6', 'route', 'show', 'fe80::/64')).length === LINKS.length &&
        (await node.ipJson('-6', 'route', 'show', 'table', 'local', 'type', 'multicast')).length ===
          LINKS.length,
      { what: 'the links of the node are settled' },
    );
    const dispose = node[Symbol.asyncDispose].bind(node);
    return Object.assign(node, {
      async [Symbol.asyncDispose]() {
        // With its links go all routes, and at once: the kernel would take its time otherwise.
        for (const { name } of LINKS) await node.ip('link', 'delete', name);
        await dispose();
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.feeder[Symbol.asyncDispose]();
    await this.fabric[Symbol.asyncDispose]();
  }
}
