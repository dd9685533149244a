/** What nft lists of our table -> what stands there, in a form that can be compared. Pure. */

export interface Listing {
  /** Equal for equal tables: without handles, counts and the order of a set's elements. */
  readonly text: string;
  /** Of each set by its name, its elements: `eth1`, `203.0.113.0/24`, `2001:db8::1`. */
  readonly sets: ReadonlyMap<string, readonly string[]>;
  /** Of each set that a counting rule names, the packets it counted. */
  readonly counts: ReadonlyMap<string, number>;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Of everything of it, which nobody asked for. */
const PASSING = new Set(['handle', 'metainfo', 'packets', 'bytes']);

/** @throws SyntaxError where it is no JSON, or none of nft's */
export function readListing(json: string): Listing {
  const objects = member(JSON.parse(json) as Json, 'nftables');
  if (!Array.isArray(objects)) throw new SyntaxError('no list of nftables objects');
  const sets = new Map<string, readonly string[]>();
  const counts = new Map<string, number>();
  for (const object of objects as readonly Json[]) {
    const set = member(object, 'set');
    const name = member(set, 'name');
    if (typeof name === 'string') sets.set(name, listOf(member(set, 'elem')).flatMap(elementText));
    countPackets(listOf(member(member(object, 'rule'), 'expr')), counts);
  }
  return { text: JSON.stringify(canonical(objects as Json)), sets, counts };
}

/** A rule counts what every set that it names lets through. */
function countPackets(expressions: readonly Json[], counts: Map<string, number>): void {
  const packets = expressions.map((one) => member(member(one, 'counter'), 'packets'));
  const counted = packets.find((one) => typeof one === 'number');
  if (counted === undefined) return;
  for (const expression of expressions) {
    const right = member(member(expression, 'match'), 'right');
    if (typeof right !== 'string' || !right.startsWith('@')) continue;
    counts.set(right.slice(1), (counts.get(right.slice(1)) ?? 0) + counted);
  }
}

function elementText(element: Json): readonly string[] {
  if (typeof element === 'string') return [element];
  const prefix = member(element, 'prefix');
  const [address, length] = [member(prefix, 'addr'), member(prefix, 'len')];
  return typeof address === 'string' && typeof length === 'number' ? [`${address}/${length}`] : [];
}

function canonical(value: Json): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value as Record<string, Json>)
    .filter(([key]) => !PASSING.has(key))
    .map(([key, inner]): [string, Json] => [
      key,
      key === 'elem' ? sorted(listOf(inner)) : canonical(inner),
    ]);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sorted(elements: readonly Json[]): Json {
  const texts = elements.map((element) => JSON.stringify(canonical(element)));
  return texts.sort();
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function member(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return (value as Record<string, Json>)[key];
}
