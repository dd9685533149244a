/** Numbers and times for people. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `1,234,567`. */
export function countText(count: number): string {
  return String(count).replace(/\B(?=([0-9]{3})+$)/g, ',');
}

/** `3 routes`, `1 route`. */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** One unit, cut and not rounded, at least 2 of it: `90 s`, `15 min`, `47 h`, `3 d`. */
export function durationText(ms: number): string {
  if (ms < 2 * MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`;
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** `3 min ago`, `just now`, `in 8 s`; both are epoch milliseconds. */
export function agoText(then: number, now: number): string {
  if (then > now) return `in ${durationText(then - now)}`;
  return now - then < SECOND ? 'just now' : `${durationText(now - then)} ago`;
}
