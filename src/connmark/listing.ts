/** What nft lists of our table -> what stands there, in a form that can be compared. Pure. */
import { isOwnName } from './ruleset.js';

/** What a rule holds the mark of a connection against: these bits of it, and whether they come to this. */
export interface ComparedMark {
  readonly bits: number;
  readonly value: number;
}

export interface Listing {
  /** False where things stand in it, and none of them is named as ours are: it is another's of the same name. */
  readonly isOurs: boolean;
  /** Equal for equal tables: without handles, counts and the order of a set's elements. */
  readonly text: string;
  /** Of each set by its name, its elements: `eth1`, `203.0.113.0/24`, `2001:db8::1`. */
  readonly sets: ReadonlyMap<string, readonly string[]>;
  /** How many there are. */
  readonly rules: number;
  /** Of each chain that has a counting rule, the packets it counted … */
  readonly counts: ReadonlyMap<string, number>;
  /** … and the mark that it lets by, where that is understood. */
  readonly marks: ReadonlyMap<string, ComparedMark>;
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
  const marks = new Map<string, ComparedMark>();
  const names: string[] = [];
  let rules = 0;
  for (const object of objects as readonly Json[]) {
    const set = member(object, 'set');
    const name = member(set, 'name');
    if (typeof name === 'string') sets.set(name, listOf(member(set, 'elem')).flatMap(elementText));
    names.push(...namesIn(object));
    const rule = member(object, 'rule');
    if (rule !== undefined) rules++;
    const [chain, expressions] = [member(rule, 'chain'), listOf(member(rule, 'expr'))];
    const packets = expressions.map(packetsOf).find((one) => one !== undefined);
    if (typeof chain !== 'string' || packets === undefined) continue;
    counts.set(chain, (counts.get(chain) ?? 0) + packets);
    const mark = expressions.map(comparedMark).find((one) => one !== undefined);
    if (mark !== undefined) marks.set(chain, mark);
  }
  const isOurs = names.length === 0 || names.some(isOwnName);
  const text = JSON.stringify(canonical(objects as Json));
  return { isOurs, text, sets, rules, counts, marks };
}

/** Of what is in the table: chains, sets, maps, stateful objects; rules have no name. */
function namesIn(object: Json): readonly string[] {
  if (typeof object !== 'object' || object === null) return [];
  return Object.entries(object).flatMap(([kind, fields]) => {
    const name = kind === 'table' ? undefined : member(fields as Json, 'name');
    return typeof name === 'string' ? [name] : [];
  });
}

function packetsOf(expression: Json): number | undefined {
  const packets = member(member(expression, 'counter'), 'packets');
  return typeof packets === 'number' ? packets : undefined;
}

/** nft lists leading bits as a prefix, and others as a mask. */
function comparedMark(expression: Json): ComparedMark | undefined {
  const match = member(expression, 'match');
  const [left, right] = [member(match, 'left'), member(match, 'right')];
  const [masked, mask] = listOf(member(left, '&'));
  const prefix = member(right, 'prefix');
  const length = member(prefix, 'len');
  if (member(member(masked ?? left, 'ct'), 'key') !== 'mark') return undefined;
  const bits = typeof length === 'number' ? -(2 ** (32 - length)) >>> 0 : mask;
  const value = member(prefix, 'addr') ?? right;
  return typeof bits === 'number' && typeof value === 'number' ? { bits, value } : undefined;
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
