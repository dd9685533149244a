/**
 * Outages held against their excuses. A destination is out from the first look
 * that does not find its route to the first that does; it is excused while a
 * fault lasts that no daemon could help. What counts is the time out without an
 * excuse, of each outage. Times are milliseconds of one monotonic clock.
 */
export interface Outage {
  readonly destination: string;
  readonly from: number;
  readonly to: number;
  /** Of it, milliseconds without an excuse. */
  readonly unexcused: number;
}

interface Span {
  readonly from: number;
  to: number | undefined;
}

export class Ledger {
  readonly #outages = new Map<string, Span[]>();
  readonly #excuses = new Map<string, Span[]>();

  constructor(readonly destinations: readonly string[]) {}

  /** What a look found. */
  saw(destination: string, there: boolean, at: number): void {
    toggle(this.#outages, destination, !there, at);
  }

  /** Only these are excused from then on. */
  excuse(destinations: ReadonlySet<string>, at: number): void {
    for (const one of this.destinations) toggle(this.#excuses, one, destinations.has(one), at);
  }

  /** Every outage since the last call, one that lasts still included, and forgets those that ended. */
  settle(now: number): readonly Outage[] {
    const found: Outage[] = [];
    for (const [destination, outages] of this.#outages) {
      const excuses = this.#excuses.get(destination) ?? [];
      for (const { from, to = now } of outages) {
        const excused = excuses.reduce((sum, excuse) => sum + overlap(excuse, from, to), 0);
        found.push({ destination, from, to, unexcused: to - from - excused });
      }
      this.#outages.set(destination, outages.filter(isOpen));
      if (!outages.some(isOpen)) this.#excuses.set(destination, excuses.filter(isOpen));
    }
    return found;
  }
}

function toggle(spans: Map<string, Span[]>, key: string, on: boolean, at: number): void {
  const list = spans.get(key) ?? [];
  const last = list.at(-1);
  const open = last !== undefined && isOpen(last);
  if (on && !open) spans.set(key, [...list, { from: at, to: undefined }]);
  else if (!on && open) last.to = at;
}

function isOpen({ to }: Span): boolean {
  return to === undefined;
}

function overlap(span: Span, from: number, to: number): number {
  return Math.max(0, Math.min(span.to ?? to, to) - Math.max(span.from, from));
}
