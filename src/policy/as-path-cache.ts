/**
 * The AS-path patterns of one filter, each run once for an `Attributes` object
 * and remembered for as long as that lives. Sources intern attributes, so a
 * full table costs as many matches as it has AS paths, not routes.
 */
import { type Attributes, asPathText, UNKNOWN_AS_PATH } from '../rib/path.js';
import { compileAsPath } from './as-path.js';

interface Seen {
  /** `undefined`: not known, and matched by nothing. */
  readonly text: string | undefined;
  /** By pattern; a hole where it has not been asked yet. */
  readonly results: (boolean | undefined)[];
}

export class AsPathCache {
  readonly #ids = new Map<string, number>();
  readonly #patterns: ((text: string) => boolean)[] = [];
  readonly #seen = new WeakMap<Attributes, Seen>();
  /** The rules of a filter ask about the same path in turn. */
  #last: Attributes | undefined;
  #lastSeen: Seen | undefined;

  /** The number by which `matches` knows the pattern; equal patterns share one. Throws on one that does not compile. */
  add(pattern: string): number {
    const known = this.#ids.get(pattern);
    if (known !== undefined) return known;
    const compiled = compileAsPath(pattern);
    if (!compiled.ok) throw new Error(`AS-path pattern ${pattern}: ${compiled.message}`);
    this.#ids.set(pattern, this.#patterns.length);
    return this.#patterns.push(compiled.matches) - 1;
  }

  matches(id: number, attributes: Attributes): boolean {
    const seen = this.#of(attributes);
    const known = seen.results[id];
    if (known !== undefined) return known;
    const { text } = seen;
    const result = text !== undefined && (this.#patterns[id]?.(text) ?? false);
    seen.results[id] = result;
    return result;
  }

  #of(attributes: Attributes): Seen {
    if (this.#last === attributes && this.#lastSeen !== undefined) return this.#lastSeen;
    let seen = this.#seen.get(attributes);
    if (seen === undefined) {
      const { asPath } = attributes;
      const text = asPath === UNKNOWN_AS_PATH ? undefined : asPathText({ asPath });
      seen = { text, results: [] };
      this.#seen.set(attributes, seen);
    }
    this.#last = attributes;
    this.#lastSeen = seen;
    return seen;
  }
}
