/** Source `gobgp` with nothing behind it. */
import assert from 'node:assert/strict';
import { systemClock } from '../../src/clock.js';
import type { GobgpConfig } from '../../src/config/config.js';
import { nextHopText, type Path } from '../../src/rib/path.js';
import { createGobgpSource } from '../../src/source/gobgp/gobgp-source.js';
import type { Source, SourceEvent, SourceState } from '../../src/source/source.js';
import { until } from './wait.js';

/** A consumer of a running source: what it offers by now, and every mark it gave. */
export class Consumer implements AsyncDisposable {
  readonly offered = new Map<string, readonly string[]>();
  /** The paths behind it. */
  readonly paths = new Map<string, readonly Path[]>();
  readonly marks: string[] = [];
  updates = 0;
  withdrawn = 0;
  /** Milliseconds that the source's monotonic time is ahead. */
  ahead = 0;
  readonly source: Source;
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(
    address: string,
    syncTimeout = 60_000,
    { tls, paths = 'best' }: Partial<GobgpConfig> = {},
  ) {
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const config = { address, tls, paths };
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + this.ahead };
    const random = () => 0;
    this.source = createGobgpSource({ config, syncTimeout, clock, random, log });
    this.#done = this.#consume();
  }

  get state(): SourceState['state'] {
    return this.source.state().state;
  }

  /** Resolves once the source says that it cannot connect, and why. */
  async complains(why: RegExp): Promise<void> {
    const what = `the source says ${why}`;
    await until(
      () => {
        const state = this.source.state();
        assert.ok(state.state === 'connecting');
        assert.match(state.lastError ?? '', why);
        return true;
      },
      { what },
    );
  }

  async is(state: SourceState['state'], deadlineMs = 20_000): Promise<SourceState> {
    await until(() => this.state === state, { what: `source is ${state}`, deadlineMs });
    return this.source.state();
  }

  /** Resolves once exactly these are offered, by these next hops. */
  async offers(
    expected: ReadonlyMap<string, readonly string[]>,
    deadlineMs = 20_000,
  ): Promise<void> {
    const what = `${expected.size} prefixes offered`;
    await until(() => this.offered.size === expected.size, { what, deadlineMs });
    await until(
      () => {
        assert.deepEqual(this.offered, expected);
        return true;
      },
      { what, deadlineMs: 5000 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #consume(): Promise<void> {
    for await (const events of this.source.events(this.#stop.signal)) events.forEach(this.#take);
  }

  readonly #take = (event: SourceEvent) => {
    if (event.type !== 'updates') {
      this.marks.push(event.type === 'synced' ? `synced ${event.family}` : event.type);
      return;
    }
    this.updates += event.updates.length;
    for (const { prefix, paths } of event.updates) {
      const hops = paths.map(({ nextHop }) => nextHopText(nextHop)).sort();
      this.paths.set(prefix.text, paths);
      if (hops.length > 0) this.offered.set(prefix.text, hops);
      else if (this.offered.delete(prefix.text)) this.withdrawn++;
    }
  };
}
