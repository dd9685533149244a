/**
 * Keeps what is known of one resource true to the API server: listed whole, then watched from there
 * on, resumed where a watch ends, and listed again where the server has forgotten how to go on. What
 * is known stays while the server is away. One at a time, until the signal aborts.
 */
import type { Clock } from '../../clock.js';
import type { Log } from '../../log-port.js';
import type { ResourceState, ResourceStatus } from '../discovered.js';
import type { ApiClient } from './api-client.js';
import { ApiError, errorText } from './api-error.js';
import { Fields, ObjectFault } from './fields.js';
import { ObjectStore } from './object-store.js';
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
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 15_000;
/** For what the server forbids or does not have: somebody has to change that first. */
const SLOW_RETRY_MS = 30_000;
/** A server that starts has not heard of its own resources yet. */
const MISSING_MS = 30_000;
/** A watch that ends sooner, and has said nothing, is one that failed. */
const SHORT_WATCH_MS = 1_000;

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
        this.#version = await this.#watch(this.#version, signal);
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
        const { items, version } = await this.#pages(path, signal);
        this.#path = path;
        this.#everListed = true;
        this.#missingSince = undefined;
        const changed = this.#store.replace(items);
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

  async #pages(
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly items: readonly Fields[]; readonly version: string }> {
    const { resource, api } = this.#options;
    const items: Fields[] = [];
    for (let next = ''; ; ) {
      const more = next === '' ? {} : { continue: next };
      const query = { ...resource.query, limit: `${PAGE}`, ...more };
      const page = listPage(await api.json({ path, query, signal }));
      for (const item of page.items) items.push(item);
      if (page.next === '') return { items, version: page.version };
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

  /** Until the watch ends as it should; returns the version to go on from. */
  async #watch(from: string, signal: AbortSignal): Promise<string | undefined> {
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
      this.#failures = 0;
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
    if (!heard && clock.monotonic() - this.#openedAt < SHORT_WATCH_MS) {
      throw new Error('the watch ended as soon as it began');
    }
    this.#failures = 0;
    return this.#version;
  }

  /** Takes note of what went wrong; returns milliseconds to wait for. */
  #failed(error: unknown): number {
    const { log, resource, clock } = this.#options;
    if (clock.monotonic() - this.#openedAt >= SHORT_WATCH_MS) this.#failures = 0;
    this.#openedAt = Number.POSITIVE_INFINITY;
    this.#failures++;
    const text = errorText(error);
    log.debug({ resource: resource.name, error: text }, 'a request to the API server failed');
    const code = error instanceof ApiError ? error.code : undefined;
    if (code !== 404) this.#missingSince = undefined;
    if (code === 403) {
      this.#version = undefined;
      this.#becomes('refused', text, false);
      return this.#spread(SLOW_RETRY_MS);
    }
    if (code === 404) return this.#missing(text);
    // The server has forgotten how to go on from there, or has said what was not understood.
    if (code === 410 || isGarbled(error)) this.#version = undefined;
    if (code === 410 && this.#failures === 1) return 0;
    // A connection that breaks now and then is none that is lost.
    if (this.#failures > 1 || !this.#everListed) {
      this.#becomes(this.#state === 'synced' ? 'stale' : this.#state, text, false);
    }
    return this.#spread(Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), LAST_RETRY_MS));
  }

  /** The server knows no such resource: so it is, unless it had it, and may only have started. */
  #missing(text: string): number {
    const { clock } = this.#options;
    const now = clock.monotonic();
    this.#version = undefined;
    this.#missingSince ??= now;
    if (this.#store.size > 0 && now - this.#missingSince < MISSING_MS) {
      this.#becomes('stale', text, false);
      return this.#spread(LAST_RETRY_MS);
    }
    this.#path = undefined;
    const cleared = this.#store.clear();
    this.#everListed = false;
    this.#becomes('absent', undefined, cleared);
    return this.#spread(SLOW_RETRY_MS);
  }

  /** Half to all of it. */
  #spread(ms: number): number {
    return ms * (0.5 + this.#options.random() / 2);
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
