/** Routes, rules and nexthop objects in the words of `ip route`, `ip rule` and `ip nexthop`. */
import { type Family, familyBits } from '../net/family.js';
import type { Prefix } from '../net/prefix.js';
import { type Leg, type NexthopObject, OWN_PROTOCOL, type Route, type Rule } from './route.js';

/** Name of an interface; a number where it has none any more. */
export type LinkName = (index: number) => string;

/**
 * One line, word for word as `ip route show table all` has it:
 * `10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 proto 178 metric 20 onlink`,
 * `throw 10.42.0.0/16 table 100 …`, `10.0.0.0/8 nhid 1073741824 table 100 …`;
 * several legs come last: `… metric 20 nexthop via 10.9.0.2 dev eth1 weight 1
 * nexthop …`. Left out is what the kernel adds by itself and nobody chose:
 * `scope link`, `pref medium`, and with `nhid` the legs of the object.
 * `ip route add` takes the line, save for targets of type `other`. A value
 * that carries its protocol shows that one, else it is ours.
 */
export function formatRoute(
  route: Route & { readonly protocol?: number },
  linkName: LinkName,
): string {
  const { prefix, metric, table, target, protocol = OWN_PROTOCOL } = route;
  const destination = formatDestination(prefix);
  const key = `table ${table} proto ${protocol}${metric === 0 ? '' : ` metric ${metric}`}`;
  switch (target.type) {
    case 'legs': {
      const [first, ...rest] = target.legs;
      if (first !== undefined && rest.length === 0) {
        const way = formatWay(first, prefix.family, linkName);
        return `${destination} ${way} ${key}${formatFlags(first)}`;
      }
      const legs = target.legs.map(
        (leg) =>
          `nexthop ${formatWay(leg, prefix.family, linkName)} weight ${leg.weight}${formatFlags(leg)}`,
      );
      return [destination, key, ...legs].join(' ');
    }
    case 'nexthop':
      return `${destination} nhid ${target.id} ${key}`;
    case 'throw':
    case 'unreachable': {
      // Without it the default routes of both families would read the same.
      const device = prefix.family === 'ipv6' ? ' dev lo' : '';
      return `${target.type} ${destination}${device} ${key}`;
    }
    case 'other':
      return `${target.kind} ${destination} ${key}`;
  }
}

/** `default`, the bare address of a host route, else the prefix. */
function formatDestination(prefix: Prefix): string {
  if (prefix.isDefault) return 'default';
  return prefix.length === familyBits(prefix.family) ? `${prefix.address}` : prefix.text;
}

/**
 * One line: `from 203.0.113.0/24 to 10.0.0.0/8 fwmark 0x14/0xff iif eth1 lookup 100 pref 10000 proto 178`.
 * A rule that names no prefix is `from all`, or in IPv6 `from ::/0`: two rules
 * that differ by family alone do not read the same.
 */
export function formatRule(rule: Rule & { readonly protocol?: number }): string {
  const { family, from, to, fwmark, iif, table, priority, protocol = OWN_PROTOCOL } = rule;
  const all = family === 'ipv6' && to === undefined ? '::/0' : 'all';
  const words = [`from ${from ?? all}`];
  if (to !== undefined) words.push(`to ${to}`);
  if (fwmark !== undefined) words.push(`fwmark ${formatMark(fwmark)}`);
  if (iif !== undefined) words.push(`iif ${iif}`);
  words.push(`lookup ${table} pref ${priority} proto ${protocol}`);
  return words.join(' ');
}

/** One line: `id 1073741825 via 10.9.0.2 dev eth1 proto 178`, `id 1073741824 group 1073741825,3/1073741826 proto 178`. */
export function formatNexthop(
  nexthop: NexthopObject & { readonly protocol?: number },
  linkName: LinkName,
): string {
  const proto = `proto ${nexthop.protocol ?? OWN_PROTOCOL}`;
  switch (nexthop.type) {
    case 'single': {
      const { leg, family } = nexthop;
      const way = formatWay(leg, leg.gateway?.family ?? family, linkName);
      return `id ${nexthop.id} ${way} ${proto}${formatFlags(leg)}`;
    }
    case 'group': {
      const members = nexthop.members.map(({ id, weight }) =>
        weight === 1 ? `${id}` : `${id},${weight}`,
      );
      return `id ${nexthop.id} group ${members.join('/')} ${proto}`;
    }
  }
}

/** `via 10.9.0.2 dev eth1`; `via inet6 …` for an IPv4 route with an IPv6 gateway. */
function formatWay(leg: Leg, family: Family, linkName: LinkName): string {
  const { gateway, oif } = leg;
  const words: string[] = [];
  if (gateway !== undefined) {
    const other =
      gateway.family === family ? '' : `${gateway.family === 'ipv6' ? 'inet6' : 'inet'} `;
    words.push(`via ${other}${gateway}`);
  }
  words.push(`dev ${linkName(oif)}`);
  return words.join(' ');
}

/** What `ip` writes behind everything else of a way. */
function formatFlags({ onlink }: Leg): string {
  return onlink ? ' onlink' : '';
}

/** As `ip rule` prints it: the mask only where it leaves bits out. */
function formatMark({ value, mask }: { readonly value: number; readonly mask: number }): string {
  const mark = `0x${value.toString(16)}`;
  return mask === 0xffffffff ? mark : `${mark}/0x${mask.toString(16)}`;
}
