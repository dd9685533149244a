/** Reads the words of `ip route`, `ip rule` and `ip nexthop` that tests write: the reverse of src/desired/format.ts. */

import type { Leg, RouteTarget } from '../../src/desired/route.js';
import type { KernelNexthop, KernelRoute, KernelRule } from '../../src/kernel/kernel.js';
import { NEXTHOP_ID_BASE } from '../../src/kernel/kernel.js';
import { Address } from '../../src/net/address.js';
import type { Family } from '../../src/net/family.js';
import { Prefix } from '../../src/net/prefix.js';

/** Index of an interface by name; throws for one that is not there. */
export type LinkIndex = (name: string) => number;

/** RTPROT_BOOT: what `ip` writes where nothing is said. */
const DEFAULT_PROTOCOL = 3;

/** `#3` stands for the fourth of our own nexthop ids, so that tests can be read. */
export function shortIds(text: string): string {
  return text.replace(/\b1\d{9}\b/g, (id) => `#${Number(id) - NEXTHOP_ID_BASE}`);
}

/** `10.0.0.0/8 via 10.9.0.2 dev eth1 table 100 proto 4 metric 20`, `throw …`, `… nhid #0 …`, `… nexthop via … weight 2`; what stands behind the way, in any order. */
export function parseRoute(text: string, index: LinkIndex): KernelRoute {
  const words = new Words(text);
  const type = words.oneOf('throw', 'unreachable', 'blackhole', 'prohibit');
  const destination = words.next();
  const onLo = type !== undefined && words.value('dev') !== undefined;
  const nhid = words.value('nhid');
  const way = leg(words, index);
  const options = words.options('table', 'proto', 'metric');
  const legs = way === undefined ? [] : [flagged(way, words)];
  while (words.oneOf('nexthop')) {
    const one = leg(words, index);
    if (one === undefined) throw words.fault();
    legs.push(flagged({ ...one, weight: Number(words.value('weight') ?? 1) }, words));
  }
  words.end();
  const target: RouteTarget =
    type === 'throw' || type === 'unreachable'
      ? { type }
      : type !== undefined
        ? { type: 'other', kind: type }
        : nhid !== undefined
          ? { type: 'nexthop', id: parseId(nhid) }
          : { type: 'legs', legs };
  return {
    table: options.get('table') ?? 254,
    prefix: parseDestination(destination, onLo ? 'ipv6' : legs[0]?.gateway?.family),
    metric: options.get('metric') ?? 0,
    target,
    protocol: options.get('proto') ?? DEFAULT_PROTOCOL,
    dead: false,
  };
}

/** `from 203.0.113.0/24 to 10.0.0.0/8 fwmark 0x14/0xff iif eth1 lookup 100 pref 10000 proto 178`; IPv6 where a prefix says so. */
export function parseRule(text: string): KernelRule {
  const words = new Words(text);
  const family = words.oneOf('-6') === undefined ? undefined : 'ipv6';
  const from = selector(words.value('from'));
  const to = selector(words.value('to'));
  const mark = words.value('fwmark');
  const iif = words.value('iif');
  const table = Number(words.value('lookup'));
  const priority = Number(words.value('pref'));
  const protocol = Number(words.value('proto') ?? DEFAULT_PROTOCOL);
  words.end();
  const [value, mask] = mark?.split('/').map(Number) ?? [];
  return {
    family: family ?? from?.family ?? to?.family ?? 'ipv4',
    priority,
    table,
    from,
    to,
    iif,
    fwmark: value === undefined ? undefined : { value, mask: mask ?? 0xffffffff },
    protocol,
    action: 'lookup',
    opaque: false,
  };
}

/** `id #1 via 10.9.0.2 dev eth1 proto 178`, `id #0 group #1,3/#2 proto 178`. */
export function parseNexthop(text: string, index: LinkIndex): KernelNexthop {
  const words = new Words(text);
  const id = parseId(words.value('id') ?? '');
  const group = words.value('group');
  const bare = leg(words, index);
  const protocol = Number(words.value('proto') ?? DEFAULT_PROTOCOL);
  const way = bare && flagged(bare, words);
  words.end();
  if (group === undefined) {
    if (way === undefined) throw words.fault();
    return { type: 'single', id, family: way.gateway?.family ?? 'ipv4', leg: way, protocol };
  }
  const members = group.split('/').map((member) => {
    const [memberId = '', weight = '1'] = member.split(',');
    return { id: parseId(memberId), weight: Number(weight) };
  });
  return { type: 'group', id, members, protocol };
}

export function parseId(text: string): number {
  return text.startsWith('#') ? NEXTHOP_ID_BASE + Number(text.slice(1)) : Number(text);
}

class Words {
  readonly #words: string[];

  constructor(private readonly text: string) {
    this.#words = text.split(/\s+/).filter((word) => word !== '');
  }

  next(): string {
    const word = this.#words.shift();
    if (word === undefined) throw this.fault();
    return word;
  }

  /** The word, if it is one of those. */
  oneOf<W extends string>(...known: readonly W[]): W | undefined {
    const word = known.find((one) => one === this.#words[0]);
    if (word !== undefined) this.#words.shift();
    return word;
  }

  /** The word behind `key`, if `key` is next. */
  value(key: string): string | undefined {
    return this.oneOf(key) === undefined ? undefined : this.next();
  }

  /** Numbers behind keys, in any order. */
  options(...keys: readonly string[]): Map<string, number> {
    const found = new Map<string, number>();
    for (let key = this.oneOf(...keys); key !== undefined; key = this.oneOf(...keys)) {
      found.set(key, Number(this.next()));
    }
    return found;
  }

  end(): void {
    if (this.#words.length > 0) throw this.fault();
  }

  fault(): Error {
    return new Error(`cannot read "${this.text}" at "${this.#words.join(' ')}"`);
  }
}

function leg(words: Words, index: LinkIndex): Leg | undefined {
  const via = words.oneOf('via') !== undefined;
  if (via) words.oneOf('inet6', 'inet');
  const gateway = via ? parseAddress(words.next()) : undefined;
  const device = words.value('dev');
  if (device === undefined) return undefined;
  return { gateway, oif: index(device), onlink: false, weight: 1 };
}

function flagged(one: Leg, words: Words): Leg {
  return { ...one, onlink: words.oneOf('onlink') !== undefined };
}

function selector(text: string | undefined): Prefix | undefined {
  return text === undefined || text === 'all' ? undefined : parsePrefix(text);
}

/** `default` alone does not tell its family. */
function parseDestination(text: string, family: Family = 'ipv4'): Prefix {
  if (text === 'default') return parsePrefix(family === 'ipv4' ? '0.0.0.0/0' : '::/0');
  return text.includes('/') ? parsePrefix(text) : Prefix.host(parseAddress(text));
}

function parsePrefix(text: string): Prefix {
  const prefix = Prefix.parse(text);
  if (prefix instanceof Prefix) return prefix;
  throw new Error(`${text} is no prefix`);
}

function parseAddress(text: string): Address {
  const address = Address.parse(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}
