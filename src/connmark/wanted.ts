/** Which connections the engine's tables want marked, and what of the kernel's stays beside it for now. Pure. */
import type { Engine } from '../desired/engine.js';
import { type MarkedConnections, outermost } from '../desired/marked-connections.js';
import { Address } from '../net/address.js';
import { FAMILIES } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import type { Listing } from './listing.js';
import { arrivedChain, bitsOf, interfacesSet, poolsSet, ruleCount } from './ruleset.js';

/** In the order of the configuration; empty where no table goes by marks. */
export function wantedMarks({ tables }: Pick<Engine, 'tables'>): readonly MarkedConnections[] {
  return [...tables.values()].flatMap(({ marked }) => marked ?? []);
}

/**
 * With the interfaces and pools that the kernel has of each table: before the first full feed has ended
 * none of them is known to be needed no more.
 */
export function besides(
  wanted: readonly MarkedConnections[],
  { sets }: Listing,
): readonly MarkedConnections[] {
  return wanted.map((marked) => {
    const { table, interfaces, pools } = marked;
    const stood = FAMILIES.flatMap((family) => sets.get(poolsSet(table, family)) ?? []);
    return {
      ...marked,
      interfaces: [...new Set([...interfaces, ...(sets.get(interfacesSet(table)) ?? [])])].sort(),
      pools: outermost([...pools, ...stood.flatMap(poolOf)]),
    };
  });
}

/** What brings it in step with what stands: the table is added, replaced or removed, or nothing. */
export function changeTo(
  wanted: readonly MarkedConnections[],
  stood: Listing | undefined,
): '+' | '~' | '-' | undefined {
  if (wanted.length === 0) return stood === undefined ? undefined : '-';
  if (stood === undefined) return '+';
  return holds(stood, wanted) ? undefined : '~';
}

/** Whether what stands has these interfaces, pools and marks, of these tables, and no others, and as many rules. */
function holds(
  { sets, rules, counts, marks }: Listing,
  wanted: readonly MarkedConnections[],
): boolean {
  const bits = bitsOf(wanted);
  const asked = wanted.flatMap(({ table, interfaces, pools }) => [
    { name: interfacesSet(table), members: interfaces },
    ...FAMILIES.map((family) => ({
      name: poolsSet(table, family),
      members: pools.filter((pool) => pool.family === family).map(String),
    })),
  ]);
  return (
    asked.length === sets.size &&
    rules === ruleCount(wanted) &&
    asked.every(({ name, members }) => {
      const stood = sets.get(name)?.map((text) => poolOf(text)[0]?.text ?? text);
      return stood !== undefined && stood.sort().join(' ') === members.toSorted().join(' ');
    }) &&
    wanted.every(({ table, mark }) => {
      const chain = arrivedChain(table);
      const stands = marks.get(chain) ?? { bits, value: mark.value };
      return counts.has(chain) && stands.bits === bits && stands.value === mark.value;
    })
  );
}

/** nft leaves the length of a single address out. */
function poolOf(text: string): readonly Prefix[] {
  const prefix = Prefix.parse(text);
  if (prefix instanceof Prefix) return [prefix];
  const address = Address.parse(text);
  return address === undefined ? [] : [Prefix.host(address)];
}
