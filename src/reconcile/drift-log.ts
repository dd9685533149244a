/**
 * Tells in one line what others did to what is ours, once they have paused:
 * a flushed table is one fact, whatever number of notices it comes in.
 */
import type { Clock } from '../clock.js';
import type { Log } from '../log-port.js';
import type { Drift } from './audit.js';
import type { Contest } from './contests.js';
import { type KernelObject, objectText } from './kernel-object.js';

const PAUSE_MS = 500;
/** Told then even where there is no pause. */
const AT_LATEST_MS = 5_000;

export interface DriftLogOptions {
  readonly clock: Clock;
  readonly log: Log;
}

export class DriftLog {
  #counts = { route: 0, rule: 0, nexthop: 0 };
  #example: KernelObject | undefined;
  #begun: KernelObject[] = [];
  #ended: Contest[] = [];
  #first: number | undefined;
  #last = 0;

  constructor(private readonly options: DriftLogOptions) {}

  /** When {@link tell} has something to say, on the monotonic clock; Infinity where there is nothing. */
  get deadline(): number {
    if (this.#first === undefined) return Number.POSITIVE_INFINITY;
    return Math.min(this.#last + PAUSE_MS, this.#first + AT_LATEST_MS);
  }

  /** `example` is one of them; what an audit finds has none. */
  drifted({ route, rule, nexthop }: Drift, example?: KernelObject): void {
    if (route + rule + nexthop === 0) return;
    this.#counts.route += route;
    this.#counts.rule += rule;
    this.#counts.nexthop += nexthop;
    this.#example ??= example;
    this.#note();
  }

  begun(object: KernelObject): void {
    this.#begun.push(object);
    this.#note();
  }

  ended(contest: Contest): void {
    this.#ended.push(contest);
    this.#note();
  }

  /** Says what has waited long enough; `contestOf` tells how a contest stands by now. */
  tell(contestOf: (object: KernelObject) => Contest | undefined): void {
    const { clock, log } = this.options;
    if (clock.monotonic() < this.deadline) return;
    this.#first = undefined;
    const { route, rule, nexthop } = this.#counts;
    if (route + rule + nexthop > 0) {
      const example = this.#example === undefined ? {} : { example: objectText(this.#example) };
      log.warn({ route, rule, nexthop, ...example }, 'others changed what is ours');
    }
    const [begun] = this.#begun.flatMap((object) => contestOf(object) ?? []);
    if (begun !== undefined) {
      const { object, rounds, protocol, port } = begun;
      // A deletion names no protocol.
      const by = { protocol: protocol ?? 'unknown', port };
      log.warn(
        { contested: this.#begun.length, example: objectText(object), rounds, ...by },
        'others undo what is ours again and again; putting it right at longer intervals',
      );
    }
    const [ended] = this.#ended;
    if (ended !== undefined) {
      const { object, rounds } = ended;
      log.info(
        { contested: this.#ended.length, example: objectText(object), rounds },
        'what others undid again and again is left in peace',
      );
    }
    this.#counts = { route: 0, rule: 0, nexthop: 0 };
    this.#example = undefined;
    this.#begun = [];
    this.#ended = [];
  }

  #note(): void {
    this.#last = this.options.clock.monotonic();
    this.#first ??= this.#last;
  }
}
