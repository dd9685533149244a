/** All of the kernel's routes, rules and nexthop objects as text, to be compared before and after. */
import type { Netns } from './netns.js';

/**
 * One line an object, as `ip -d` prints it, sorted: every route of every table (`-4 route …`,
 * `-6 route …`), every rule and every nexthop object, whoever made them.
 */
export async function kernelDump(netns: Netns): Promise<readonly string[]> {
  const shown = await Promise.all(
    [
      ['-4', 'route', 'show', 'table', 'all'],
      ['-6', 'route', 'show', 'table', 'all'],
      ['-4', 'rule', 'show'],
      ['-6', 'rule', 'show'],
      ['nexthop', 'show'],
    ].map(async ([first = '', ...rest]) => {
      const text = await netns.ip('-o', '-d', first, ...rest);
      const kind = first.startsWith('-') ? `${first} ${rest[0]}` : first;
      return text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((line) => `${kind} ${line.replaceAll(/[\s\\]+/g, ' ').trim()}`);
    }),
  );
  return shown.flat().sort();
}

/** Of a dump: what bears rib2fib's mark. */
export function ownLines(dump: readonly string[]): readonly string[] {
  return dump.filter(isOwn);
}

/** Of a dump: what does not. */
export function foreignLines(dump: readonly string[]): readonly string[] {
  return dump.filter((line) => !isOwn(line));
}

function isOwn(line: string): boolean {
  return / proto(col)? 178\b/.test(line);
}
