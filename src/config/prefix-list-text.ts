/**
 * Prefix lists in FRR's words, with FRR's meaning (lib/filter_cli.c and
 * filter_nb.c, 8.x to 10.x):
 *
 * - `length <= ge <= le`, each within the family's width, in either order;
 * - `any` is the default route `le` the family's width;
 * - without `seq` an entry goes 5 behind the highest of its list, unless the
 *   list has the same entry already: then nothing changes;
 * - an entry with the `seq` of an older one takes its place;
 * - the IPv4 and the IPv6 list of one name are two lists.
 *
 * Two things FRR lets pass are refused, because what it makes of them is seldom
 * meant: host bits (it cuts them off) and a list that has a description but no
 * entry (it permits everything).
 */
import { setImmediate } from 'node:timers/promises';
import { type Family, familyBits } from '../net/family.js';
import { Prefix } from '../net/prefix.js';
import type { ConfigFault, PrefixListConfig } from './config.js';
import { capFaults } from './fault.js';
import { HIGHEST_SEQ, ListBuilder, type ParsedEntry } from './prefix-list-builder.js';
import { hostBitsMessage } from './prefix-text.js';

/** Lines read at a stroke, before the event loop gets its turn. */
const LINES_PER_TURN = 2_000;

/** `word` is the index of the offending word; that of the end where one is missing. */
interface WordFault {
  readonly word: number;
  readonly message: string;
}

/**
 * The words of an inline list: `[seq N] permit|deny any|PREFIX [ge N] [le N]`.
 * `any` goes into both families. Faults are told by the index of the line.
 */
export function parseInlinePrefixList(
  lines: readonly string[],
  tell: (index: number, message: string) => void,
): PrefixListConfig {
  const builders = { ipv4: new ListBuilder('ipv4'), ipv6: new ListBuilder('ipv6') };
  for (const [index, line] of lines.entries()) {
    const entry = parseEntry(line.split(/\s+/).filter(Boolean), undefined);
    if ('message' in entry) {
      tell(index, entry.message);
      continue;
    }
    const families: Family[] = entry.prefix ? [entry.prefix.family] : ['ipv4', 'ipv6'];
    for (const family of families) {
      const message = builders[family].add(entry);
      if (message !== undefined) tell(index, message);
    }
  }
  return { ipv4: builders.ipv4.entries(), ipv6: builders.ipv6.entries() };
}

/**
 * All lists of a file of `ip prefix-list` and `ipv6 prefix-list` lines, by
 * name. Comments (`!`, `#`), `frr`, `hostname`, `service` and `end` lines are
 * passed over; any other line is a fault, so that no rule is lost unseen. Long
 * files are read in slices, between which the event loop gets its turn.
 */
export async function parsePrefixListFile(
  file: string,
  text: string,
): Promise<{ lists: ReadonlyMap<string, PrefixListConfig>; faults: readonly ConfigFault[] }> {
  const faults: ConfigFault[] = [];
  const builders = { ipv4: new Map<string, ListBuilder>(), ipv6: new Map<string, ListBuilder>() };
  let line = 0;
  for (const source of linesOf(text)) {
    if (++line % LINES_PER_TURN === 0) await setImmediate();
    const words = source.split(/\s+/).filter(Boolean);
    const fault = addLine(words, builders, line);
    if (fault === undefined) continue;
    faults.push({
      file,
      line,
      column: columnOf(source, fault.word),
      path: '',
      message: fault.message,
    });
  }
  const lists = new Map<string, PrefixListConfig>();
  for (const builder of [...builders.ipv4.entries(), ...builders.ipv6.entries()]) {
    const [name, list] = builder;
    await setImmediate();
    if (list.isEmpty) {
      const message = `list "${name}" has a description but no entry; give it one, or take the line out`;
      faults.push({ file, line: list.described, column: 1, path: '', message });
    }
    lists.set(name, {
      ipv4: builders.ipv4.get(name)?.entries() ?? [],
      ipv6: builders.ipv6.get(name)?.entries() ?? [],
    });
  }
  faults.sort((a, b) => a.line - b.line);
  return { lists, faults: capFaults(faults) };
}

function* linesOf(text: string): Generator<string> {
  let start = 0;
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
    yield text.slice(start, end);
    start = end + 1;
  }
  yield text.slice(start);
}

const PASSED_OVER = new Set(['frr', 'hostname', 'service', 'end']);

