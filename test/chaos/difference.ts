/** What a look shows that should not be, and what it does not show: `-` missing, `+` too much. */

import type { Ballast } from './ballast.js';
import type { BallastLook } from './ballast-look.js';
import type { Look } from './look.js';
import type { Expected } from './model.js';
import type { TableId } from './network.js';

export interface Leniency {
  /** The table on nexthop objects. */
  readonly objects: TableId;
  /** Learned prefixes may be kept in main. */
  readonly keeps: boolean;
  /** Any way will do, as long as there is one. */
  readonly anyLegs: boolean;
}

export function differenceFrom(
  { lines, undecided }: Expected,
  { own, unused }: Look,
  { objects, keeps, anyLegs }: Leniency,
): readonly string[] {
  const text = anyLegs ? withoutLegs : (line: string) => line;
  const wanted = new Set([...lines].map(text));
  const found = new Set([...own].map(text));
  const tolerated = (line: string) => {
    const [kind, table, prefix] = line.split(' ');
    return kind === 'route' && undecided.has(`${table} ${prefix}`);
  };
  // A set that only such prefixes stand on as are kept in main, or out, has its group all the same.
  const mayBeUnused = keeps || [...undecided].some((key) => key.startsWith(`${objects} `));
  return [
    ...[...wanted].filter((line) => !found.has(line)).map((line) => `- ${line}`),
    ...[...found]
      .filter((line) => !wanted.has(line) && !tolerated(line))
      .map((line) => `+ ${line}`),
    ...(mayBeUnused ? [] : unused).map((id) => `+ nexthop ${id}, unused`),
  ];
}

/** The same of the ballast, prefix by prefix: so many of a class, and one of them for an example. */
export function ballastDifference(
  { lines, undecided }: Expected,
  seen: BallastLook,
  ballast: Ballast,
  { anyLegs }: Pick<Leniency, 'anyLegs'>,
): readonly string[] {
  const text = anyLegs ? withoutLegs : (line: string) => line;
  const found = new Map<string, number>();
  for (const [line, prefixes] of seen)
    found.set(text(line), (found.get(text(line)) ?? 0) + prefixes.size);
  const wanted = new Map<string, number>();
  for (const line of lines) {
    const size = ballast.classOf(line)?.size;
    if (size !== undefined) wanted.set(text(line), size);
  }
  const missing = [...wanted].flatMap(([line, size]) => {
    const there = found.get(line) ?? 0;
    return there === size ? [] : [`- ${size - there} of ${size}: ${line}`];
  });
  const surplus = [...seen].flatMap(([line, prefixes]) => {
    const [, table, prefix] = line.split(' ');
    if (wanted.has(text(line)) || undecided.has(`${table} ${prefix}`)) return [];
    const [example] = prefixes;
    return [`+ ${prefixes.size}, ${example} among them: ${line}`];
  });
  return [...missing, ...surplus];
}

/** What others have, against what they had. */
export function strangersFrom(before: ReadonlySet<string>, { foreign }: Look): readonly string[] {
  return [
    ...[...before].filter((line) => !foreign.has(line)).map((line) => `- ${line}`),
    ...[...foreign].filter((line) => !before.has(line)).map((line) => `+ ${line}`),
  ];
}

function withoutLegs(line: string): string {
  return line.replace(/ via .*/, '');
}
