/** How a hook has fared: for the log, for `status`, and for who would wait for it. */
import type { HookReport } from '../admin/report.js';
import type { Clock } from '../clock.js';
import type { Log } from '../log-port.js';
import type { ProgramEnd } from './program.js';

/** A hook that goes on failing is told of again so often. */
const TOLD_AGAIN_MS = 60_000;

export class HookRecord {
  #runs = 0;
  #failures = 0;
  /** Since it last ended well. */
  #inARow = 0;
  #toldAt = Number.NEGATIVE_INFINITY;
  #begun: { readonly at: number; readonly monotonic: number } | undefined;
  #last: HookReport['last'];

  constructor(
    private readonly hook: 'before' | 'after',
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** The last run was killed for its time. */
  get isSlow(): boolean {
    return this.#last?.result === 'timeout';
  }

  begins(): void {
    this.#begun = { at: this.clock.now(), monotonic: this.clock.monotonic() };
  }

  ended(program: string, { result, detail, output }: ProgramEnd): void {
    const { clock, log, hook } = this;
    const took = Math.round(clock.monotonic() - (this.#begun?.monotonic ?? clock.monotonic()));
    this.#last = { at: this.#begun?.at ?? clock.now(), took, result, detail };
    this.#begun = undefined;
    this.#runs++;
    const fields = { hook, program, took, ...(output === '' ? {} : { output }) };
    switch (result) {
      case 'ok':
        log.debug(fields, 'a hook has run');
        if (this.#inARow > 0) log.info({ hook, program }, 'a hook ends well again');
        this.#inARow = 0;
        this.#toldAt = Number.NEGATIVE_INFINITY;
        return;
      case 'stopped':
        return;
      case 'failed':
      case 'timeout':
        this.#failures++;
        this.#inARow++;
        this.#tell({ ...fields, detail });
    }
  }

  report(program: string): HookReport {
    return {
      ...{ hook: this.hook, program, runs: this.#runs, failures: this.#failures },
      ...{ runningSince: this.#begun?.at, last: this.#last },
    };
  }

  #tell(fields: object): void {
    const now = this.clock.monotonic();
    if (now - this.#toldAt < TOLD_AGAIN_MS) return;
    this.#toldAt = now;
    const failures = this.#inARow;
    this.log.warn({ ...fields, failures }, 'a hook failed; what it goes with is done all the same');
  }
}
