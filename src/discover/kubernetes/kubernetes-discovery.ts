/**
 * Asks the API server of a cluster for what the configuration needs, and tells what comes of it: one
 * reflector a resource, and a snapshot whenever something has changed.
 */
import type { Clock } from '../../clock.js';
import type { Config } from '../../config/config.js';
import type { Log } from '../../log-port.js';
import type { Discovered, ResourceStatus } from '../discovered.js';
import type { Discovery } from '../discovery.js';
import type { ApiClient } from './api-client.js';
import { KeptMemory } from './kept-ranges.js';
import { neededResources } from './needs.js';
import { Reflector } from './reflector.js';
import {
  type ClusterView,
  type Kept,
  type Resource,
  type ResourceKey,
  resourcesOf,
} from './resources.js';
import { snapshotOf } from './snapshot.js';

export interface KubernetesDiscoveryOptions {
  readonly api: ApiClient;
  /** Name of this node in the cluster. */
  readonly node: string;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** A change that comes alone waits for nothing; behind one, more are waited for so long. */
const REST_MS = 100;

/** The same list each time, as that of a resource that has not changed. */
const NONE: readonly never[] = [];

interface Running {
  readonly reflector: Reflector<unknown>;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

export class KubernetesDiscovery implements Discovery {
  readonly #options: KubernetesDiscoveryOptions;
  readonly #resources: ReturnType<typeof resourcesOf>;
  readonly #running = new Map<ResourceKey, Running>();
  readonly #view: ClusterView;
  readonly #kept = new KeptMemory();
  #config: Config;
  #signal: AbortSignal | undefined;
  #wake: (() => void) | undefined;
  #changed = true;

  constructor(config: Config, options: KubernetesDiscoveryOptions) {
    this.#config = config;
    this.#options = options;
    this.#resources = resourcesOf(options.node);
    this.#view = {
      objects: <K extends ResourceKey>(key: K) =>
        (this.#running.get(key)?.reflector.objects ?? NONE) as readonly Kept<K>[],
      settled: (key) => (this.#running.get(key)?.reflector.state ?? 'listing') !== 'listing',
      absent: (key) => this.#running.get(key)?.reflector.state === 'absent',
    };
  }

  get name(): string {
    return this.#options.api.name;
  }

  get node(): string {
    return this.#options.node;
  }

  resources(): readonly ResourceStatus[] {
    return [...this.#running.values()]
      .map(({ reflector }) => reflector.status())
      .sort((a, b) => (a.resource < b.resource ? -1 : 1));
  }

  snapshot(config: Config): Discovered {
    const protect = config.discovery.kubernetes?.protect ?? [];
    const kept = this.#kept.of(protect, this.#view, this.#options.api.host);
    return snapshotOf(config, this.#view, kept);
  }

  reconfigure(config: Config): void {
    this.#config = config;
    this.#notice();
  }

  async *snapshots(signal: AbortSignal): AsyncGenerator<Discovered, void, undefined> {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake?.(), { once: true });
    const { clock } = this.#options;
    try {
      while (!signal.aborted) {
        if (!this.#changed) await this.#news();
        if (signal.aborted) return;
        this.#changed = false;
        this.#follow();
        yield this.snapshot(this.#config);
        await clock.delay(REST_MS, signal).catch(() => undefined);
      }
    } finally {
      this.#signal = undefined;
      for (const { stop } of this.#running.values()) stop.abort();
      await Promise.all([...this.#running.values()].map(({ ended }) => ended));
      this.#running.clear();
    }
  }

  /** Starts to ask for what is needed now, and ceases to ask for the rest. */
  #follow(): void {
    const needed = neededResources(this.#config, this.#view);
    for (const key of needed) if (!this.#running.has(key)) this.#start(key);
    for (const [key, { stop }] of this.#running) {
      if (needed.has(key)) continue;
      stop.abort();
      this.#running.delete(key);
    }
  }

  #start(key: ResourceKey): void {
    const { api, clock, random, log } = this.#options;
    const resource: Resource<unknown> = this.#resources[key];
    const onChange = () => this.#notice();
    const reflector = new Reflector({ resource, api, clock, random, log, onChange });
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, ...(this.#signal ? [this.#signal] : [])]);
    const ended = reflector.run(signal);
    this.#running.set(key, { reflector, stop, ended });
  }

  #notice(): void {
    this.#changed = true;
    this.#wake?.();
  }

  /** Until something has changed, or the signal has aborted. */
  async #news(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = undefined;
  }
}
