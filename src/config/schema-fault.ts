/** zod's issues -> faults at their place in the file, in words an operator can act on. */
import type * as z from 'zod';
import type { ConfigFault } from './config.js';
import type { YamlDocument } from './document.js';
import type { FaultPath } from './fault.js';

type Issue = z.core.$ZodIssue;

/** One fault for each thing wrong, unknown keys each on its own, in the order of the file. */
export function faultsOf(document: YamlDocument, issues: readonly Issue[]): readonly ConfigFault[] {
  const faults = issues.flatMap((issue) => faultsOfIssue(document, issue, []));
  faults.sort((a, b) => a.line - b.line || a.column - b.column);
  return faults;
}

function faultsOfIssue(document: YamlDocument, issue: Issue, base: FaultPath): ConfigFault[] {
  const path = [...base, ...issue.path.map(segmentOf)];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        return document.fault([...path, key], unknownKey(key, issue.message), 'key');
      });
    case 'invalid_union': {
      const branch = branchMeant(issue.errors);
      if (branch === undefined) break;
      return branch.flatMap((inner) => faultsOfIssue(document, inner, path));
    }
    case 'invalid_key': {
      const [inner] = issue.issues;
      return [document.fault(path, `the name ${inner?.message ?? issue.message}`, 'key')];
    }
    case 'custom':
      return [document.fault(path, issue.message)];
  }
  const found = document.valueAt(path);
  const message =
    found === undefined
      ? `is missing; it ${issue.message}`
      : `${issue.message}${issue.message.startsWith('must be') ? `, not ${shown(found)}` : ''}`;
  return [document.fault(path, message)];
}

/** The branch whose own type fits and that found its faults further in. */
function branchMeant(branches: readonly Issue[][]): readonly Issue[] | undefined {
  return branches.find((issues) => {
    return !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0);
  });
}

/** `allowed` is the list of known keys, joined by `, `. */
function unknownKey(key: string, allowed: string): string {
  const keys = allowed.split(', ');
  const near = nearest(key, keys);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  return `unknown key${hint} (allowed here: ${allowed})`;
}

function segmentOf(segment: PropertyKey): string | number {
  return typeof segment === 'symbol' ? String(segment) : segment;
}

/** A value in one word or two, for "…, not X". */
function shown(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

/** The candidate that a slip of the pen turns into `word`: at most a third of it changed. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 40) return undefined;
  const most = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let least = most + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's, with a swap of neighbours as one change. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (rows[i - 1]?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (rows[i - 1]?.[j - 1] ?? 0) + same,
        swapped ? (rows[i - 2]?.[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