function addLine(
  words: readonly string[],
  builders: Readonly<Record<Family, Map<string, ListBuilder>>>,
  line: number,
): WordFault | undefined {
  const [first, second, name] = words;
  if (first === undefined || first.startsWith('!') || first.startsWith('#')) return undefined;
  if (PASSED_OVER.has(first)) return undefined;
  if ((first !== 'ip' && first !== 'ipv6') || second !== 'prefix-list') {
    return { word: 0, message: 'only "ip prefix-list" and "ipv6 prefix-list" lines are read' };
  }
  if (name === undefined) return { word: 3, message: 'the name of the list is missing' };
  const family = first === 'ip' ? 'ipv4' : 'ipv6';
  const builder = builders[family].get(name) ?? new ListBuilder(family);
  builders[family].set(name, builder);
  if (words[3] === 'description') {
    builder.described = line;
    return undefined;
  }
  const entry = parseEntry(words.slice(3), family);
  if ('message' in entry) {
    // A line that did not parse must not look like a list without entries too.
    builder.broken = true;
    return { word: entry.word + 3, message: entry.message };
  }
  const message = builder.add(entry);
  return message === undefined ? undefined : { word: 3, message };
}

function parseEntry(words: readonly string[], family: Family | undefined): ParsedEntry | WordFault {
  let at = 0;
  let seq: number | undefined;
  if (words[at] === 'seq') {
    seq = integer(words[at + 1], 1, HIGHEST_SEQ);
    if (seq === undefined) return expected(words, at + 1, `a number from 1 to ${HIGHEST_SEQ}`);
    at += 2;
  }
  const action = words[at];
  if (action !== 'permit' && action !== 'deny') {
    return expected(words, at, seq === undefined ? 'seq, permit or deny' : 'permit or deny');
  }
  at++;
  if (words[at] === 'any') {
    if (words.length > at + 1) return expected(words, at + 1, 'nothing behind any');
    return { seq, action, prefix: undefined, ge: 0, le: 0 };
  }
  const prefix = parsePrefixWord(words, at, family);
  if (!(prefix instanceof Prefix)) return prefix;
  at++;

  const bits = familyBits(prefix.family);
  const given: { ge?: number; le?: number } = {};
  while (at < words.length) {
    const word = words[at];
    if ((word !== 'ge' && word !== 'le') || given[word] !== undefined) {
      return expected(words, at, 'ge or le, each once');
    }
    const length = integer(words[at + 1], 0, bits);
    if (length === undefined) return expected(words, at + 1, `a number from 0 to ${bits}`);
    given[word] = length;
    const low = word === 'le' ? Math.max(prefix.length, given.ge ?? 0) : prefix.length;
    const high = word === 'ge' ? (given.le ?? bits) : bits;
    if (length < low || length > high) {
      const message = `${word} ${length} is out of order; needed is ${prefix.length} <= ge <= le <= ${bits}`;
      return { word: at + 1, message };
    }
    at += 2;
  }
  return { seq, action, prefix, ge: given.ge ?? 0, le: given.le ?? 0 };
}

function parsePrefixWord(
  words: readonly string[],
  at: number,
  family: Family | undefined,
): Prefix | WordFault {
  const word = words[at];
  const form = { ipv4: 'an IPv4 prefix', ipv6: 'an IPv6 prefix' }[family ?? 'ipv4'];
  const wanted = `any or ${family === undefined ? 'a prefix' : form}`;
  if (word === undefined) return expected(words, at, wanted);
  const prefix = Prefix.parse(word);
  if (prefix instanceof Prefix) {
    return family === undefined || prefix.family === family ? prefix : expected(words, at, wanted);
  }
  if (prefix.fault === 'syntax') return expected(words, at, wanted);
  return { word: at, message: hostBitsMessage(word, prefix.meant) };
}

function expected(words: readonly string[], word: number, what: string): WordFault {
  const found = words[word];
  return { word, message: `expected ${what}${found === undefined ? '' : `, not "${found}"`}` };
}

function integer(word: string | undefined, low: number, high: number): number | undefined {
  if (word === undefined || !/^[0-9]{1,10}$/.test(word)) return undefined;
  const value = Number(word);
  return value >= low && value <= high ? value : undefined;
}

/** 1-based column of the n-th word; one behind the last where there are fewer. */
function columnOf(line: string, word: number): number {
  const starts = [...line.matchAll(/\S+/g)].map(({ index }) => index + 1);
  return starts[word] ?? line.trimEnd().length + 1;
}
