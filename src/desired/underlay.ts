/**
 * Next-hop resolution over what the node itself knows: one immutable snapshot
 * of links, addresses, and the main and local tables. The same snapshot gives
 * the same answer; a new one is built when the kernel says something changed.
 */
import type { NextHopConfig } from '../config/config.js';
import type { Address } from '../net/address.js';
import { Prefix } from '../net/prefix.js';
import { PrefixSet } from '../net/prefix-set.js';
import type { RejectReason } from '../policy/verdict.js';
import { type NextHop, nextHopText } from '../rib/path.js';
import type { Leg } from './route.js';
import type { InterfaceAddress, Link, UnderlayRoute } from './topology.js';
import { UnderlayTable } from './underlay-table.js';

const TABLE_MAIN = 254;
const TABLE_LOCAL = 255;

/**
 * `metric`: of the main table's route that leads there, 0 where that is on-link
 * (the metric of a connected route ranks interfaces, it is no distance).
 * `detail` is for people: what exactly stands in the way.
 */
export type Resolution =
  | { readonly ok: true; readonly legs: readonly Leg[]; readonly metric: number }
  | { readonly ok: false; readonly reason: RejectReason; readonly detail: string };

export interface UnderlaySnapshot {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly UnderlayRoute[];
}

export class Underlay {
  readonly #links = new Map<number, Link>();
  readonly #linksByName = new Map<string, Link>();
  readonly #main = new UnderlayTable();
  /** What {@link isLocal} goes by: the node's own addresses, and the `local` routes. */
  readonly own: PrefixSet;
  /** Interfaces with an IPv6 address, by index: true where one is in use. */
  readonly #ipv6 = new Map<number, boolean>();
  /** Sources share next hops among paths: asked once for each. */
  readonly #isLocal = new WeakMap<Address, boolean>();

  static readonly empty = new Underlay({ links: [], addresses: [], routes: [] });

  constructor(readonly snapshot: UnderlaySnapshot) {
    for (const link of snapshot.links) {
      this.#links.set(link.index, link);
      this.#linksByName.set(link.name, link);
    }
    const own = snapshot.addresses.map(({ address }) => Prefix.host(address));
    for (const { index, address, tentative } of snapshot.addresses) {
      if (address.family === 'ipv4') continue;
      this.#ipv6.set(index, this.#ipv6.get(index) === true || !tentative);
    }
    for (const route of snapshot.routes) {
      if (route.table === TABLE_MAIN) this.#main.insert(route);
      else if (route.table === TABLE_LOCAL && route.type === 'local') own.push(route.prefix);
    }
    this.own = new PrefixSet(own);
  }

  link(index: number): Link | undefined {
    return this.#links.get(index);
  }

  linkNamed(name: string): Link | undefined {
    return this.#linksByName.get(name);
  }

  /** `eth1`, or `if7` for an interface that is gone. */
  linkName(index: number): string {
    return this.#links.get(index)?.name ?? `if${index}`;
  }

  isUp(index: number): boolean {
    const link = this.#links.get(index);
    return link?.up === true && link.carrier;
  }

  /**
   * True while duplicate address detection holds back every IPv6 address of the
   * interface: neighbours are not asked for before, so nothing gets through.
   */
  awaitsIpv6(index: number): boolean {
    return this.#ipv6.get(index) === false;
  }

  /** One of the node's own addresses, or within a `local` route. */
  isLocal(address: Address): boolean {
    let local = this.#isLocal.get(address);
    if (local === undefined) {
      local = this.own.covering(address) !== undefined;
      this.#isLocal.set(address, local);
    }
    return local;
  }

  /** Prefixes of the main table that are on-link at the interface. */
  connected(index: number): readonly Prefix[] {
    const found = new Map<string, Prefix>();
    for (const { table, prefix, type, legs } of this.snapshot.routes) {
      if (table !== TABLE_MAIN || type !== 'unicast' || prefix.isDefault) continue;
      const onLink = legs.some((leg) => leg.oif === index && leg.gateway === undefined);
      if (onLink) found.set(prefix.key, prefix);
    }
    return [...found.values()];
  }

