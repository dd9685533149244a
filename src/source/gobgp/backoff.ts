/** Waits between attempts: longer each time, and never in step with others'. */

const FIRST_MS = 500;
/** Short, so that a gobgpd that was restarted is met soon. */
const LONGEST_MS = 10_000;
const GROWTH = 1.6;

/** Milliseconds to wait after the given number of failures (1 or more). `random` gives 0 up to 1. */
export function backoff(failures: number, random: () => number): number {
  const full = Math.min(FIRST_MS * GROWTH ** (failures - 1), LONGEST_MS);
  return Math.round(full * (0.75 + 0.25 * random()));
}
