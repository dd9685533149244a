const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** The longest a Node timer can wait (2^31 - 1 ms, 24.8 days), in whole hours. */
const LONGEST = 596 * UNITS.h;

/** What a duration looks like, for messages and documentation. */
export const DURATION_FORM = 'a duration such as 500ms, 30s, 5m or 1h, at most 596h';

/**
 * A whole number with one unit (`ms`, `s`, `m`, `h`) as milliseconds, at most
 * 596 hours; `undefined` for anything else, words such as `forever` included:
 * which word stands for Infinity is the key's own matter.
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(0|[1-9][0-9]{0,9})(ms|s|m|h)$/.exec(text);
  if (match === null) return undefined;
  const milliseconds = Number(match[1]) * UNITS[match[2] as keyof typeof UNITS];
  return milliseconds <= LONGEST ? milliseconds : undefined;
}

/** The largest unit that leaves a whole number: `120000` is `2m`, Infinity is `forever`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === Number.POSITIVE_INFINITY) return 'forever';
  for (const unit of ['h', 'm', 's'] as const) {
    if (milliseconds !== 0 && milliseconds % UNITS[unit] === 0) {
      return `${milliseconds / UNITS[unit]}${unit}`;
    }
  }
  return `${milliseconds}ms`;
}
