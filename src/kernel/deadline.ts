/**
 * Calls back when `kick` has not been called for `ms`. A process that was
 * stopped or busy finds its timers due before it has looked at its sockets:
 * what lies there gets one turn of the event loop to count.
 */
export class Deadline {
  #timer: NodeJS.Timeout | undefined;
  #kicks = 0;

  constructor(
    readonly ms: number,
    readonly expired: () => void,
  ) {}

  /** Starts it, or starts it anew. */
  kick(): void {
    this.#kicks++;
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#due(), this.ms);
    else this.#timer.refresh();
  }

  stop(): void {
    this.#kicks++;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #due(): void {
    const kicks = this.#kicks;
    setImmediate(() => {
      if (kicks !== this.#kicks) return;
      this.stop();
      this.expired();
    });
  }
}
