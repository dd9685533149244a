/**
 * YAML text -> a plain value of which every part still knows its line and
 * column. Only what cannot surprise is let through: one YAML 1.2 document of
 * mappings, lists and scalars, without anchors, aliases, merge keys, tags or
 * duplicate keys.
 */
import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
} from 'yaml';
import type { ConfigFault } from './config.js';
import { type FaultPath, pathText } from './fault.js';

/** Far above any sensible file, and far below what overflows the composer's stack. */
const DEEPEST = 64;

export type YamlResult =
  | { readonly ok: true; readonly document: YamlDocument }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** Where a text stands in its file, if it is a part of a long list: what is before it. */
export interface Origin {
  readonly line: number;
  /** Characters of the line it begins in. */
  readonly column: number;
  /** Items of the list. */
  readonly item: number;
}

/** Parses `text`; `file` is only the name that faults bear. Never throws. */
export function parseYaml(
  file: string,
  text: string,
  origin: Origin = { line: 0, column: 0, item: 0 },
): YamlResult {
  const places = new Places(file, origin);
  const refuse = (message: string, offset: number): YamlResult => {
    return { ok: false, faults: [places.fault(offset, [], message)] };
  };

  const composed = compose(text, places.lines);
  if ('deep' in composed) return refuse(`nested deeper than ${DEEPEST} levels`, composed.deep);
  const [document, second] = composed.documents;
  if (document === undefined) return refuse('is empty', 0);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) return refuse(`not valid YAML: ${problem.message}`, problem.pos[0]);
  if (second !== undefined) {
    return refuse('a second YAML document begins; only one is allowed', second.range[0]);
  }
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    return refuse('only YAML 1.2 is read', 0);
  }

  const faults: ConfigFault[] = [];
  refuseSurprises(document.contents, [], 0, (path, offset, message) => {
    faults.push(places.fault(offset, path, message));
  });
  if (faults.length > 0) return { ok: false, faults };
  return { ok: true, document: new YamlDocument(places, document) };
}

/**
 * The plain text at a path of keys in `text`, however faulty the rest of it:
 * what the parser makes of it, the first of duplicate keys. `undefined` where
 * there is none. Never throws.
 */
export function salvageText(text: string, path: readonly string[]): string | undefined {
  const composed = compose(text, new LineCounter());
  if ('deep' in composed) return undefined;
  let node: unknown = composed.documents[0]?.contents;
  for (const key of path) node = childOf(node, key)?.value;
  return isScalar(node) && typeof node.value === 'string' ? node.value : undefined;
}

/** `deep`: the offset of what is nested deeper than {@link DEEPEST}. */
function compose(
  text: string,
  lines: LineCounter,
): { readonly deep: number } | { readonly documents: readonly Document.Parsed[] } {
  const tokens: CST.Token[] = [];
  for (const token of new Parser(lines.addNewLine).parse(text)) {
    const deep = tooDeep(token);
    if (deep !== undefined) return { deep };
    tokens.push(token);
  }
  const composer = new Composer({ uniqueKeys: false, merge: false, schema: 'core' });
  return { documents: [...composer.compose(tokens, true, text.length)] };
}

/** A parsed document: its plain value, and a fault for any path within it. */
export class YamlDocument {
  /** Mappings as objects, lists as arrays, scalars by the YAML 1.2 core schema; `null` for an empty text. */
  readonly value: unknown;
  readonly #places: Places;
  readonly #root: unknown;

  constructor(places: Places, document: Document) {
    this.#places = places;
    this.#root = document.contents;
    this.value = document.toJS();
  }

  /**
   * A fault at the value of `path`, or with `at: 'key'` at its key. Where the
   * path does not exist (a key is missing), at the nearest part above that does.
   */
  fault(path: FaultPath, message: string, at: 'value' | 'key' = 'value'): ConfigFault {
    let node: unknown = this.#root;
    let key: unknown;
    for (const segment of path) {
      const child = childOf(node, segment);
      if (child === undefined) break;
      key = child.key;
      node = child.value;
    }
    const place = key !== undefined && (at === 'key' || isBlank(node)) ? key : node;
    return this.#places.fault(offsetOf(place), path, message);
  }

  /** The plain value at `path`, `undefined` where there is none. */
  valueAt(path: FaultPath): unknown {
    let value = this.value;
    for (const segment of path) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) {
        return undefined;
      }
      value = Reflect.get(value, segment);
    }
    return value;
  }
}

/** Offsets in a text -> lines and columns of its file. */
class Places {
  readonly lines = new LineCounter();

  constructor(
    private readonly file: string,
    private readonly origin: Origin,
  ) {}

  fault(offset: number, path: FaultPath, message: string): ConfigFault {
    const { file, origin } = this;
    const { line, col } = this.lines.linePos(offset);
    const [first, ...below] = path;
    const whole = typeof first === 'number' ? [first + origin.item, ...below] : path;
    return {
      file,
      line: Math.max(line, 1) + origin.line,
      column: Math.max(col, 1) + (line > 1 ? 0 : origin.column),
      path: pathText(whole),
      message,
    };
  }
}

function childOf(
  node: unknown,
  segment: string | number,
): { key: unknown; value: unknown } | undefined {
  if (isMap(node)) {
    return node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
  }
  if (isSeq(node) && typeof segment === 'number' && segment in node.items) {
    return { key: undefined, value: node.items[segment] };
  }
  return undefined;
}

function offsetOf(node: unknown): number {
  const known = isMap(node) || isSeq(node) || isScalar(node) || isAlias(node);
  return known ? (node.range?.[0] ?? 0) : 0;
}

/** A value left out altogether: `key:` with nothing behind it. */
function isBlank(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && node.source === '');
}

/** Walks the nodes and tells of all that YAML allows and a configuration should not have. */
function refuseSurprises(
  node: unknown,
  path: FaultPath,
  keyOffset: number,
  tell: (path: FaultPath, offset: number, message: string) => void,
): void {
  const offset = node === null ? keyOffset : offsetOf(node);
  if (isAlias(node)) {
    tell(path, offset, 'YAML aliases are not allowed; write the value out');
    return;
  }
  if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) {
    tell(path, offset, 'YAML anchors are not allowed; write the value out');
  }
  if (isSeq(node)) {
    for (const [index, item] of node.items.entries()) {
      refuseSurprises(item, [...path, index], offset, tell);
    }
  }
  if (!isMap(node)) return;
  const seen = new Set<string>();
  for (const { key, value } of node.items) {
    if (!isScalar(key)) {
      tell(path, offsetOf(key), 'a key must be plain text');
      continue;
    }
    const name = String(key.value);
    const below = [...path, name];
    if (name === '<<') tell(path, offsetOf(key), 'YAML merge keys are not allowed');
    else if (seen.has(name)) tell(below, offsetOf(key), 'duplicate key; each may stand once');
    else refuseSurprises(value, below, offsetOf(key), tell);
    seen.add(name);
  }
}

/** The offset of the first part nested deeper than {@link DEEPEST}; the composer recurses, this does not. */
function tooDeep(root: CST.Token): number | undefined {
  const stack: { token: CST.Token; depth: number }[] = [{ token: root, depth: 0 }];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    const { token } = entry;
    const depth = entry.depth + 1;
    if (depth > DEEPEST) return token.type === 'document' ? 0 : token.offset;
    if (token.type === 'document' && token.value !== undefined) {
      stack.push({ token: token.value, depth });
    } else if ('items' in token) {
      for (const { key, value } of token.items) {
        if (value !== undefined) stack.push({ token: value, depth });
        if (key) stack.push({ token: key, depth });
      }
    }
  }
  return undefined;
}
