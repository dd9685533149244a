/**
 * The kernel's notices of routes, rules and nexthop objects, replayed: at which
 * of them a destination was without the route that it had.
 */
import { kernelDump, ownLines } from './kernel-dump.js';
import type { Netns } from './netns.js';

/** A moment without a route of rib2fib that a rule of rib2fib leads to: the notice that made it, and for what. */
export interface Gap {
  readonly after: string;
  readonly destination: string;
}

interface Entry {
  /** Table, destination and metric. */
  readonly key: string;
  readonly destination: string;
  readonly table: string;
  readonly nexthop: string | undefined;
}

export class RouteHistory {
  /** By {@link Entry.key}. */
  readonly #routes = new Map<string, Entry>();
  readonly #byDestination = new Map<string, Map<string, Entry>>();
  /** By all that they say; the table is what counts. */
  readonly #rules = new Map<string, { readonly family: string; readonly table: string }>();
  readonly #seen = new Set<string>();
  readonly #deleted = new Set<string>();
  readonly gaps: Gap[] = [];

  private constructor(private readonly watched: ReadonlySet<string>) {}

  /** With what rib2fib has in the kernel now; gaps are looked for in the destinations watched. */
  static async begin(netns: Netns, watched: Iterable<string>): Promise<RouteHistory> {
    const history = new RouteHistory(new Set(watched));
    for (const line of ownLines(await kernelDump(netns))) {
      const [, family = '', kind = '', rest = ''] = /^(-\d) (\w+) (.*)$/.exec(line) ?? [];
      if (kind === 'route') history.#addRoute(rest);
      if (kind === 'rule') history.#addRule(rest, family === '-6');
    }
    for (const { destination } of history.#routes.values())
      if (history.#isWatchedAndCovered(destination)) history.#seen.add(destination);
    return history;
  }

  /** Watched destinations that had a route, with a rule that leads to it, at any time so far. */
  get covered(): number {
    return this.#seen.size;
  }

  /** Routes that were deleted, and stand now. */
  get deletedInVain(): readonly string[] {
    return [...this.#deleted].filter((key) => this.#routes.has(key));
  }

  get deletions(): number {
    return this.#deleted.size;
  }

  /** `lines` of `ip -o -d monitor label`, about rib2fib's own objects, in order. */
  replay(lines: readonly string[]): void {
    for (const line of lines) {
      const [, kind = '', gone, text = ''] = /^\[(\w+)\](Deleted )?(.*)$/.exec(line) ?? [];
      const rest = text.replaceAll(/[\s\\]+/g, ' ').trim();
      const touched =
        kind === 'ROUTE'
          ? this.#route(rest, gone !== undefined)
          : kind === 'RULE'
            ? this.#rule(rest, gone !== undefined)
            : this.#nexthop(rest, gone !== undefined);
      for (const destination of touched) {
        if (this.#isWatchedAndCovered(destination)) this.#seen.add(destination);
        else if (this.#seen.has(destination)) this.gaps.push({ after: line, destination });
      }
    }
  }

  #route(text: string, gone: boolean): Iterable<string> {
    if (!gone) return this.#addRoute(text);
    const entry = parseRoute(text);
    this.#remove(entry);
    this.#deleted.add(entry.key);
    return [entry.destination];
  }

  #addRoute(text: string): Iterable<string> {
    const entry = parseRoute(text);
    const { key, destination } = entry;
    if (!isWayOut(text)) return [];
    this.#routes.set(key, entry);
    const all = this.#byDestination.get(destination) ?? new Map<string, Entry>();
    this.#byDestination.set(destination, all.set(key, entry));
    return [destination];
  }

  #remove({ key, destination }: Entry): void {
    this.#routes.delete(key);
    this.#byDestination.get(destination)?.delete(key);
  }

  #rule(text: string, gone: boolean): Iterable<string> {
    if (gone) this.#rules.delete(text);
    else this.#addRule(text, text.includes(':', text.indexOf(' ')));
    return this.#byDestination.keys();
  }

  #addRule(text: string, ipv6: boolean): void {
    const table = /lookup (\S+)/.exec(text)?.[1] ?? '';
    this.#rules.set(text, { family: ipv6 ? 'ipv6' : 'ipv4', table });
  }

  /** A deleted object takes its routes along without a word (IPv4). */
  #nexthop(text: string, gone: boolean): Iterable<string> {
    const id = /^id (\d+)/.exec(text)?.[1];
    if (!gone) return [];
    const taken = [...this.#routes.values()].filter(({ nexthop }) => nexthop === id);
    for (const entry of taken) this.#remove(entry);
    return taken.map(({ destination }) => destination);
  }

  #isWatchedAndCovered(destination: string): boolean {
    return this.watched.has(destination) && this.#isCovered(destination);
  }

  #isCovered(destination: string): boolean {
    const family = destination.includes(':') ? 'ipv6' : 'ipv4';
    for (const entry of this.#byDestination.get(destination)?.values() ?? []) {
      for (const rule of this.#rules.values())
        if (rule.table === entry.table && rule.family === family) return true;
    }
    return false;
  }
}

function parseRoute(text: string): Entry {
  const destination = text.split(' ')[1] ?? '';
  const value = (name: string) => new RegExp(` ${name} (\\S+)`).exec(text)?.[1];
  const table = value('table') ?? '254';
  const key = `${table} ${destination} ${value('metric') ?? 0}`;
  return { key, destination, table, nexthop: value('nhid') };
}

/** Not one that sends a packet on to the next rule, or nowhere. */
function isWayOut(text: string): boolean {
  return text.startsWith('unicast ');
}
