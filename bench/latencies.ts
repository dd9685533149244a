/** From changes on the wire to the kernel's notifications of them. Pure. */
import type { Change } from './feeder.js';
import { percentile } from './outcome.js';
import type { Stamp } from './route-stamps.js';

/** Milliseconds, one value a changed prefix. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * A prefix is done with the first `new` behind its change; each is changed once.
 * @throws Error where the kernel never told of one: nothing may be left out of what is told
 */
export function latenciesOf(changes: readonly Change[], stamps: readonly Stamp[]): Latencies {
  const done = new Map<string, bigint[]>();
  for (const { at, event, prefix } of stamps) {
    if (event !== 'new') continue;
    const known = done.get(prefix);
    if (known === undefined) done.set(prefix, [at]);
    else known.push(at);
  }
  const latencies = changes.flatMap(({ at, prefixes }) =>
    prefixes.map((prefix) => {
      const written = done.get(prefix)?.find((moment) => moment >= at);
      if (written === undefined) throw new Error(`the kernel never told of ${prefix}`);
      return Number(written - at) / 1e6;
    }),
  );
  return {
    p50: percentile(latencies, 50),
    p99: percentile(latencies, 99),
    max: latencies.reduce((most, one) => Math.max(most, one), Number.NEGATIVE_INFINITY),
  };
}
