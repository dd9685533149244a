/** Measures what is promised about speed: all of it, or the parts named. */
import { measureFailover } from './failover.js';
import { measureFeed } from './feed.js';
import { measureIdle } from './idle.js';
import { measureLatency } from './latency.js';
import { measureMemory } from './memory.js';
import { type Figure, keep, print } from './report.js';

const MEASUREMENTS = {
  feed: measureFeed,
  memory: measureMemory,
  latency: measureLatency,
  failover: measureFailover,
  idle: measureIdle,
} as const satisfies Readonly<Record<string, () => Promise<Figure | readonly Figure[]>>>;

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(MEASUREMENTS, name));
process.exitCode = unknown.length > 0 ? refuse() : await measured();

function refuse(): number {
  const known = Object.keys(MEASUREMENTS).join(', ');
  process.stderr.write(`bench: there is no ${unknown.join(', no ')}; there are ${known}\n`);
  return 2;
}

async function measured(): Promise<number> {
  const figures: Figure[] = [];
  for (const [name, measure] of Object.entries(MEASUREMENTS)) {
    if (names.length > 0 && !names.includes(name)) continue;
    process.stderr.write(`bench: ${name}\n`);
    figures.push(...[await measure()].flat());
  }
  if (names.length === 0) keep(figures);
  return print(figures) ? 0 : 1;
}
