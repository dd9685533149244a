/** The kernel as iproute2 shows it: what rib2fib claims is held against this, never against its own view. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Family } from '../../src/net/family.js';
import { type NetlinkSocket, netlinkSockets } from './netlink-sockets.js';
import type { Netns } from './netns.js';
import { until } from './wait.js';

/** `ip -j -d route`, as far as tests look. */
export interface IpRoute {
  readonly type: string;
  /** As iproute2 prints it: `default`, and host routes without their length. */
  readonly dst: string;
  readonly gateway?: string;
  readonly via?: { readonly family: string; readonly host: string };
  readonly dev?: string;
  readonly table?: string;
  readonly protocol?: string;
  readonly metric?: number;
  readonly nhid?: number;
  readonly flags: readonly string[];
  readonly nexthops?: readonly IpLeg[];
}

export interface IpLeg {
  readonly gateway?: string;
  readonly via?: { readonly family: string; readonly host: string };
  readonly dev?: string;
  readonly weight?: number;
  readonly flags: readonly string[];
}

/** `ip -j -d rule`. */
export interface IpRule {
  readonly priority: number;
  readonly src: string;
  readonly srclen?: number;
  readonly dst?: string;
  readonly dstlen?: number;
  readonly iif?: string;
  readonly fwmark?: string;
  readonly fwmask?: string;
  readonly table: string;
  readonly protocol?: string;
}

/** `ip -j -d nexthop`. */
export interface IpNexthop {
  readonly id: number;
  readonly group?: readonly { readonly id: number; readonly weight?: number }[];
  readonly gateway?: string;
  readonly dev?: string;
  readonly protocol?: string;
  readonly flags: readonly string[];
}

/** Protocol number of everything rib2fib writes, as iproute2 prints it. */
export const OWN = '178';

/** Every route of a table, of one family or both, whoever made it. */
export async function kernelRoutes(
  netns: Netns,
  table: number,
  families: readonly Family[] = ['ipv4', 'ipv6'],
): Promise<readonly IpRoute[]> {
  const found: IpRoute[] = [];
  for (const family of families) {
    const flag = family === 'ipv4' ? '-4' : '-6';
    const shown = await netns
      .ipJson<IpRoute>(flag, 'route', 'show', 'table', String(table))
      .catch(emptyWithoutTable);
    for (const route of shown) found.push({ ...route, dst: withLength(route.dst, family) });
  }
  return found;
}

/**
 * rib2fib's unicast routes of a table as `prefix → legs`, the legs as `via 10.9.0.2 dev
 * eth1 weight 2` in sorted order: to be compared with the list a test fed. Nexthop
 * objects are resolved by the kernel's own dump.
 */
export async function ownRoutes(
  netns: Netns,
  table: number,
  families?: readonly Family[],
): Promise<Map<string, readonly string[]>> {
  const routes = await kernelRoutes(netns, table, families);
  return new Map(
    routes
      .filter(({ type, protocol }) => type === 'unicast' && protocol === OWN)
      .map((route) => [route.dst, (route.nexthops ?? [route]).map(legText).sort()]),
  );
}

/** Waits until {@link ownRoutes} are exactly these; says what differs if they never were. */
export async function ownRoutesBecome(
  netns: Netns,
  table: number,
  expected: Readonly<Record<string, readonly string[]>>,
  { what, deadlineMs = 5_000 }: { readonly what: string; readonly deadlineMs?: number },
): Promise<void> {
  const sorted = (legs: readonly string[] | undefined) => [...(legs ?? [])].sort().join(', ');
  const differences = async (): Promise<readonly string[]> => {
    const actual = await ownRoutes(netns, table);
    return [...new Set([...Object.keys(expected), ...actual.keys()])]
      .map((prefix) => [prefix, sorted(actual.get(prefix)), sorted(expected[prefix])] as const)
      .filter(([, is, wanted]) => is !== wanted)
      .map(([prefix, is, wanted]) => `${prefix} is [${is}], not [${wanted}]`);
  };
  let last: readonly string[] = [];
  await until(
    async () => {
      last = await differences();
      return last.length === 0;
    },
    { what, deadlineMs },
  ).catch((error: Error) => {
    throw new Error(`${error.message}\n${last.slice(0, 10).join('\n')}`);
  });
}

