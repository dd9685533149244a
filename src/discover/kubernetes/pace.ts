/** How long a reflector waits before it asks again: longer and longer, and no two nodes alike. */

/** The first wait after a failure, as a whole. */
const FIRST_RETRY_MS = 800;
/** The longest. */
export const LAST_RETRY_MS = 15_000;

/** Half of it to all of it. */
export function spread(ms: number, random: () => number): number {
  return ms * (0.5 + random() / 2);
}

/**
 * Before the `times`-th try in a row, the first of them 1; never less than the server asked for. All
 * nodes of a cluster lose an API server in one moment, so that nearly all of a wait is chance.
 */
export function backoff(times: number, random: () => number, retryAfter = 0): number {
  const whole = Math.min(FIRST_RETRY_MS * 2 ** (times - 1), LAST_RETRY_MS);
  const chance = random();
  return Math.round(Math.max(whole * (0.1 + 0.9 * chance), retryAfter * (1 + chance / 2)));
}
