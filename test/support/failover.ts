/** Any number of routes on one next hop, in a table on nexthop objects, and what happens to it. */
import type { Daemon } from './daemon.js';
import { StampedMonitor } from './stamped-monitor.js';
import { tableSize } from './table-size.js';
import { TwoFabrics } from './two-fabrics.js';
import { until } from './wait.js';

const TABLE = 100;
/** Behind either router: the main table says which. */
const NEXT_HOP = '10.77.0.1';
const WAYS = ['via 10.9.0.9 dev eth1', 'via 10.9.1.9 dev eth2'] as const;
/** For the feed, and for what takes long on a machine that does other things too. */
const DEADLINE_MS = 60_000;

export interface Moved {
  /** From the command that changes the main table to the kernel's word of the changed group. */
  readonly milliseconds: number;
  /** Netlink messages that rib2fib sent, each one operation. */
  readonly messages: number;
}

export class Failover implements AsyncDisposable {
  #way = 0;

  private constructor(
    private readonly lab: TwoFabrics,
    readonly daemon: Daemon,
    readonly routes: number,
  ) {}

  /** Resolves once all routes are in the kernel, out of eth1. */
  static async start(routes: number): Promise<Failover> {
    const lab = await TwoFabrics.create();
    await lab.node.ip('route', 'add', `${NEXT_HOP}/32`, ...WAYS[0].split(' '));
    await lab.feed(
      Array.from({ length: routes }, (_, i) => ({
        prefix: `${32 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`,
        nextHop: NEXT_HOP,
      })),
    );
    const daemon = await lab.daemon(
      { tables: [{ id: TABLE, filters: [{ permit: {} }], nextHop: { objects: 'always' } }] },
      { deadlineMs: DEADLINE_MS },
    );
    const failover = new Failover(lab, daemon, routes);
    await failover.complete();
    return failover;
  }

  /** Learned routes that the kernel has. */
  installed(): number {
    // Beside them the `throw` route of the one connected prefix in use.
    return Math.max(0, tableSize(this.daemon.pid, TABLE) - 1);
  }

  complete(): Promise<true> {
    return until(() => this.installed() === this.routes, {
      ...{ what: `${this.routes} routes in the kernel`, deadlineMs: DEADLINE_MS, everyMs: 5 },
    });
  }

  /** The main table reaches the next hop out of the other interface from now on. */
  async move(): Promise<Moved> {
    this.#way = 1 - this.#way;
    const way = WAYS[this.#way] ?? '';
    const before = await this.daemon.metric('kernel_operations_total');
    const { node } = this.lab;
    await using monitor = await StampedMonitor.start(node, 'nexthop');
    const started = performance.timeOrigin + performance.now();
    await node.ip('route', 'replace', `${NEXT_HOP}/32`, ...way.split(' '));
    const changed = await monitor.first(/^id \d+ group /, { deadlineMs: DEADLINE_MS });
    await until(
      async () => {
        const { tables, ready } = await this.daemon.status();
        return ready && tables[0]?.nextHops[0]?.resolved[0]?.startsWith(way);
      },
      { what: `rib2fib says ${way}` },
    );
    const messages = (await this.daemon.metric('kernel_operations_total')) - before;
    return { milliseconds: changed.at - started, messages };
  }

  /** Takes the link down until the kernel has no route left, and up again. Milliseconds from the latter to the last route. */
  async flap(): Promise<number> {
    const { node } = this.lab;
    const link = `eth${this.#way + 1}`;
    await node.ip('link', 'set', link, 'down');
    await until(() => this.installed() === 0, {
      ...{ what: 'all routes are gone', deadlineMs: DEADLINE_MS },
    });
    const started = performance.now();
    await node.ipBatch([`link set ${link} up`, `route replace ${NEXT_HOP}/32 ${WAYS[this.#way]}`]);
    await this.complete();
    return performance.now() - started;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }
}
