/** Carries steps out and holds the world to the model after each. */
import type { Report } from './report.js';
import type { Step } from './steps.js';
import type { World } from './world.js';

/** Milliseconds, as `World.quiet` and `World.outages` tell them. */
export interface Outcome {
  readonly repaired: number;
  readonly outage: number;
}

/** Rejects with `ChaosFailure` where rib2fib does not hold what it must. */
export async function runStep(world: World, step: Step, report: Report): Promise<Outcome> {
  const { faults, changes, mends } = step;
  for (const fault of faults) {
    await fault.begin(world);
    await world.assess();
  }
  let since = performance.now();
  for (const change of changes) {
    await change.make(world);
    since = performance.now();
  }
  if (mends.length > 0 && !world.subject.away && world.subject.configIntact)
    await world.during(since);
  for (const fault of mends) {
    await fault.mend(world);
    await world.subject.retry();
    since = performance.now();
    await world.assess();
  }
  const repaired = await world.quiet(since);
  const outage = await world.outages();
  report.add(
    [...faults, ...changes].map(({ kind }) => kind),
    repaired,
    outage,
  );
  return { repaired, outage };
}
