/**
 * A YAML list of many items -> documents of a few each, parsed one after the
 * other with a turn of the event loop in between: the YAML parser takes about a
 * second for half a megabyte, and cannot be interrupted.
 *
 * Cut is only where nothing can be cut in two. In a block list that is before a
 * line with the dash of an item of its own: all other lines of it are indented
 * deeper, by YAML's own rule, or are faults wherever they stand. In a list as
 * JSON writes it, it is at the commas between items.
 */
import { setImmediate } from 'node:timers/promises';
import type { ConfigFault } from './config.js';
import { parseYaml, type YamlDocument } from './document.js';

/** A slice ends with the first item that begins behind so many characters: some 10 ms of parsing. */
const SLICE = 8 * 2 ** 10;

/** Largest slice, in characters: what is not cut anywhere is parsed at a stroke. */
const MOST_AT_ONCE = 512 * 2 ** 10;

export type ListSlice =
  | {
      readonly ok: true;
      readonly document: YamlDocument;
      /** Index in the whole list of the slice's first item. */
      readonly first: number;
    }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/**
 * Parses `text`, a list, slice by slice; faults bear line and index as in the
 * whole. A text without a list is one slice, for the caller's schema to refuse.
 * Ends with the first slice that is not YAML.
 */
export async function* parseListSlices(file: string, text: string): AsyncGenerator<ListSlice> {
  let [line, item] = [0, 0];
  for (const { text: slice, column } of slicesOf(text)) {
    if (slice.length > MOST_AT_ONCE) {
      const message = `more than ${MOST_AT_ONCE / 2 ** 10} KiB without a new item: begin each item on a line of its own, with a dash`;
      yield { ok: false, faults: [{ file, line: line + 1, column: 1, path: '', message }] };
      return;
    }
    const parsed = parseYaml(file, slice, { line, column, item });
    if (!parsed.ok) {
      yield parsed;
      return;
    }
    const { document } = parsed;
    yield { ok: true, document, first: item };
    line += countOf(slice, '\n');
    item += Array.isArray(document.value) ? document.value.length : 0;
    await setImmediate();
  }
}

/** A list of its own; `column`: characters before its own text in the line it begins in. */
interface Slice {
  readonly text: string;
  readonly column: number;
}

function slicesOf(text: string): Generator<Slice> {
  return /^\s*\[/.test(text) ? cutAtCommas(text) : cutAtDashes(text);
}

function* cutAtDashes(text: string): Generator<Slice> {
  const list = blockList(text);
  let start = 0;
  for (let item = list?.firstItem ?? 0; list !== undefined; item = start) {
    list.dash.lastIndex = item + SLICE;
    const next = list.dash.exec(text);
    if (next === null) break;
    yield { text: text.slice(start, next.index), column: 0 };
    start = next.index;
  }
  yield { text: text.slice(start), column: 0 };
}

/** JSON's strings and marks, and what may stand between them; with anything else the cutting ends. */
const JSON_TOKEN = /"(?:[^"\\\n]|\\.)*"|[[\]{},]|[\s\w.:+-]+/gy;

function* cutAtCommas(text: string): Generator<Slice> {
  let start = 0;
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(JSON_TOKEN)) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    else if (token === ',' && depth === 1 && index - start > SLICE) {
      yield bracketed(text, start, index);
      start = index + 1;
    }
  }
  yield bracketed(text, start, text.length);
}

/** With the brackets that the cuts have taken from it. */
function bracketed(text: string, start: number, end: number): Slice {
  const closed = `${text.slice(start, end)}${end < text.length ? ']' : ''}`;
  if (start === 0) return { text: closed, column: 0 };
  const lineStart = text.lastIndexOf('\n', start - 1) + 1;
  return { text: `[${closed}`, column: start - lineStart - 1 };
}

/**
 * Where the first item stands, and what finds the lines that begin another;
 * `undefined` where the text is no block list, or more than one document.
 */
function blockList(text: string): { firstItem: number; dash: RegExp } | undefined {
  const head = /^(?:[ \t]*(?:#.*)?\r?\n|---[ \t]*\r?\n)*( *)-(?=\s)/.exec(text);
  if (head === null || /^(?:---|\.\.\.)/m.test(text.slice(head[0].length))) return undefined;
  return { firstItem: head[0].length, dash: new RegExp(`(?<=\n)${head[1]}-(?=\\s)`, 'g') };
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0; at = text.indexOf(character, at + 1)) count++;
  return count;
}
