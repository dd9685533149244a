/** What the node's kernel has in the space of the ballast, through iproute2, whole tables at a time. */
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { scratchDirectory } from '../support/leftovers.js';
import type { Netns } from '../support/netns.js';
import { BALLAST_SPACE, type Ballast } from './ballast.js';

/**
 * Prefixes by the line of the model that they have in common, its prefix the sample of
 * their class: `route TABLE SAMPLE metric M LEG, LEG`. What is no ballast, or not
 * rib2fib's, has a line of its own.
 */
export type BallastLook = ReadonlyMap<string, ReadonlySet<string>>;

/** A route but for its prefix. */
interface Way {
  readonly table: string;
  /** `metric M LEG, LEG`; begins with the protocol where that is not rib2fib's. */
  readonly words: string;
}

const OWN = '178';
const TYPES: ReadonlySet<string> = new Set(
  'local broadcast anycast multicast blackhole unreachable prohibit throw'.split(' '),
);
const FLAGS: ReadonlySet<string> = new Set(['dead', 'linkdown', 'onlink', 'offload', 'trap']);

export async function lookAtBallast(node: Netns, ballast: Ballast): Promise<BallastLook> {
  const texts = await Promise.all([show(node, '-4'), show(node, '-6')]);
  return readBallast(texts.join(''), ballast);
}

/** `text` is the output of `ip -o route show table all`. */
export function readBallast(text: string, ballast: Ballast): BallastLook {
  const found = new Map<string, Set<string>>();
  // Few differ in anything but the prefix.
  const ways = new Map<string, Way>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [first = ''] = line.split(' ', 1);
    const typed = TYPES.has(first);
    const start = typed ? first.length + 1 : 0;
    const end = line.indexOf(' ', start);
    const prefix = line.slice(start, end);
    const rest = line.slice(end);
    const way = ways.get(rest) ?? wayOf(rest);
    ways.set(rest, way);
    const type = typed ? `${first} ` : '';
    const sample = ballast.sampleOf(prefix) ?? prefix;
    const key = `route ${way.table} ${type}${sample} ${way.words}`.trim();
    const prefixes = found.get(key);
    if (prefixes === undefined) found.set(key, new Set([prefix]));
    else prefixes.add(prefix);
  }
  return found;
}

/** How many routes a table has; `own` as `Look` has them, without the ballast. */
export function routesIn(table: number, own: ReadonlySet<string>, ballast: BallastLook): number {
  const within = (line: string) => line.startsWith(`route ${table} `);
  return [...ballast]
    .filter(([line]) => within(line))
    .reduce((sum, [, prefixes]) => sum + prefixes.size, [...own].filter(within).length);
}

/** Into a file: iproute2 writes route by route, which a pipe makes twice as slow. */
async function show(node: Netns, family: '-4' | '-6'): Promise<string> {
  const scratch = scratchDirectory('ballast');
  try {
    const path = join(scratch.path, 'routes');
    const file = await open(path, 'w');
    const within = BALLAST_SPACE[family === '-4' ? 'ipv4' : 'ipv6'];
    const words = ['-o', family, 'route', 'show', 'table', 'all', 'root', within];
    const child = node.spawn(['ip', ...words], { stdio: ['ignore', file.fd, 'inherit'] });
    const [code] = await once(child, 'exit');
    await file.close();
    if (code !== 0) throw new Error(`ip ${words.join(' ')} ended with ${code}`);
    return await readFile(path, 'utf8');
  } finally {
    scratch.remove();
  }
}

/** Of `nhid 7 table 100 proto 178 metric 20 \ nexthop via G dev I weight 1 …`, as look.ts words it. */
function wayOf(rest: string): Way {
  const [head = '', ...nexthops] = rest.split('nexthop ');
  const common = valuesOf(head);
  const legs = (nexthops.length === 0 ? [head] : nexthops).map((text) => ({
    ...valuesOf(text),
    flags: text.split(/\s+/).filter((word) => FLAGS.has(word)),
  }));
  const words = legs
    .filter(({ dev }) => dev !== undefined)
    .map(({ via, dev, weight, flags }) =>
      [
        `via ${via} dev ${dev}`,
        ...(legs.length > 1 && Number(weight ?? 1) > 1 ? [`weight ${weight}`] : []),
        ...flags,
      ].join(' '),
    );
  const metric = `metric ${common['metric'] ?? 0} ${words.sort().join(', ')}`;
  const { proto, table = 'main' } = common;
  return { table, words: proto === OWN ? metric : `proto ${proto} ${metric}` };
}

type Key = 'via' | 'dev' | 'weight' | 'metric' | 'proto' | 'table';

function valuesOf(text: string): Partial<Record<Key, string>> {
  const found = text.matchAll(/\b(via|dev|weight|metric|proto|table) (\S+)/g);
  return Object.fromEntries([...found].map(([, key, value]) => [key, value]));
}
