/**
 * What a kernel in memory holds, and what it refuses, with the errno of Linux.
 * Throws on what nobody may ask of it: to touch what is not ours, to write into
 * a table of the kernel's own, to write what the kernel would not keep.
 */
import {
  type Leg,
  type NexthopObject,
  type Route,
  type Rule,
  ruleKey,
} from '../../src/desired/route.js';
import type { InterfaceAddress, Link, UnderlayRoute } from '../../src/desired/topology.js';
import {
  type KernelNexthop,
  type KernelRoute,
  type KernelRule,
  NEXTHOP_ID_BASE,
  NEXTHOP_ID_LAST,
  type Operation,
  OWN_PROTOCOL,
} from '../../src/kernel/kernel.js';

/** The kernel's own tables, and the unspecified one. */
const FORBIDDEN_TABLES = [0, 253, 254, 255];

export class KernelState {
  /** By {@link slotOf}. */
  readonly routes = new Map<string, KernelRoute>();
  readonly rules: KernelRule[] = [];
  readonly nexthops = new Map<number, KernelNexthop>();
  readonly links = new Map<string, Link>();
  addresses: InterfaceAddress[] = [];
  /** Tables main and local. */
  main: UnderlayRoute[] = [];

  /** The errno, where it is refused. */
  do(operation: Operation, text: string): string | undefined {
    switch (operation.op) {
      case 'route-add':
      case 'route-replace':
        return this.#writeRoute(operation.route, operation.op === 'route-replace', text);
      case 'route-delete': {
        const standing = this.routes.get(slotOf(operation.route));
        if (standing?.protocol !== OWN_PROTOCOL) return 'ESRCH';
        this.routes.delete(slotOf(standing));
        return undefined;
      }
      case 'foreign-route-delete': {
        const { route } = operation;
        if (route.protocol === OWN_PROTOCOL) throw new Error(`not foreign: ${text}`);
        if (this.routes.get(slotOf(route))?.protocol !== route.protocol) return 'ESRCH';
        this.routes.delete(slotOf(route));
        return undefined;
      }
      case 'rule-add': {
        const rule = { ...operation.rule, ...OURS };
        if (this.rules.some((other) => sameRule(other, rule))) return 'EEXIST';
        if (isEverything(rule.from) || isEverything(rule.to))
          throw new Error(`the kernel keeps no /0: ${text}`);
        this.rules.push(rule);
        return undefined;
      }
      case 'rule-delete':
        return this.removeRule({ ...operation.rule, ...OURS }) ? undefined : 'ENOENT';
      case 'nexthop-add':
      case 'nexthop-replace':
        return this.#writeNexthop(operation.nexthop, operation.op === 'nexthop-replace', text);
      case 'nexthop-delete': {
        const standing = this.nexthops.get(operation.id);
        if (standing === undefined) return 'ENOENT';
        if (standing.protocol !== OWN_PROTOCOL) throw new Error(`foreign nexthop: ${text}`);
        this.removeNexthop(operation.id);
        return undefined;
      }
    }
  }

