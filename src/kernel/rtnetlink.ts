/**
 * The kernel over rtnetlink (rtnetlink(7)): the {@link Kernel} that runs. Works
 * on the network namespace of the process; writing takes CAP_NET_ADMIN there,
 * reading and notices take nothing.
 */
import type { Leg, Rule } from '../desired/route.js';
import type { InterfaceAddress, Link, UnderlayRoute } from '../desired/topology.js';
import { FAMILIES, type Family } from '../net/family.js';
import { RTM_NEWROUTE, TABLE_LOCAL, TABLE_MAIN } from '../netlink/route-message.js';
import {
  decodeAddress,
  decodeLink,
  encodeAddressDump,
  encodeLinkDump,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from './codec-link.js';
import {
  decodeNexthop,
  encodeNexthopDump,
  RTM_GETNEXTHOP,
  RTM_NEWNEXTHOP,
} from './codec-nexthop.js';
import {
  decodeForeignRoute,
  decodeRoute,
  decodeUnderlayRoute,
  encodeRouteDump,
  headerProtocol,
  headerTable,
  type RouteFilter,
  RTM_GETROUTE,
} from './codec-route.js';
import { decodeRule, encodeRuleDump, RTM_GETRULE, RTM_NEWRULE } from './codec-rule.js';
import { DumpClient, type DumpRequest } from './dump.js';
import { ipv6Enabled } from './ipv6-enabled.js';
import {
  type ExecuteResult,
  type Kernel,
  KernelError,
  type KernelNexthop,
  type KernelNotice,
  type KernelRoute,
  type KernelRule,
  type Operation,
  type OperationFailure,
  OWN_PROTOCOL,
} from './kernel.js';
import { Monitor } from './monitor.js';
import { planRuleDeletion } from './rule-delete.js';
import { WriteClient } from './write.js';

/** What the adapter says now and then; a pino logger will do. */
export interface RtnetlinkLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** @throws KernelError when the sockets cannot be had. */
export async function openRtnetlink(
  options: { readonly log?: RtnetlinkLog } = {},
): Promise<Kernel> {
  return new Rtnetlink(options.log);
}

class Rtnetlink implements Kernel {
  #monitor: Monitor | undefined;
  readonly #writes: WriteClient;
  readonly #dumps: DumpClient;
  readonly #malformed: (count: number) => void;

  constructor(log: RtnetlinkLog | undefined) {
    this.#malformed = (count) => log?.warn({ count }, 'netlink messages that did not decode');
    this.#writes = new WriteClient(this.#malformed);
    this.#dumps = new DumpClient(this.#malformed);
  }

  routes(table: number, oif?: number): Promise<KernelRoute[]> {
    const filter = oif === undefined ? { table } : { table, oif };
    return this.#routes(filter, (route) => route.table === table);
  }

  foreignRoutes(table: number): Promise<KernelRoute[]> {
    return this.#routes({ table }, (route) => route.table === table, decodeForeignRoute);
  }

  /**
   * One dump of all tables: the kernel filters by one table or one protocol, so that ours would
   * be read twice. What nobody asked for costs a look at its header.
   */
  async readRoutes(
    tables: ReadonlySet<number>,
    begin: (family: Family) => (route: KernelRoute) => void,
  ): Promise<void> {
    for (const family of FAMILIES) {
      const decode: DumpRequest<KernelRoute>['decode'] = (bytes, body, end) => {
        const table = headerTable(bytes, body);
        const own = headerProtocol(bytes, body) === OWN_PROTOCOL;
        if (!own && table !== undefined && !tables.has(table)) return undefined;
        const route = decodeRoute(bytes, body, end);
        if (route === undefined || route.prefix.family !== family) return undefined;
        return own || tables.has(route.table) ? route : undefined;
      };
      await this.#dumps.each(this.#routeRequest(family, {}, decode), () => begin(family));
    }
  }

  async rules(): Promise<KernelRule[]> {
    return (await Promise.all(FAMILIES.map((family) => this.#rules(family)))).flat();
  }

  async nexthops(): Promise<KernelNexthop[]> {
    try {
      return await this.#dumps.dump({
        op: 'nexthops',
        type: RTM_GETNEXTHOP,
        encode: encodeNexthopDump,
        answers: RTM_NEWNEXTHOP,
        decode: decodeNexthop,
      });
    } catch (error) {
      if (error instanceof KernelError && error.errno === 'EOPNOTSUPP') return [];
      throw error;
    }
  }

  links(): Promise<Link[]> {
    return this.#dumps.dump({
      op: 'links',
      type: RTM_GETLINK,
      encode: encodeLinkDump,
      answers: RTM_NEWLINK,
      decode: decodeLink,
    });
  }

  async addresses(): Promise<InterfaceAddress[]> {
    const dump = (family: Family) =>
      this.#dumps.dump({
        op: 'addresses',
        type: RTM_GETADDR,
        encode: (writer) => encodeAddressDump(writer, family),
        answers: RTM_NEWADDR,
        decode: (bytes, body, end) => {
          const address = decodeAddress(bytes, body, end);
          return address?.address.family === family ? address : undefined;
        },
      });
    return (await Promise.all(FAMILIES.map(dump))).flat();
  }

  async unicastRoutes(table: number, protocol: number): Promise<UnderlayRoute[]> {
    const routes = await this.#resolved([{ table, protocol }]);
    return routes.filter(({ type }) => type === 'unicast');
  }

  underlay(): Promise<UnderlayRoute[]> {
    return this.#resolved([{ table: TABLE_MAIN }, { table: TABLE_LOCAL }]);
  }

  async #resolved(
    filters: readonly { readonly table: number; readonly protocol?: number }[],
  ): Promise<UnderlayRoute[]> {
    const dump = (filter: (typeof filters)[number], family: Family) =>
      this.#routeDump(family, filter, (bytes, body, end) => {
        const route = decodeUnderlayRoute(bytes, body, end);
        const { table, protocol } = filter;
        return route?.table === table &&
          route.prefix.family === family &&
          (protocol === undefined || route.protocol === protocol)
          ? route
          : undefined;
      });
    const routes = await Promise.all(
      filters.flatMap((filter) => FAMILIES.map((family) => dump(filter, family))),
    );
    const all = routes.flat();
    if (all.every(({ nexthopId }) => nexthopId === undefined)) return all;
    const nexthops = new Map((await this.nexthops()).map((nexthop) => [nexthop.id, nexthop]));
    return all.map((route) =>
      route.nexthopId === undefined ? route : { ...route, legs: legsOf(route.nexthopId, nexthops) },
    );
  }

  async families(): Promise<readonly Family[]> {
    return ipv6Enabled() ? FAMILIES : ['ipv4'];
  }

  async execute(operations: readonly Operation[]): Promise<ExecuteResult> {
    const failures: OperationFailure[] = [];
    for (let at = 0; at < operations.length; ) {
      const operation = operations[at];
      if (operation?.op === 'rule-delete') {
        const failure = await this.#deleteRule(operation.rule);
        if (failure === 'lost') return { failures, unknownFrom: at };
        if (failure !== undefined) failures.push({ index: at, ...failure });
        at++;
        continue;
      }
      const next = operations.findIndex(({ op }, index) => index > at && op === 'rule-delete');
      const to = next < 0 ? operations.length : next;
      const known = await this.#writes.write(operations, at, to, failures);
      if (known < to) return { failures, unknownFrom: known };
      at = to;
    }
    return { failures, unknownFrom: operations.length };
  }

  notices(signal: AbortSignal): AsyncIterable<readonly KernelNotice[]> {
    this.#monitor = new Monitor(signal, [this.#writes.port], this.#malformed);
    return this.#monitor;
  }

  async heard(): Promise<void> {
    await this.#monitor?.heard();
  }

  async close(): Promise<void> {
    this.#writes.close();
    this.#dumps.close();
  }

  async #routes(
    filter: RouteFilter,
    wanted: (route: KernelRoute) => boolean,
    decode = decodeRoute,
  ): Promise<KernelRoute[]> {
    const dump = (family: Family) =>
      this.#routeDump(family, filter, (bytes, body, end) => {
        const route = decode(bytes, body, end);
        return route !== undefined && route.prefix.family === family && wanted(route)
          ? route
          : undefined;
      });
    const [ipv4, ipv6] = await Promise.all([dump('ipv4'), dump('ipv6')]);
    return ipv6.length === 0 ? ipv4 : ipv4.concat(ipv6);
  }

  /** A table that does not exist is an empty one, and nothing leads out of an interface that is gone. */
  async #routeDump<Item>(
    family: Family,
    filter: RouteFilter,
    decode: DumpRequest<Item>['decode'],
  ): Promise<Item[]> {
    try {
      return await this.#dumps.dump(this.#routeRequest(family, filter, decode));
    } catch (error) {
      if (error instanceof KernelError && ['ENOENT', 'ENODEV'].includes(error.errno)) return [];
      throw error;
    }
  }

  #routeRequest<Item>(
    family: Family,
    filter: RouteFilter,
    decode: DumpRequest<Item>['decode'],
  ): DumpRequest<Item> {
    return {
      op: 'routes',
      type: RTM_GETROUTE,
      encode: (writer) => encodeRouteDump(writer, family, filter),
      answers: RTM_NEWROUTE,
      decode,
    };
  }

  #rules(family: Family): Promise<KernelRule[]> {
    return this.#dumps.dump({
      op: 'rules',
      type: RTM_GETRULE,
      encode: (writer) => encodeRuleDump(writer, family),
      answers: RTM_NEWRULE,
      decode: (bytes, body, end) => {
        const rule = decodeRule(bytes, body, end);
        return rule?.family === family ? rule : undefined;
      },
    });
  }

  async #deleteRule(rule: Rule): Promise<Omit<OperationFailure, 'index'> | 'lost' | undefined> {
    const deletion = planRuleDeletion(rule, await this.#rules(rule.family));
    switch (deletion.plan) {
      case 'absent':
        return { errno: 'ENOENT', message: 'no such rule' };
      case 'blocked':
        return { errno: 'EBUSY', message: 'a rule with unknown selectors would go in its place' };
      case 'steps': {
        const { steps } = deletion;
        const failures: OperationFailure[] = [];
        const known = await this.#writes.write(steps, 0, steps.length, failures);
        return known < steps.length ? 'lost' : failures[0];
      }
    }
  }
}

/** The legs an object stands for, each with its weight in the group. */
function legsOf(id: number, nexthops: ReadonlyMap<number, KernelNexthop>): Leg[] {
  const nexthop = nexthops.get(id);
  if (nexthop === undefined) return [];
  if (nexthop.type === 'single') return [nexthop.leg];
  return nexthop.members.flatMap(({ id: member, weight }) =>
    legsOf(member, nexthops).map((leg) => ({ ...leg, weight })),
  );
}
