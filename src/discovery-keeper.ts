/**
 * Keeps the engine true to what discovery finds, whatever configuration is in force: a reload that
 * names another cluster ends one discovery and begins another, any other changes what is asked for.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from './clock.js';
import type { Config } from './config/config.js';
import type { Engine } from './desired/engine.js';
import { discoveryChanges } from './discover/changes.js';
import { sameCluster } from './discover/create.js';
import type { Discovered } from './discover/discovered.js';
import type { Discovery } from './discover/discovery.js';
import type { Log } from './log-port.js';

export interface DiscoveryKeeperOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Log;
  /** As `createDiscovery`. */
  readonly create: (config: Config) => Promise<Discovery | undefined>;
  /** The engine has taken something in. */
  readonly onChange: () => void;
}

/** So long a source waits for the ranges that are never learned: a server that is away holds up nobody. */
const FIRST_WORD_MS = 10_000;

export class DiscoveryKeeper {
  readonly #options: DiscoveryKeeperOptions;
  readonly #known = new AbortController();
  #discovery: Discovery | undefined;
  /** The configuration that {@link current} was made for. */
  #config: Config;
  #restart = new AbortController();
  #last: Discovered | undefined;

  constructor(options: DiscoveryKeeperOptions) {
    this.#options = options;
    this.#config = options.engine.config;
    if (this.#config.discovery.kubernetes === undefined) this.#known.abort();
  }

  /** `undefined` where none is configured, or it has not begun. */
  get current(): Discovery | undefined {
    return this.#discovery;
  }

  /** What is known comes to this for a configuration; `undefined` where nothing of its cluster is. */
  snapshot(config: Config): Discovered | undefined {
    return sameCluster(this.#config, config) ? this.#discovery?.snapshot(config) : undefined;
  }

  /** Another configuration has come into force, in the engine too. */
  reconfigure(config: Config): void {
    const same = sameCluster(this.#config, config);
    this.#config = config;
    if (same) this.#discovery?.reconfigure(config);
    else {
      this.#discovery = undefined;
      this.#restart.abort();
    }
  }

  /** Resolves once it is known what is never learned, or that is not to be had soon. Never rejects. */
  async firstWord(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const either = AbortSignal.any([signal, this.#known.signal]);
    const late = await clock.delay(FIRST_WORD_MS, either).then(
      () => true,
      () => false,
    );
    if (late) {
      log.warn({}, 'the ranges of the cluster are not known yet: only those of before are kept');
    }
  }

  /** Until the signal aborts. Rejects where a discovery cannot be made. */
  async run(signal: AbortSignal): Promise<void> {
    const { create, clock } = this.#options;
    while (!signal.aborted) {
      const both = AbortSignal.any([signal, this.#restart.signal]);
      const discovery = await create(this.#config);
      if (!both.aborted) {
        this.#discovery = discovery;
        if (discovery === undefined) {
          await clock.delay(Number.POSITIVE_INFINITY, both).catch(() => undefined);
        } else await this.#follow(discovery, both);
      }
      this.#restart = new AbortController();
    }
  }

  async #follow(discovery: Discovery, signal: AbortSignal): Promise<void> {
    const { engine, log, onChange } = this.#options;
    for await (const discovered of discovery.snapshots(signal)) {
      if (signal.aborted) return;
      for (const _ of engine.followDiscovered(discovered)) await setImmediate();
      const nameOf = (id: number): string => engine.tables.get(id)?.config.name ?? `${id}`;
      const changes = discoveryChanges(this.#last, discovered, nameOf);
      if (changes.length > 0) log.info({ changes }, 'discovery has found changes');
      this.#last = discovered;
      if (discovered.keptKnowledge !== 'awaited') this.#known.abort();
      onChange();
    }
  }
}
