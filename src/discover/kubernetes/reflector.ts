/**
 * Keeps what is known of one resource true to the API server: listed whole, then watched from there
 * on, resumed where a watch ends, and listed again where the server has forgotten how to go on. What
 * is known stays while the server is away. One at a time, until the signal aborts.
 */
import type { Clock } from '../../clock.js';
import type { Log } from '../../log-port.js';
import type { Knowledge, ResourceState, ResourceStatus } from '../discovered.js';
import type { ApiClient } from './api-client.js';
import { ApiError, errorText } from './api-error.js';
import { Fields, ObjectFault } from './fields.js';
import { type Listing, ObjectStore } from './object-store.js';
import { backoff, LAST_RETRY_MS, spread } from './pace.js';
import type { Resource } from './resources.js';
import { listPage, watchEvent } from './watch-event.js';

export interface ReflectorOptions<T> {
  readonly resource: Resource<T>;
  readonly api: Pick<ApiClient, 'json' | 'watch'>;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** What is known has changed, or how it stands. */
  readonly onChange: () => void;
}

/** Objects a page. */
const PAGE = 500;
/** Seconds that a watch is asked to last: from here to twice as long, so that not all nodes come back at once. */
const WATCH_S = 240;
/** For what the server forbids or does not have: somebody has to change that first. */
const SLOW_RETRY_MS = 30_000;
/** A server that starts has not heard of its own resources yet … */
const MISSING_MS = 30_000;
/** … nor of anybody's rights. */
const REFUSED_MS = 5_000;
/** A watch that ends sooner, and has said nothing, is one that failed. */
const SHORT_WATCH_MS = 1_000;
/** What is early for the end of a watch, whose time the server takes by its own clock. */
const EARLY_MS = 5_000;

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #store: ObjectStore<T>;
  #state: ResourceState = 'listing';
  #since: number;
  #lastError: string | undefined;
  #everListed = false;
  /** Where to watch on from; absent: to be listed. */
  #version: string | undefined;
  /** The path that the server had last. */
  #path: string | undefined;
  /** Failures in a row. */
  #failures = 0;
  /** How often in a row the version to go on from had expired. */
  #expired = 0;
  /** On the monotonic clock, since when the server has forbidden it, and nothing else. */
  #refusedSince: number | undefined;
  /** On the monotonic clock, when the watch that runs, or has just ended, was taken on. */
  #openedAt = Number.POSITIVE_INFINITY;
  /** On the monotonic clock, since when the server has not had what it had. */
  #missingSince: number | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#since = options.clock.now();
    const { resource, log } = options;
    this.#store = new ObjectStore<T>({
      parse: resource.parse,
      onFault: (object, fault) =>
        log.warn(
          { resource: resource.name, object, fault },
          'an object of the cluster is not understood, and left aside',
        ),
    });
  }

  get objects(): readonly T[] {
    return this.#store.values;
  }

  get state(): ResourceState {
    return this.#state;
  }

  /** Of what is asked for here. */
  get knowledge(): Knowledge {
    if (this.#state === 'listing') return 'awaited';
    return this.#state === 'refused' && !this.#everListed ? 'denied' : 'whole';
  }

  status(): ResourceStatus {
    return {
      resource: this.#options.resource.name,
      ...{ state: this.#state, since: this.#since, lastError: this.#lastError },
      ...{ objects: this.#store.size, faulty: this.#store.faulty },
    };
  }

  /** Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let pause = 0;
      try {
        this.#version ??= await this.#list(signal);
        pause = await this.#watch(this.#version, signal);
      } catch (error) {
        if (signal.aborted) return;
        pause = this.#failed(error);
      }
      if (pause > 0) await this.#options.clock.delay(pause, signal).catch(() => undefined);
    }
  }

  /** Of the first version that the server has; returns the version that the list is of. */
  async #list(signal: AbortSignal): Promise<string> {
    const { paths } = this.#options.resource;
    const known = this.#path === undefined ? [] : [this.#path];
    let missing: unknown;
    for (const path of [...known, ...paths.filter((one) => one !== this.#path)]) {
      try {
        const listing = this.#store.relist();
        const version = await this.#pages(path, listing, signal);
        this.#path = path;
        this.#everListed = true;
        this.#missingSince = undefined;
        const changed = listing.end();
        // Of one that was refused, or away, only a watch says that all is well again.
        const first = this.#state === 'listing' || this.#state === 'absent';
        this.#becomes(first ? 'synced' : this.#state, this.#lastError, changed);
        return version;
      } catch (error) {
        const isMissing = error instanceof ApiError && (await this.#isMissing(error, path, signal));
        if (!isMissing) throw error;
        missing = new ApiError(404, 'NotFound', error.message);
      }
    }
    throw missing;
  }

  /** Of each page only what is kept stays: a whole list of Nodes is larger than the daemon. */
  async #pages(path: string, listing: Listing, signal: AbortSignal): Promise<string> {
    const { resource, api } = this.#options;
    for (let next = ''; ; ) {
      const more = next === '' ? {} : { continue: next };
      const query = { ...resource.query, limit: `${PAGE}`, ...more };
      const page = listPage(await api.json({ path, query, signal }));
      listing.add(page.items);
      if (page.next === '') return page.version;
      next = page.next;
    }
  }

  /**
   * The server asks for rights before it looks what there is: whether what it forbids is there at all,
   * its description of the API tells, which everybody may read.
   */
  async #isMissing({ code }: ApiError, path: string, signal: AbortSignal): Promise<boolean> {
    if (code !== 403 || !path.startsWith('/apis/')) return code === 404;
    const [, apis, group, version] = path.split('/');
    try {
      const described = await this.#options.api.json({
        path: `/${apis}/${group}/${version}`,
        signal,
      });
      const plural = path.split('/').at(-1);
      const served = Fields.of(described).mappings('resources');
      return !served.some((one) => one.text('name') === plural);
    } catch (error) {
      return error instanceof ApiError && error.code === 404;
    }
  }

  /** Until the watch ends as it should; returns milliseconds to wait for before the next. */
  async #watch(from: string, signal: AbortSignal): Promise<number> {
    const { resource, api, clock, random } = this.#options;
    let heard = false;
    const seconds = Math.round(WATCH_S * (1 + random()));
    const query = {
      ...resource.query,
      ...{ watch: '1', allowWatchBookmarks: 'true' },
      ...{ resourceVersion: from, timeoutSeconds: `${seconds}` },
    };
    const path = this.#path ?? resource.paths[0] ?? '';
    const lines = await api.watch({ path, query, signal });
    this.#openedAt = clock.monotonic();
    this.#becomes('synced', undefined, false);
    for await (const line of lines) {
      const event = watchEvent(line);
      heard = true;
      this.#wentWell();
      this.#version = event.version;
      switch (event.type) {
        case 'put':
          if (this.#store.put(event.object)) this.#options.onChange();
          break;
        case 'gone':
          if (this.#store.remove(event.object)) this.#options.onChange();
          break;
        case 'bookmark':
          break;
      }
    }
    const lasted = clock.monotonic() - this.#openedAt;
    if (!heard && lasted < SHORT_WATCH_MS) throw new Error('the watch ended as soon as it began');
    this.#wentWell();
    // Its own time is no other node's; before that the server goes away, and ends those of all nodes.
    return lasted < seconds * 1000 - EARLY_MS ? backoff(1, random) : 0;
  }

  /** Takes note of what went wrong; returns milliseconds to wait for. */
  #failed(error: unknown): number {
    const { log, resource, clock, random } = this.#options;
    const now = clock.monotonic();
    if (now - this.#openedAt >= SHORT_WATCH_MS) this.#wentWell();
    this.#openedAt = Number.POSITIVE_INFINITY;
    const text = errorText(error);
    log.debug({ resource: resource.name, error: text }, 'a request to the API server failed');
    const code = error instanceof ApiError ? error.code : undefined;
    if (code === 410) {
      // The server has forgotten how to go on from there: it may have been started anew.
      this.#version = undefined;
      this.#expired++;
      if (this.#expired === 1) return 0;
      this.#becomes(this.#state === 'synced' ? 'stale' : this.#state, text, false);
      return backoff(this.#expired - 1, random);
    }
    if (code !== 403) this.#refusedSince = undefined;
    if (code !== 404) this.#missingSince = undefined;
    if (code === 404) return this.#missing(text);
    this.#failures++;
    if (code === 403) {
      this.#refusedSince ??= now;
      if (now - this.#refusedSince >= REFUSED_MS || this.#state === 'refused') {
        this.#version = undefined;
        this.#becomes('refused', text, false);
        return spread(SLOW_RETRY_MS, random);
      }
    }
    if (isGarbled(error)) this.#version = undefined;
    // A connection that breaks now and then is none that is lost.
    if (this.#failures > 1 || !this.#everListed) {
      this.#becomes(this.#state === 'synced' ? 'stale' : this.#state, text, false);
    }
    const retryAfter = error instanceof ApiError ? error.retryAfter : 0;
    return backoff(this.#failures, random, retryAfter);
  }

  #wentWell(): void {
    this.#failures = 0;
    this.#expired = 0;
    this.#refusedSince = undefined;
  }

  /** The server knows no such resource: so it is, unless it had it, and may only have started. */
  #missing(text: string): number {
    const { clock, random } = this.#options;
    const now = clock.monotonic();
    this.#version = undefined;
    this.#missingSince ??= now;
    if (this.#store.size > 0 && now - this.#missingSince < MISSING_MS) {
      this.#becomes('stale', text, false);
      return spread(LAST_RETRY_MS, random);
    }
    this.#path = undefined;
    const cleared = this.#store.clear();
    this.#everListed = false;
    this.#becomes('absent', undefined, cleared);
    return spread(SLOW_RETRY_MS, random);
  }

  #becomes(state: ResourceState, error: string | undefined, changed: boolean): void {
    const before = this.#state;
    this.#lastError = error;
    if (before !== state) {
      this.#state = state;
      this.#since = this.#options.clock.now();
      this.#tell(before);
    }
    if (before !== state || changed) this.#options.onChange();
  }

  #tell(before: ResourceState): void {
    const { log, resource } = this.#options;
    const fields = { resource: resource.name, objects: this.#store.size, error: this.#lastError };
    switch (this.#state) {
      case 'synced': {
        const news = before === 'listing' || before === 'absent';
        log.info(fields, news ? 'listed' : 'the API server answers again');
        break;
      }
      case 'stale':
        log.warn(fields, 'the API server does not answer: the last known stays');
        break;
      case 'refused':
        log.warn(fields, 'the API server forbids to list or watch: see docs/kubernetes.md');
        break;
      case 'absent':
        log.info(fields, 'the cluster has no such resource');
        break;
      case 'listing':
        break;
    }
  }
}

/** Events may have been missed: what there is now only a list tells. */
function isGarbled(error: unknown): boolean {
  return (
    error instanceof ObjectFault || error instanceof SyntaxError || error instanceof RangeError
  );
}
