import { setTimeout as pause } from 'node:timers/promises';

export interface Deadline {
  /** For the error: `gobgpd answers on its API`. */
  readonly what: string;
  /** Milliseconds until {@link until} gives up. Default 10 s. */
  readonly deadlineMs?: number;
  /** Milliseconds between two looks. Default 20. */
  readonly everyMs?: number;
}

type Falsy = false | undefined | null | 0 | '';

/**
 * Resolves with the first truthy result of `condition`. A condition that throws
 * is not met yet. After the deadline rejects, saying what was waited for and how
 * the last look ended.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { what, deadlineMs = 10_000, everyMs = 20 }: Deadline,
): Promise<Exclude<T, Falsy>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    let last: unknown;
    try {
      const result = await condition();
      if (result) return result as Exclude<T, Falsy>;
      last = result;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) {
      const why = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${deadlineMs} ms: ${what} (last look: ${why})`, { cause: last });
    }
    await pause(everyMs);
  }
}

/**
 * Looks at `condition` for `forMs` and rejects as soon as it is false: for what
 * must *not* happen within a time.
 */
export async function stays(
  condition: () => boolean | Promise<boolean>,
  { what, forMs, everyMs = 50 }: { what: string; forMs: number; everyMs?: number },
): Promise<void> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    if (!(await condition())) throw new Error(`did not stay so for ${forMs} ms: ${what}`);
    await pause(everyMs);
  }
}
