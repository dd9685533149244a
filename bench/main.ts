/** Measures what is promised about speed: all of it, or the parts named. */
import { measureFeed } from './feed.js';
import { measureIdle } from './idle.js';
import { measureLatency } from './latency.js';
import { measureMemory } from './memory.js';
import { type Figure, keep, print } from './report.js';

const MEASUREMENTS = {
  feed: measureFeed,
  memory: measureMemory,
  latency: measureLatency,
  idle: measureIdle,
} as const satisfies Readonly<Record<string, () => Promise<Figure>>>;

const names = process.argv.slice(2);
const figures: Figure[] = [];
for (const [name, measure] of Object.entries(MEASUREMENTS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  process.stderr.write(`bench: ${name}\n`);
  figures.push(await measure());
}
if (names.length === 0) keep(figures);
process.exitCode = print(figures) ? 0 : 1;
