/**
 * What comes of reading a configuration, as messages between processes:
 * structured cloning copies data, but no classes and no functions. Prefix
 * lists, which may be long, go ahead in parts, so that who receives them does
 * other work in between.
 */
import { Address } from '../net/address.js';
import { type Family, familyBits } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import type { Config, ConfigFault, PrefixListConfig, PrefixListEntry } from './config.js';
import { deepFreeze } from './freeze.js';
import type { LoadResult, RefusedConfig } from './loaded.js';
import { NODE_KEYS, type NodePlace } from './node-place.js';

/** Entries of a prefix list in one message: some 36 KB. */
const ENTRIES = 1_000;

export type Part =
  /** The first: of the program that speaks. */
  | { readonly part: 'program'; readonly version: string }
  | { readonly part: 'entries'; readonly list: string; readonly family: Family; words: Int32Array }
  | LastPart;

/** Nothing comes behind it. */
export type LastPart =
  | { readonly part: 'refused'; readonly refused: RefusedConfig }
  | {
      readonly part: 'accepted';
      /** As {@link pack} makes it of a configuration without its prefix lists. */
      readonly config: unknown;
      readonly identity: string;
      readonly listNames: readonly string[];
      /** A fault without its message at every {@link NodePlace} there is. */
      readonly places: readonly { readonly place: NodePlace; readonly fault: ConfigFault }[];
    };

export function* partsOf(result: LoadResult, version: string): Generator<Part> {
  yield { part: 'program', version };
  if (!result.ok) {
    yield { part: 'refused', refused: result };
    return;
  }
  const { identity } = result;
  const { prefixLists, ...config } = result.config;
  for (const [list, { ipv4, ipv6 }] of prefixLists) {
    yield* entryParts(list, 'ipv4', ipv4);
    yield* entryParts(list, 'ipv6', ipv6);
  }
  const places = config.tables.flatMap((_, table) =>
    NODE_KEYS.map((key) => ({ place: { table, key }, fault: result.faultAt({ table, key }, '') })),
  );
  const listNames = [...prefixLists.keys()];
  yield { part: 'accepted', config: pack(config), identity, listNames, places };
}

/** Makes the result again of its parts, which must come in their order. */
export class Assembly {
  readonly #lists = new Map<string, Record<Family, PrefixListEntry[]>>();

  /** `version` is that of who listens: another one may have other words for the same. */
  constructor(private readonly version: string) {}

  /** Returns the result with the last part. @throws Error where the speaker is of another version */
  add(part: Part): LoadResult | undefined {
    switch (part.part) {
      case 'program':
        if (part.version === this.version) return undefined;
        throw new Error(
          `is rib2fib ${part.version}, and the daemon is ${this.version}: restart the daemon`,
        );
      case 'entries':
        this.#list(part.list)[part.family].push(...entriesOf(part.family, part.words));
        return undefined;
      case 'refused':
        return part.refused;
      case 'accepted':
        return this.#accepted(part);
    }
  }

  #accepted({
    config,
    identity,
    listNames,
    places,
  }: Extract<LastPart, { readonly part: 'accepted' }>): LoadResult {
    const prefixLists = new Map<string, PrefixListConfig>();
    for (const name of listNames) {
      const { ipv4, ipv6 } = this.#list(name);
      prefixLists.set(name, { ipv4: Object.freeze(ipv4), ipv6: Object.freeze(ipv6) });
    }
    const rest = unpack(config) as Omit<Config, 'prefixLists'>;
    return {
      ok: true,
      config: deepFreeze({ ...rest, prefixLists }),
      identity,
      faultAt: ({ table, key }, message) => {
        const at = places.find(({ place }) => place.table === table && place.key === key);
        if (at === undefined) throw new RangeError(`the configuration has no table ${table}`);
        return { ...at.fault, message };
      },
    };
  }

  #list(name: string): Record<Family, PrefixListEntry[]> {
    const known = this.#lists.get(name);
    if (known !== undefined) return known;
    const list = { ipv4: [], ipv6: [] };
    this.#lists.set(name, list);
    return list;
  }
}

/** seq, permit, ge, le, length, and the four words of the address. */
const ENTRY_WORDS = 9;

function* entryParts(
  list: string,
  family: Family,
  entries: readonly PrefixListEntry[],
): Generator<Part> {
  for (let at = 0; at < entries.length; at += ENTRIES) {
    const some = entries.slice(at, at + ENTRIES);
    const words = new Int32Array(some.length * ENTRY_WORDS);
    for (const [index, { seq, action, prefix, ge, le }] of some.entries()) {
      const { w0, w1, w2, w3 } = prefix.address;
      const permit = Number(action === 'permit');
      words.set([seq, permit, ge, le, prefix.length, w0, w1, w2, w3], index * ENTRY_WORDS);
    }
    yield { part: 'entries', list, family, words };
  }
}

function* entriesOf(family: Family, words: Int32Array): Generator<PrefixListEntry> {
  for (let at = 0; at < words.length; at += ENTRY_WORDS) {
    const [seq = 0, permit, ge = 0, le = 0, length = 0, ...address] = words.subarray(
      at,
      at + ENTRY_WORDS,
    );
    const prefix = Prefix.ofWords(addressOf(family, address), length);
    const action = permit === 1 ? 'permit' : 'deny';
    yield Object.freeze({ seq: seq >>> 0, action, prefix, ge, le });
  }
}

/**
 * An address becomes an Int32Array of its family's bits and its words, a prefix
 * the same with its length behind. Throws TypeError on any other class.
 */
function pack(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Address) return Int32Array.from(wordsOf(value));
  if (value instanceof Prefix) return Int32Array.from([...wordsOf(value.address), value.length]);
  if (Array.isArray(value)) return value.map(pack);
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    throw new TypeError(`a ${value.constructor.name} cannot be handed to another process`);
  }
  return mapValues(value, pack);
}

function unpack(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(unpack);
  if (!(value instanceof Int32Array)) return mapValues(value, unpack);
  const [bits, w0 = 0, w1 = 0, w2 = 0, w3 = 0, length] = value;
  const address = addressOf(bits === familyBits('ipv4') ? 'ipv4' : 'ipv6', [w0, w1, w2, w3]);
  return length === undefined ? address : Prefix.ofWords(address, length);
}

function wordsOf({ family, w0, w1, w2, w3 }: Address): number[] {
  return [familyBits(family), w0, w1, w2, w3];
}

function addressOf(family: Family, [w0 = 0, w1, w2, w3]: readonly number[]): Address {
  return new Address(family, w0, w1, w2, w3);
}

function mapValues(value: object, change: (inner: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, change(inner)]));
}
