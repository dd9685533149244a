/**
 * Feeds the engine with what the source says, whatever configuration is in force: a reload that changes
 * the source ends one and begins another. Where a limit is held against what a source counts itself,
 * those counts are looked at too.
 */
import type { Clock } from './clock.js';
import type { Config } from './config/config.js';
import type { Engine } from './desired/engine.js';
import { HeapSize } from './heap-size.js';
import type { PeerStatus, Source } from './source/source.js';

export interface SourceKeeperOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly create: (config: Config) => Source;
  /** Resolves once a source may be heard. Never rejects. */
  readonly mayBegin: (signal: AbortSignal) => Promise<void>;
  /** The engine has taken something in. */
  readonly onChange: () => void;
  /** Whether or not there was something to hear: from time to time, for what follows the clock. */
  readonly onLook: () => void;
}

/** The source's own counts are looked at this often where a limit is held against them … */
const RECEIVED_MS = 1_000;
/** … and whether one is, where none was. */
const NO_RECEIVED_MS = 10_000;

export class SourceKeeper {
  readonly #options: SourceKeeperOptions;
  readonly #heapSize = new HeapSize();
  #source: Source;
  #stop = new AbortController();

  constructor(options: SourceKeeperOptions) {
    this.#options = options;
    this.#source = options.create(options.engine.config);
  }

  get current(): Source {
    return this.#source;
  }

  /** The source of another configuration takes the place of this one, whose routes are held meanwhile. */
  replace(config: Config): void {
    const { engine, clock, create } = this.#options;
    this.#source = create(config);
    engine.apply(
      [{ type: 'lost', reason: 'the source was changed by a reload' }],
      clock.monotonic(),
    );
    this.#stop.abort();
  }

  /** Until the signal aborts. Rejects with what a source throws. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#hear(signal), this.#watchReceived(signal)]);
  }

  async #hear(signal: AbortSignal): Promise<void> {
    const { engine, clock, mayBegin, onChange } = this.#options;
    await mayBegin(signal);
    while (!signal.aborted) {
      const source = this.#source;
      const both = AbortSignal.any([signal, this.#stop.signal]);
      for await (const events of source.events(both)) {
        // Taken before the end, and nobody's any more: the source has been declared lost.
        if (both.aborted) break;
        engine.apply(events, clock.monotonic());
        this.#heapSize.follow(engine.rib.size('ipv4') + engine.rib.size('ipv6'));
        onChange();
      }
      this.#stop = new AbortController();
    }
  }

  async #watchReceived(signal: AbortSignal): Promise<void> {
    const { engine, clock, onChange, onLook } = this.#options;
    let known: readonly PeerStatus[] | undefined;
    while (!signal.aborted) {
      const pause = this.#countsReceived() ? RECEIVED_MS : NO_RECEIVED_MS;
      await clock.delay(pause, signal).catch(() => undefined);
      onLook();
      const peers = this.#source.peers();
      if (peers === known || !this.#countsReceived()) continue;
      known = peers;
      // Of a source that offers every path, what was heard is counted itself, and at once.
      engine.setReceived(this.#source.offers === 'all' ? [] : peers);
      onChange();
    }
  }

  #countsReceived(): boolean {
    const limits = this.#options.engine.config.tables.flatMap((table) => table.limits);
    return limits.some(({ count }) => count === 'received');
  }
}