/** `priority: from … [to …] [iif …] [fwmark …] lookup …` of rib2fib's rules (or of all), sorted. */
export async function kernelRules(
  netns: Netns,
  whose: 'own' | 'all' = 'own',
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [flag, bits] of [
    ['-4', 32],
    ['-6', 128],
  ] as const) {
    for (const rule of await netns.ipJson<IpRule>(flag, 'rule', 'show')) {
      if (whose === 'own' && rule.protocol !== OWN) continue;
      const from = rule.src === 'all' ? 'all' : `${rule.src}/${rule.srclen ?? bits}`;
      const to = rule.dst === undefined ? '' : ` to ${rule.dst}/${rule.dstlen ?? bits}`;
      const iif = rule.iif === undefined ? '' : ` iif ${rule.iif}`;
      const mask = rule.fwmask === undefined ? '' : `/${rule.fwmask}`;
      const mark = rule.fwmark === undefined ? '' : ` fwmark ${rule.fwmark}${mask}`;
      found.push(`${rule.priority}: from ${from}${to}${iif}${mark} lookup ${rule.table} ${flag}`);
    }
  }
  return found.sort();
}

/** rib2fib's nexthop objects, or all. */
export async function kernelNexthops(
  netns: Netns,
  whose: 'own' | 'all' = 'own',
): Promise<readonly IpNexthop[]> {
  const found = await netns.ipJson<IpNexthop>('nexthop', 'show');
  return whose === 'all' ? found : found.filter(({ protocol }) => protocol === OWN);
}

/** All notifications about routes, rules and nexthop objects since it was started, as `ip monitor` prints them. */
export class KernelMonitor implements AsyncDisposable {
  readonly #lines: string[] = [];
  #marks = 0;

  private constructor(
    private readonly netns: Netns,
    private readonly child: ChildProcess,
  ) {
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('[')) this.#lines.push(line); // The rest is detail of the line before.
      });
    }
  }

  /** Resolves once the kernel has it on its multicast lists. */
  static async start(netns: Netns): Promise<KernelMonitor> {
    const watch = ['monitor', 'label', 'route', 'rule', 'nexthop'];
    const child = netns.spawn(['ip', '-rcvbuf', String(RECEIVE_BUFFER), '-o', '-d', ...watch], {
      // It looks up the nexthop objects that routes name, and complains of those that are gone by then.
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const monitor = new KernelMonitor(netns, child);
    await until(() => monitor.#socket()?.subscribed === true, {
      what: 'ip monitor has subscribed',
    });
    return monitor;
  }

  /** How many notifications have been read so far; more may be on their way. */
  get seen(): number {
    return this.#lines.length;
  }

  /**
   * The notifications so far, but for the kernel's own routes (`proto kernel`:
   * connected, link-local). Complete: a change made now for the purpose, in table
   * 4000000000, has been seen come back behind them. Rejects where the kernel had
   * to drop some.
   */
  async settled(): Promise<readonly string[]> {
    const mark = `198.18.${++this.#marks >> 8}.${this.#marks & 255}`;
    await this.netns.ipBatch([
      `route add unreachable ${mark}/32 table ${MARK_TABLE}`,
      `route del unreachable ${mark}/32 table ${MARK_TABLE}`,
    ]);
    await until(() => this.#lines.some((line) => line.includes(`Deleted unreachable ${mark} `)), {
      what: 'ip monitor has caught up',
    });
    const dropped = this.#socket()?.dropped;
    if (dropped !== 0) throw new Error(`ip monitor has lost ${dropped} notifications`);
    return this.#lines.filter((line) => !NOT_OF_INTEREST.test(line));
  }

  /** {@link settled}, only those about rib2fib's own objects. */
  async own(): Promise<readonly string[]> {
    return (await this.settled()).filter((line) => / proto(col)? 178\b/.test(line));
  }

  /** The one it listens on. */
  #socket(): NetlinkSocket | undefined {
    const { pid } = this.child;
    return pid === undefined ? undefined : netlinkSockets(pid).find((one) => one.subscribed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill();
    await exit;
  }
}

/** The kernel grants no more than net.core.rmem_max, which scripts/setup raises to this. */
const RECEIVE_BUFFER = 64 << 20;
const MARK_TABLE = 4_000_000_000;
const NOT_OF_INTEREST = new RegExp(` table ${MARK_TABLE} | proto kernel `);

/** The kernel makes a table with its first route. */
function emptyWithoutTable(error: Error): readonly IpRoute[] {
  if (/FIB table does not exist/.test(error.message)) return [];
  throw error;
}

/** `default`, and host routes, as prefixes. */
export function withLength(dst: string, family: Family): string {
  if (dst === 'default') return family === 'ipv4' ? '0.0.0.0/0' : '::/0';
  if (dst.includes('/')) return dst;
  return `${dst}/${family === 'ipv4' ? 32 : 128}`;
}

function legText({ gateway, via, dev, flags, weight }: IpLeg): string {
  const through = gateway ?? via?.host;
  return [
    ...(through === undefined ? [] : [`via ${through}`]),
    ...(dev === undefined ? [] : [`dev ${dev}`]),
    ...(weight === undefined || weight === 1 ? [] : [`weight ${weight}`]),
    ...(flags.includes('onlink') ? ['onlink'] : []),
  ].join(' ');
}
