/** Calls a peer, and again until it answers (RFC 4271 8.2.1.3, ConnectRetryTimer). */
import type { Clock } from '../../../clock.js';
import type { Transport } from '../connection/transport.js';
import { backoff } from './idle-hold.js';
import { Timer } from './timer.js';

/** For a call that nobody answers. */
const CALL_MS = 30_000;

export interface CallingOptions {
  /** Rejects with the reason, or with the signal's. */
  readonly dial: (signal: AbortSignal) => Promise<Transport>;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Whether it is still to be called, once a wait is over. */
  readonly wanted: () => boolean;
  readonly answered: (transport: Transport) => void;
  readonly failed: (reason: string) => void;
}

export class Calling {
  readonly #options: CallingOptions;
  readonly #patience: Timer;
  readonly #retry: Timer;
  #call: AbortController | undefined;
  #failures = 0;

  constructor(options: CallingOptions) {
    const { clock } = options;
    this.#options = options;
    this.#patience = new Timer(clock, () => this.#call?.abort(new Error('no answer')));
    this.#retry = new Timer(clock, () => this.start());
  }

  /** A call has been made, and not been answered yet. */
  get underWay(): boolean {
    return this.#call !== undefined;
  }

  /** Calls, unless it does already, or waits to, or is not wanted. */
  start(): void {
    const { dial, wanted } = this.#options;
    if (this.#call !== undefined || this.#retry.running || !wanted()) return;
    const call = new AbortController();
    this.#call = call;
    this.#patience.start(CALL_MS);
    void dial(call.signal).then(
      (transport) => this.#answered(call, transport),
      (error: unknown) => this.#failed(call, error),
    );
  }

  /** Does not call before so many milliseconds have passed. */
  rest(ms: number): void {
    this.stop();
    this.#retry.start(ms);
  }

  /** Calls off what is under way, and waits for nothing. */
  stop(): void {
    this.#retry.stop();
    this.#patience.stop();
    const call = this.#call;
    this.#call = undefined;
    call?.abort(new Error('called off'));
  }

  /** It was worth it: the next failure is the first. */
  worked(): void {
    this.#failures = 0;
  }

  #answered(call: AbortController, transport: Transport): void {
    if (this.#call !== call) {
      transport.close();
      return;
    }
    this.#call = undefined;
    this.#patience.stop();
    this.#options.answered(transport);
  }

  #failed(call: AbortController, error: unknown): void {
    if (this.#call !== call) return;
    const { failed, random } = this.#options;
    this.#call = undefined;
    this.rest(backoff(this.#failures++, random));
    failed(error instanceof Error ? error.message : String(error));
  }
}
