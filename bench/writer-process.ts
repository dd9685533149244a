/**
 * rib2fib's kernel writer without the rest of it: as built, in a process of its own.
 *
 *   writer-process.ts FILE TABLE NEXTHOP_ID
 *
 * FILE holds one prefix a line. The operations are made before the clock starts; it
 * runs from the first write to the last acknowledgement. Answers as `bulk-routes` does.
 */
import { readFileSync } from 'node:fs';

type Rtnetlink = typeof import('../src/kernel/rtnetlink.js');
type Prefixes = typeof import('../src/net/prefix.js');

const built = (path: string) => import(new URL(`../dist/${path}`, import.meta.url).href);
const { openRtnetlink } = (await built('kernel/rtnetlink.js')) as Rtnetlink;
const { Prefix } = (await built('net/prefix.js')) as Prefixes;

const [file = '', table, nexthop] = process.argv.slice(2);
const operations = readFileSync(file, 'utf8')
  .trim()
  .split('\n')
  .map((line) => {
    const prefix = Prefix.parse(line);
    if ('fault' in prefix) throw new Error(`not a prefix: ${line}`);
    const target = { type: 'nexthop', id: Number(nexthop) } as const;
    const route = { table: Number(table), prefix, metric: 20, target };
    return { op: 'route-add', route } as const;
  });
const kernel = await openRtnetlink();
const before = process.cpuUsage();
const begin = performance.now();
const { failures, unknownFrom } = await kernel.execute(operations);
const seconds = (performance.now() - begin) / 1000;
const { user, system } = process.cpuUsage(before);
const failed = failures.length + operations.length - unknownFrom;
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, failed })}\n`);
await kernel.close();
