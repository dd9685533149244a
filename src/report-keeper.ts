/**
 * Keeps a reporter for the cluster of the configuration in force, where that asks for one: a reload
 * that names another cluster, or none, ends one reporter and begins another.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.js';
import type { Config } from './config/config.js';
import { sameCluster } from './discover/create.js';

/** As {@link NodeReporter}, which is loaded only where it is needed. */
interface Reporter {
  wake(): void;
  run(signal: AbortSignal, daemon: AbortSignal): Promise<void>;
}

export interface ReportKeeperOptions {
  readonly config: Config;
  readonly clock: Clock;
  /** Of a configuration that asks for it: `discovery.kubernetes.status`. */
  readonly create: (config: Config) => Promise<Reporter>;
}

export class ReportKeeper {
  readonly #options: ReportKeeperOptions;
  #config: Config;
  #reporter: Reporter | undefined;
  #restart = new AbortController();

  constructor(options: ReportKeeperOptions) {
    this.#options = options;
    this.#config = options.config;
  }

  /** Something may have changed. Cheap. */
  wake(): void {
    this.#reporter?.wake();
  }

  /** Another configuration has come into force. */
  reconfigure(config: Config): void {
    const same = sameCluster(this.#config, config) && reports(this.#config) === reports(config);
    this.#config = config;
    if (same) this.wake();
    else this.#restart.abort();
  }

  /** Until the signal aborts, and the cluster has been told so. Rejects where a reporter cannot be made. */
  async run(signal: AbortSignal): Promise<void> {
    const { create, clock } = this.#options;
    while (!signal.aborted) {
      const both = AbortSignal.any([signal, this.#restart.signal]);
      setMaxListeners(0, both);
      if (reports(this.#config)) {
        this.#reporter = await create(this.#config);
        await this.#reporter.run(both, signal);
        this.#reporter = undefined;
      } else await clock.delay(Number.POSITIVE_INFINITY, both).catch(() => undefined);
      this.#restart = new AbortController();
    }
  }
}

function reports({ discovery: { kubernetes } }: Config): boolean {
  return kubernetes?.status === true;
}
