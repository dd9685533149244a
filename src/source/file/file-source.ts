/**
 * Source `file`: the routes a YAML file lists, read again whenever it changes.
 * Each reading is one full feed. A file with a fault changes nothing: the last
 * good routes stay, and the state says what is wrong until a good one is there.
 */
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../clock.js';
import { formatFault } from '../../config/fault.js';
import type { FileRoute } from '../../config/routes-file.js';
import { watchFiles } from '../../config/watch.js';
import type { Log } from '../../log-port.js';
import { FAMILIES } from '../../net/family.js';
import { EventQueue } from '../event-queue.js';
import { eventStream } from '../event-stream.js';
import type { PeerStatus, Source, SourceCounters, SourceEvent, SourceState } from '../source.js';

/** Routes told at a stroke, before the consumer gets its turn. */
const ROUTES_PER_TURN = 1_000;

export interface FileSourceOptions {
  /** Absolute. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
}

export function createFileSource(options: FileSourceOptions): Source {
  return new FileSource(options);
}

class FileSource implements Source {
  readonly name = 'file';
  readonly offers = 'best';
  readonly sessions = undefined;

  readonly #options: FileSourceOptions;
  readonly #queue = new EventQueue();
  #state: SourceState;
  #peers: readonly PeerStatus[] = [];
  #lastEventAt: number | undefined;
  #reading: Promise<void> | undefined;
  #changed = false;
  /** Readings that ended in a refusal before the first good one. */
  #refusals = 0;

  constructor(options: FileSourceOptions) {
    this.#options = options;
    const since = options.clock.now();
    this.#state = { state: 'connecting', since, attempts: 0, lastError: undefined };
  }

  state(): SourceState {
    return this.#state;
  }

  /** One for each `peer` the file names. */
  peers(): readonly PeerStatus[] {
    return this.#peers;
  }

  counters(): SourceCounters {
    return { undecodable: 0, lastEventAt: this.#lastEventAt };
  }

  async *events(signal: AbortSignal): AsyncGenerator<readonly SourceEvent[]> {
    try {
      yield* eventStream(this.#queue, signal, (ending) => this.#run(ending));
    } finally {
      this.#state = { state: 'stopped', since: this.#options.clock.now() };
    }
  }

  /** Reads now and at every change, until `signal` aborts or a reading fails for what no file explains. */
  #run(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const read = () => this.#read().catch(reject);
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) return resolve();
      // Watched first: a change that meets the first reading is then not missed.
      watchFiles([this.#options.path], () => void read(), signal);
      void read();
    });
  }

  /** One reading at a time; a change during one makes another. */
  async #read(): Promise<void> {
    this.#changed = true;
    this.#reading ??= this.#readChanged().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #readChanged(): Promise<void> {
    const { path, log } = this.#options;
    // Heavy, and of no use to a daemon with another source.
    const { loadRoutesFile } = await import('../../config/routes-file.js');
    while (this.#changed) {
      this.#changed = false;
      const { state, since } = this.#state;
      if (state === 'connecting')
        this.#state = { state: 'syncing', since, waitingFor: `the end of ${path}` };
      const result = await loadRoutesFile(path);
      if (this.#state.state === 'stopped') return;
      if (result.ok) {
        await this.#feed(result.routes);
        continue;
      }
      const [first, ...rest] = result.faults;
      const message = first === undefined ? `${path}: refused` : formatFault(first);
      log.error({ source: this.name, faults: result.faults.length }, message);
      this.#refuse(rest.length === 0 ? message : `${message} (and ${rest.length} more)`);
    }
  }

  #refuse(reason: string): void {
    const { state, since } = this.#state;
    if (state === 'syncing') {
      this.#refusals++;
      this.#state = { state: 'connecting', since, attempts: this.#refusals, lastError: reason };
    } else {
      const now = this.#options.clock.now();
      this.#state = { state: 'refused', since: state === 'refused' ? since : now, reason };
    }
  }

  async #feed(routes: readonly FileRoute[]): Promise<void> {
    const { path, clock, log } = this.#options;
    this.#queue.reset();
    for (const [index, { prefix, paths }] of routes.entries()) {
      if (index > 0 && index % ROUTES_PER_TURN === 0) await setImmediate();
      if (this.#state.state === 'stopped') return;
      this.#queue.update(prefix, paths);
    }
    const now = clock.now();
    for (const family of FAMILIES) this.#queue.synced(family);
    this.#lastEventAt = now;
    this.#peers = peersOf(routes, now);
    if (this.#state.state !== 'synced') this.#state = { state: 'synced', since: now };
    log.info({ path, routes: routes.length }, 'routes read from file');
  }
}

function peersOf(routes: readonly FileRoute[], now: number): readonly PeerStatus[] {
  const peers = new Map<string, PeerStatus & { received: { ipv4: number; ipv6: number } }>();
  for (const { prefix, paths } of routes) {
    for (const { peer, peerAs } of paths.slice(0, 1)) {
      let status = peers.get(peer);
      if (status === undefined) {
        status = {
          ...{ peer, as: peerAs, established: true, sessionState: 'file', adminDown: false },
          received: { ipv4: 0, ipv6: 0 },
          since: now,
          lastError: undefined,
        };
        peers.set(peer, status);
      }
      status.received[prefix.family]++;
    }
  }
  return [...peers.values()];
}
