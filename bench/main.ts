/** Measures what is promised about speed: all that takes minutes, or the parts named. */
import { measureFailover } from './failover.js';
import { measureFeed } from './feed.js';
import { measureFrr } from './frr.js';
import { measureIdle } from './idle.js';
import { measureLatency } from './latency.js';
import { measureMemory } from './memory.js';
import { type Figure, keep, print } from './report.js';
import { measureSoak } from './soak.js';

const MEASUREMENTS = {
  feed: measureFeed,
  memory: measureMemory,
  latency: measureLatency,
  failover: measureFailover,
  frr: measureFrr,
  idle: measureIdle,
} as const satisfies Readonly<Record<string, () => Promise<Figure | readonly Figure[]>>>;

/** Measured only when it is named. */
const LONG = { soak: measureSoak } as const satisfies Readonly<
  Record<string, () => Promise<Figure>>
>;
const ALL = { ...MEASUREMENTS, ...LONG };

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(ALL, name));
process.exitCode = unknown.length > 0 ? refuse() : await measured();

function refuse(): number {
  const known = Object.keys(ALL).join(', ');
  process.stderr.write(`bench: there is no ${unknown.join(', no ')}; there are ${known}\n`);
  return 2;
}

async function measured(): Promise<number> {
  const figures: Figure[] = [];
  const chosen = names.length === 0 ? MEASUREMENTS : ALL;
  for (const [name, measure] of Object.entries(chosen)) {
    if (names.length > 0 && !names.includes(name)) continue;
    process.stderr.write(`bench: ${name}\n`);
    figures.push(...[await measure()].flat());
  }
  if (names.length === 0) keep(figures);
  return print(figures) ? 0 : 1;
}