  #writeRoute(route: Route, replace: boolean, text: string): string | undefined {
    if (FORBIDDEN_TABLES.includes(route.table)) throw new Error(`a table of the kernel: ${text}`);
    if (route.metric < 1) throw new Error(`no metric: ${text}`);
    const key = slotOf(route);
    const standing = this.routes.get(key);
    const errno = this.#targetFault(route, text);
    if (errno !== undefined) return errno;
    if (!replace && standing !== undefined) return 'EEXIST';
    if (replace && standing === undefined) return 'ENOENT';
    if (replace && standing?.protocol !== OWN_PROTOCOL) throw new Error(`foreign route: ${text}`);
    this.routes.set(key, { ...route, protocol: OWN_PROTOCOL, dead: false });
    return undefined;
  }

  #targetFault({ target, prefix }: Route, text: string): string | undefined {
    switch (target.type) {
      case 'nexthop': {
        const nexthop = this.nexthops.get(target.id);
        if (nexthop === undefined) return 'EINVAL';
        if (nexthop.type !== 'group' || nexthop.protocol !== OWN_PROTOCOL)
          throw new Error(`not a group of ours: ${text}`);
        return undefined;
      }
      case 'legs': {
        if (target.legs.length === 0) throw new Error(`no legs: ${text}`);
        if (prefix.family === 'ipv6' && target.legs.some((leg) => leg.gateway?.family === 'ipv4'))
          return 'EINVAL';
        return target.legs.map((leg) => this.#legFault(leg, text)).find((fault) => fault);
      }
      case 'throw':
      case 'unreachable':
        return undefined;
      case 'other':
        throw new Error(`we write no such route: ${text}`);
    }
  }

  #legFault({ gateway, oif, onlink, weight }: Leg, text: string): string | undefined {
    if (!(weight >= 1 && weight <= 256)) throw new Error(`weight ${weight}: ${text}`);
    const link = this.linkAt(oif);
    if (link === undefined) return 'ENODEV';
    if (!link.up) return 'ENETDOWN';
    if (gateway === undefined || gateway.isLinkLocal || onlink) return undefined;
    const onLink = this.main.some(
      ({ table, prefix, legs }) =>
        table === 254 &&
        prefix.contains(gateway) &&
        legs.some((leg) => leg.oif === oif && leg.gateway === undefined),
    );
    return onLink ? undefined : 'ENETUNREACH';
  }

  #writeNexthop(nexthop: NexthopObject, replace: boolean, text: string): string | undefined {
    const { id } = nexthop;
    if (id < NEXTHOP_ID_BASE || id > NEXTHOP_ID_LAST) throw new Error(`not our id: ${text}`);
    const standing = this.nexthops.get(id);
    if (nexthop.type === 'group') {
      const members = nexthop.members.map((member) => this.nexthops.get(member.id));
      if (members.length === 0) throw new Error(`an empty group: ${text}`);
      if (new Set(nexthop.members.map((member) => member.id)).size < members.length)
        throw new Error(`a member twice: ${text}`);
      if (members.some((member) => member?.type !== 'single')) return 'EINVAL';
    } else {
      const { leg } = nexthop;
      if (leg.weight !== 1) throw new Error(`a single has no weight: ${text}`);
      const errno = this.#legFault(leg, text);
      if (errno !== undefined) return errno;
      if (!this.hasCarrier(leg.oif)) return 'ENETDOWN';
    }
    if (!replace && standing !== undefined) return 'EEXIST';
    if (replace && standing === undefined) return 'ENOENT';
    if (replace && standing?.protocol !== OWN_PROTOCOL) throw new Error(`foreign nexthop: ${text}`);
    if (standing !== undefined && standing.type !== nexthop.type) return 'EINVAL';
    this.nexthops.set(id, { ...nexthop, protocol: OWN_PROTOCOL });
    return undefined;
  }

  /** With the groups that lose their last leg, and the routes on all of them. Returns what went. */
  removeNexthop(id: number): KernelNexthop[] {
    const gone = this.nexthops.get(id);
    if (gone === undefined) return [];
    this.nexthops.delete(id);
    for (const [key, { target }] of this.routes) {
      if (target.type === 'nexthop' && target.id === id) this.routes.delete(key);
    }
    const all = [gone];
    for (const group of [...this.nexthops.values()]) {
      if (group.type !== 'group') continue;
      const members = group.members.filter((member) => member.id !== id);
      if (members.length === group.members.length) continue;
      if (members.length === 0) all.push(...this.removeNexthop(group.id));
      else this.nexthops.set(group.id, { ...group, members });
    }
    return all;
  }

  removeRule(rule: KernelRule): boolean {
    const at = this.rules.findIndex((other) => sameRule(other, rule));
    if (at >= 0) this.rules.splice(at, 1);
    return at >= 0;
  }

  /** With what the kernel drops without a word. Returns the link's index. */
  setLink(name: string, now: { up: boolean; carrier: boolean }): number {
    const link = this.links.get(name);
    if (link === undefined) throw new Error(`there is no ${name}`);
    this.links.set(name, { ...link, ...now });
    if (!now.up || !now.carrier) {
      for (const nexthop of [...this.nexthops.values()]) {
        if (nexthop.type === 'single' && nexthop.leg.oif === link.index)
          this.removeNexthop(nexthop.id);
      }
    }
    if (!now.up) {
      for (const [key, { target }] of this.routes) {
        if (target.type === 'legs' && target.legs.every(({ oif }) => !this.isUp(oif)))
          this.routes.delete(key);
      }
    }
    return link.index;
  }

  /** Its local and connected routes go too; inline routes with the last IPv4 one. Returns the link's index. */
  removeAddress(host: string, name: string): number {
    const index = this.index(name);
    const gone = this.addresses.find((one) => one.index === index && one.address.text === host);
    if (gone === undefined) throw new Error(`there is no ${host} on ${name}`);
    this.addresses = this.addresses.filter((one) => one !== gone);
    this.main = this.main.filter(
      ({ prefix, legs }) =>
        !legs.some(({ oif, gateway }) => oif === index && gateway === undefined) ||
        !prefix.contains(gone.address),
    );
    if (this.addresses.some((one) => one.index === index && one.address.family === 'ipv4'))
      return index;
    for (const [key, { prefix, target }] of this.routes) {
      if (prefix.family === 'ipv4' && target.type === 'legs')
        if (target.legs.every(({ oif }) => oif === index)) this.routes.delete(key);
    }
    return index;
  }

  readonly name = (index: number): string => this.linkAt(index)?.name ?? `if${index}`;

  readonly index = (name: string): number => {
    const link = this.links.get(name);
    if (link === undefined) throw new Error(`there is no ${name}`);
    return link.index;
  };

  linkAt(index: number): Link | undefined {
    return [...this.links.values()].find((link) => link.index === index);
  }

  isUp(index: number): boolean {
    return this.linkAt(index)?.up === true;
  }

  hasCarrier(index: number): boolean {
    const link = this.linkAt(index);
    return link?.up === true && link.carrier;
  }
}

export const OURS = { protocol: OWN_PROTOCOL, action: 'lookup', opaque: false } as const;

export function slotOf({ table, prefix, metric }: Route): string {
  return `${table} ${prefix.key} ${metric}`;
}

/** fib_rules.c compares the protocol too. */
function sameRule(a: KernelRule, b: KernelRule): boolean {
  return a.protocol === b.protocol && ruleKey(a) === ruleKey(b);
}

function isEverything(prefix: Rule['from']): boolean {
  return prefix?.isDefault === true;
}