  /** The interface's global, settled addresses: what a source rule may follow. */
  globalAddresses(index: number): readonly Address[] {
    return this.snapshot.addresses
      .filter((a) => a.index === index && a.scope === 'global' && a.settled)
      .map((a) => a.address);
  }

  /** Legs of weight 1 unless the underlay itself is multipath. */
  resolve(nextHop: NextHop, config: NextHopConfig): Resolution {
    const { address } = nextHop;
    const text = nextHopText(nextHop);
    if (this.isLocal(address)) {
      return { ok: false, reason: 'next-hop-local', detail: `${text} is an address of this node` };
    }
    if (address.isLinkLocal || nextHop.interface !== undefined) {
      return this.#resolveOnInterface(nextHop, text);
    }
    let viaDefault = false;
    for (const route of this.#main.matches(address)) {
      if (route.dead) continue;
      if (route.type !== 'unicast') return unreachable(`${route.prefix} of main leads nowhere`);
      if (route.prefix.isDefault && !config.viaDefault) {
        viaDefault = true;
        break;
      }
      const legs = this.#over(route, address, config);
      if (legs.length > 0) {
        const onLink = route.legs.some(({ gateway }) => gateway === undefined);
        return { ok: true, legs, metric: onLink ? 0 : route.metric };
      }
      const awaited = route.legs.find((leg) => this.#isAwaited(leg, address, config));
      if (awaited !== undefined) {
        return unreachable(`${this.linkName(awaited.oif)} has no IPv6 address in use yet`);
      }
      if (config.resolve === 'connected' && route.legs.every((leg) => leg.gateway !== undefined)) {
        return unreachable(`${text} is not on-link (resolve: connected)`);
      }
    }
    return viaDefault
      ? {
          ok: false,
          reason: 'next-hop-via-default',
          detail: `${text} is reached through the default route only (viaDefault: false)`,
        }
      : unreachable(`no usable route to ${text} in the main table`);
  }

  #resolveOnInterface(nextHop: NextHop, text: string): Resolution {
    const { address } = nextHop;
    if (nextHop.interface === undefined) return unreachable(`${text} came without its interface`);
    const link = this.#linksByName.get(nextHop.interface);
    if (link === undefined) return unreachable(`there is no interface ${nextHop.interface}`);
    if (!this.isUp(link.index)) return unreachable(`${link.name} is down`);
    if (address.family === 'ipv6' && this.#ipv6.get(link.index) !== true) {
      return unreachable(`${link.name} has no IPv6 address in use`);
    }
    return {
      ok: true,
      legs: [{ gateway: address, oif: link.index, onlink: !address.isLinkLocal, weight: 1 }],
      metric: 0,
    };
  }

  /** Its gateway is an IPv6 neighbour that cannot be asked for yet. */
  #isAwaited({ gateway, oif }: Leg, address: Address, { resolve }: NextHopConfig): boolean {
    const { family } = resolve === 'recursive' ? (gateway ?? address) : address;
    return family === 'ipv6' && this.isUp(oif) && this.awaitsIpv6(oif);
  }

  #over(route: UnderlayRoute, address: Address, config: NextHopConfig): readonly Leg[] {
    const legs: Leg[] = [];
    for (const leg of route.legs) {
      if (!this.isUp(leg.oif)) continue;
      if (this.#isAwaited(leg, address, config)) continue;
      if (leg.gateway === undefined) legs.push({ ...leg, gateway: address });
      else if (config.resolve === 'recursive') legs.push(leg);
      else if (config.resolve === 'onlink') legs.push({ ...leg, gateway: address, onlink: true });
    }
    return legs;
  }
}

export function unreachable(detail: string): Extract<Resolution, { ok: false }> {
  return { ok: false, reason: 'next-hop-unreachable', detail };
}
