/**
 * AS-path patterns in the form Cisco and FRR share, searched for anywhere in
 * the text of `asPathText`: `^65001_`, `_65010$`, `^65001_[0-9]+$`, and `^$`
 * for a path that never left the local AS.
 *
 * `_` is replaced by `(^|[,{}() ]|$)` wherever it stands, as FRR's
 * `bgp_regcomp` (bgpd/bgp_regex.c) does: a delimiter, or either end. The
 * matching is RE2's, in time linear in the path, because the path is a peer's
 * to choose. POSIX extended expressions without back-references mean the same.
 */
import { RE2JS, RE2JSException } from 're2js';

const DELIMITER = '(^|[,{}() ]|$)';

/** `_` after an opening bracket: FRR would put a whole expression into the set. */
const DELIMITER_IN_SET = /(?<!\\)\[\^?\]?[^\]]*_/;

export type AsPathPattern =
  | { readonly ok: true; readonly matches: (asPathText: string) => boolean }
  | { readonly ok: false; readonly message: string };

/** Never throws; `message` says in one line what is wrong with the pattern. */
export function compileAsPath(pattern: string): AsPathPattern {
  if (DELIMITER_IN_SET.test(pattern)) {
    return { ok: false, message: '"_" is a delimiter and cannot stand inside brackets' };
  }
  try {
    const expression = RE2JS.compile(pattern.replaceAll('_', DELIMITER));
    return { ok: true, matches: (asPathText) => expression.test(asPathText) };
  } catch (error) {
    if (error instanceof RE2JSException) return { ok: false, message: error.message };
    throw error;
  }
}
