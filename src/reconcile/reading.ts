/**
 * Readings of the kernel that may fail, as where a set changes all the time:
 * told once, and tried again after one second, two, four, thirty at most.
 */
import type { Clock } from '../clock.js';
import { KernelError } from '../kernel/kernel.js';
import type { Log } from '../log-port.js';

const FIRST_WAIT_MS = 1_000;
const LAST_WAIT_MS = 30_000;
const LASTING_ATTEMPTS = 3;

/** The kernel did not let itself be read: what it has is not known. */
export interface Unread {
  readonly error: KernelError;
  /** How many readings failed in a row. */
  readonly attempts: number;
  /** Often enough to be told as more than a bad moment. */
  readonly lasting: boolean;
  /** When the next is due, on the monotonic clock. */
  readonly retryAt: number;
}

export interface ReadingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly onUnread: (error: KernelError) => void;
}

export class Reading {
  #unread: Unread | undefined;

  constructor(private readonly options: ReadingOptions) {}

  /** While the last one failed. */
  get unread(): Unread | undefined {
    return this.#unread;
  }

  /**
   * Resolves to false where `read` failed, or the time for the next attempt has not come.
   * Rejects with what is no KernelError, and with ECANCELED: the kernel was closed.
   */
  async attempt(read: () => Promise<void>): Promise<boolean> {
    const { clock, log } = this.options;
    if (clock.monotonic() < (this.#unread?.retryAt ?? 0)) return false;
    try {
      await read();
    } catch (error) {
      if (!(error instanceof KernelError) || error.errno === 'ECANCELED') throw error;
      this.#failed(error);
      return false;
    }
    if (this.#unread !== undefined) log.info({}, 'the kernel is read again');
    this.#unread = undefined;
    return true;
  }

  #failed(error: KernelError): void {
    const { clock, log, onUnread } = this.options;
    const failures = this.#unread?.attempts ?? 0;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** failures, LAST_WAIT_MS);
    this.#unread = {
      error,
      attempts: failures + 1,
      lasting: failures + 1 >= LASTING_ATTEMPTS,
      retryAt: clock.monotonic() + wait,
    };
    onUnread(error);
    if (failures > 0) return;
    log.warn({ reason: error.message }, 'the kernel could not be read; trying again');
  }
}
