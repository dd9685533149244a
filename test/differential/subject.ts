/**
 * rib2fib itself beside the daemon it is held against: the built daemon in the
 * same node, with the same peers over its own source `bgp`. For each way to
 * choose it keeps two tables in the kernel, one with all legs and one with the
 * best path alone. Routes name the BGP next hop itself (`resolve: onlink`).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { ownRoutes } from '../support/kernel-view.js';
import type { Netns } from '../support/netns.js';
import { until } from '../support/wait.js';
import type { Choice } from './comparison.js';
import type { Choices } from './model.js';
import { NODE_ADDRESS } from './network.js';
import { NODE_AS, PEERS } from './table.js';

/** Where it listens; the other daemon has 179. */
export const SUBJECT_PORT = 1790;
const FIRST_TABLE = 100;

export class Subject implements AsyncDisposable {
  private constructor(
    private readonly node: Netns,
    private readonly daemon: Daemon,
  ) {}

  /** Listens once this resolves; `runs` are the ways to choose, all kept at once. */
  static async start(node: Netns, runs: readonly Choices[]): Promise<Subject> {
    const peers = PEERS.map(({ address, as }) => ({ address, as }));
    const listen = `${NODE_ADDRESS}:${SUBJECT_PORT}`;
    const tables = runs.flatMap(({ multipath = 16, metrics: _, ...bestPath }, run) =>
      [multipath, 1].map((legs, i) => ({
        ...{ id: FIRST_TABLE + 2 * run + i, filters: [{ permit: {} }], bestPath },
        ...{ multipath: legs, nextHop: { resolve: 'onlink' } },
      })),
    );
    const daemon = await startDaemon({
      ...{ netns: node, until: 'admin' },
      config: { source: { bgp: { listen, as: NODE_AS, routerId: '10.255.0.250', peers } }, tables },
    });
    return new Subject(node, daemon);
  }

  /** Resolves once so many prefixes of a peer have come. */
  async heard(peer: number, prefixes: number): Promise<void> {
    const address = PEERS[peer]?.address;
    await until(
      async () => {
        const { peers } = (await this.daemon.status()).source;
        return peers.find((one) => one.peer === address)?.received.ipv4 === prefixes;
      },
      { what: `rib2fib has the ${prefixes} routes of ${address}`, deadlineMs: 60_000 },
    );
  }

  /** What the kernel has of one of the runs, read once it is at rest; prefixes without a route are absent. */
  async chosen(run: number): Promise<Map<string, Choice>> {
    const id = FIRST_TABLE + 2 * run;
    let last = '';
    let all = new Map<string, readonly string[]>();
    let bests = all;
    await until(
      async () => {
        const before = last;
        if (!(await this.daemon.status()).ready) return false;
        [all, bests] = await Promise.all([this.#routes(id), this.#routes(id + 1)]);
        last = JSON.stringify([...all, ...bests]);
        if (last !== before) await pause(500);
        return last === before;
      },
      { what: `tables ${id} and ${id + 1} are at rest`, deadlineMs: 120_000 },
    );
    return new Map(
      [...new Set([...all.keys(), ...bests.keys()])].map((prefix) => [
        prefix,
        { hop: bests.get(prefix)?.[0], legs: new Set(all.get(prefix)) },
      ]),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.daemon[Symbol.asyncDispose]();
  }

  async #routes(table: number): Promise<Map<string, readonly string[]>> {
    const routes = await ownRoutes(this.node, table, ['ipv4']);
    return new Map([...routes].map(([prefix, legs]) => [prefix, legs.map(gatewayOf)] as const));
  }
}

/** Of `via 10.20.0.3 dev eth1 onlink`. */
function gatewayOf(leg: string): string {
  const found = /^via (\S+) /.exec(leg)?.[1];
  if (found === undefined) throw new Error(`a leg without gateway: ${leg}`);
  return found;
}
