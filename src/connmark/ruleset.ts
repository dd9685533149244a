/**
 * The nftables table that marks connections, in the words of libnftables-json(5). Pure.
 *
 * A connection that arrives on an interface of a table for one of its pools gets the table's mark, and
 * gets it anew where it comes to arrive by another table's interfaces; where it is one of several tables,
 * that of the first. It bears the mark of one table at a time, whatever bits each table's mark is made of.
 * Its replies carry it as the packet's mark before they are routed: in prerouting those that are
 * forwarded, before a DNAT of theirs is undone, and in output those of the node itself, which the chain's
 * type has routed again. Packets of the original direction are never marked: they are routed as ever.
 */
import type { MarkedConnections } from '../desired/marked-connections.js';
import { Address } from '../net/address.js';
import { FAMILIES, type Family } from '../net/family.js';
import { Prefix } from '../net/prefix.js';

/** Of both families. It is ours where what is in it bears our names: {@link isOwnName}. */
export const TABLE = { family: 'inet', name: 'rib2fib' } as const;

/** Behind conntrack (-200), ahead of destination NAT (-100) and of the routing decision. */
const PRIORITY_MANGLE = -150;

const ARRIVAL = 'arrival';
const DEPARTURE = 'departure';

/** One transaction that puts exactly this in the place of whatever was there. */
export function rulesetOf(marked: readonly MarkedConnections[]): object {
  const bits = bitsOf(marked);
  return {
    nftables: [
      // Added first, since what is not there cannot be deleted.
      { add: { table: TABLE } },
      { delete: { table: TABLE } },
      { add: { table: TABLE } },
      { add: { chain: hook(ARRIVAL, 'filter', 'prerouting') } },
      { add: { chain: hook(DEPARTURE, 'route', 'output') } },
      ...marked.flatMap((one) => tableCommands(one, bits)),
    ],
  };
}

/** How many rules {@link rulesetOf} has for them. */
export function ruleCount(marked: readonly MarkedConnections[]): number {
  const bits = bitsOf(marked);
  const commands = marked.flatMap((one) => tableCommands(one, bits));
  return commands.filter(({ add }) => 'rule' in add).length;
}

/** With everything that any of them has, to ask whether nft and the kernel would do it. */
export function trial(): object {
  const pools = [...FAMILIES].map((family) => Prefix.host(new Address(family, 1)));
  return rulesetOf([{ table: 0, mark: { value: 1, mask: 1 }, interfaces: ['lo'], pools }]);
}

/** One transaction that removes it, whether it is there or not. */
export function removal(): object {
  return { nftables: [{ add: { table: TABLE } }, { delete: { table: TABLE } }] };
}

/** `interfaces_100`; `pools_ipv4_100`. */
export function interfacesSet(table: number): string {
  return `interfaces_${table}`;
}

export function poolsSet(table: number, family: Family): string {
  return `pools_${family}_${table}`;
}

/** The chain through which a connection comes to a table's mark, and which counts those that do: `arrived_100`. */
export function arrivedChain(table: number): string {
  return `arrived_${table}`;
}

/** A chain or a set that nobody else makes, of whatever routing table. */
export function isOwnName(name: string): boolean {
  return /^(arrival|departure|(arrived|interfaces|pools_ipv4|pools_ipv6)_\d+)$/.test(name);
}

/** What the mark of any table is made of: what a connection of one table bears none of another's of. */
export function bitsOf(marked: readonly MarkedConnections[]): number {
  return marked.reduce((bits, { mark }) => (bits | mark.mask) >>> 0, 0);
}

function hook(name: string, type: 'filter' | 'route', at: 'prerouting' | 'output'): object {
  const { family, name: table } = TABLE;
  return { family, table, name, type, hook: at, prio: PRIORITY_MANGLE, policy: 'accept' };
}

interface Command {
  readonly add: object;
}

function tableCommands(
  { table, mark, interfaces, pools }: MarkedConnections,
  bits: number,
): readonly Command[] {
  const { family, name } = TABLE;
  const replies = [
    compare({ ct: { key: 'direction' } }, 'reply'),
    compare(masked('ct', bits), mark.value),
    { mangle: { key: { meta: { key: 'mark' } }, value: withBits('meta', bits, mark.value) } },
  ];
  const arrived = arrivedChain(table);
  return [
    { add: { set: { ...set(interfacesSet(table)), type: 'ifname', ...elements(interfaces) } } },
    { add: { chain: { family, table: name, name: arrived } } },
    rule(arrived, [
      compare(masked('ct', bits), mark.value, '!='),
      { counter: null },
      { mangle: { key: { ct: { key: 'mark' } }, value: withBits('ct', bits, mark.value) } },
    ]),
    ...FAMILIES.flatMap((family): readonly Command[] => {
      const own = pools.filter((pool) => pool.family === family);
      const named = poolsSet(table, family);
      const type = `${family}_addr`;
      const members = elements(own.map(poolElement));
      return [
        { add: { set: { ...set(named), type, flags: ['interval'], ...members } } },
        rule(ARRIVAL, [
          compare({ ct: { key: 'direction' } }, 'original'),
          compare({ meta: { key: 'iifname' } }, `@${interfacesSet(table)}`),
          compare(
            { payload: { protocol: family === 'ipv4' ? 'ip' : 'ip6', field: 'daddr' } },
            `@${named}`,
          ),
          // Nothing comes back from there: the tables behind this one do not see it.
          { goto: { target: arrived } },
        ]),
      ];
    }),
    rule(ARRIVAL, replies),
    rule(DEPARTURE, replies),
  ];
}

function set(name: string): object {
  const { family, name: table } = TABLE;
  return { family, table, name };
}

/** An empty list is refused. */
function elements(members: readonly unknown[]): object {
  return members.length === 0 ? {} : { elem: members };
}

function poolElement({ address, length }: Prefix): object {
  return { prefix: { addr: address.text, len: length } };
}

function rule(chain: string, expr: readonly object[]): Command {
  const { family, name: table } = TABLE;
  return { add: { rule: { family, table, chain, expr } } };
}

function compare(left: object, right: string | number, op: '==' | '!=' = '=='): object {
  return { match: { op, left, right } };
}

function masked(of: 'ct' | 'meta', mask: number): object {
  return { '&': [{ [of]: { key: 'mark' } }, mask] };
}

/** The other bits stay as they are. */
function withBits(of: 'ct' | 'meta', bits: number, value: number): object {
  return { '|': [masked(of, ~bits >>> 0), value] };
}
