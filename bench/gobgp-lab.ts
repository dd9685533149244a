/** A router (the project's feeder), and a node with gobgpd 4.8 where rib2fib runs. */
import { type Feeder, startFeeder } from '../test/support/feeder.js';
import { type Gobgpd, startGobgpd } from '../test/support/gobgpd.js';
import { connect, createNetns, type Netns } from '../test/support/netns.js';
import { tableSize } from '../test/support/table-size.js';
import { until } from '../test/support/wait.js';

export const TABLE = 100;
export const NEXT_HOP = '10.9.0.2';

export interface Lab extends AsyncDisposable {
  readonly node: Netns;
  readonly gobgpd: Gobgpd;
  readonly feeder: Feeder;
  /** What rib2fib is run with. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Learned IPv4 routes in the kernel's table, as the kernel counts them. */
  installed(): number;
}

/** Resolves once gobgpd has `count` IPv4 routes. */
export async function setUpLab(count: number): Promise<Lab> {
  const fabric = await createNetns('fabric');
  const node = await createNetns('node');
  await connect(fabric, { name: 'f0', addresses: [`${NEXT_HOP}/24`] }, node, {
    name: 'eth1',
    addresses: ['10.9.0.1/24'],
  });
  const gobgpd = await startGobgpd({
    version: '4.8',
    netns: node,
    as: 65000,
    neighbors: [{ address: NEXT_HOP, as: 65001 }],
  });
  const feeder = await startFeeder({
    netns: fabric,
    localAddress: NEXT_HOP,
    peerAddress: '10.9.0.1',
    localAs: 65001,
    peerAs: 65000,
  });
  await feeder.announceGenerated(count, { family: 'ipv4', nextHops: [NEXT_HOP] });
  await until(async () => (await gobgpd.ribSize('ipv4')) === count, {
    what: `gobgpd has ${count} routes`,
    deadlineMs: 120_000,
    everyMs: 200,
  });
  return {
    node,
    gobgpd,
    feeder,
    config: {
      source: { gobgp: { address: gobgpd.address } },
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
    // All but the `throw` route of the connected prefix.
    installed: () => Math.max(0, tableSize(gobgpd.pid, TABLE) - 1),
    async [Symbol.asyncDispose]() {
      await feeder[Symbol.asyncDispose]();
      await gobgpd[Symbol.asyncDispose]();
      await node[Symbol.asyncDispose]();
      await fabric[Symbol.asyncDispose]();
    },
  };
}
