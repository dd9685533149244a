/**
 * Keeps the configuration in force true to its files: watches them, loads them
 * again when they change or when asked, and refuses what is wrong. The last
 * good one stays until a better one is there.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ReloadReport } from './admin/command-report.js';
import type { ConfigState } from './admin/facts.js';
import type { Clock } from './clock.js';
import type { Config } from './config/config.js';
import { diffConfigs } from './config/diff.js';
import { formatFault } from './config/fault.js';
import { loadConfigApart } from './config/load-apart.js';
import type { LoadedConfig } from './config/loaded.js';
import { watchFiles } from './config/watch.js';
import type { Log } from './log-port.js';

export interface ConfigKeeperOptions {
  readonly path: string;
  /** What is in force from the start. */
  readonly loaded: LoadedConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** What speaks against it on this node, one line each; empty when nothing does. */
  readonly faultsHere: (loaded: LoadedConfig) => Promise<readonly string[]>;
  /** Puts it in force, as one change; `changes` in the words of `diffConfigs`. */
  readonly apply: (config: Config, changes: readonly string[]) => void;
  /** Called after each reload, applied or refused. */
  readonly onReload: () => void;
}

export class ConfigKeeper {
  readonly #options: Omit<ConfigKeeperOptions, 'loaded'>;
  #config: Config;
  #state: ConfigState;
  readonly #identity: string;
  #watched: readonly string[] = [];
  #stopWatch = new AbortController();
  /** The reload that runs, or ran last. */
  #reload: Promise<ReloadReport>;

  constructor({ loaded, ...options }: ConfigKeeperOptions) {
    this.#options = options;
    this.#config = loaded.config;
    this.#identity = loaded.identity;
    this.#state = { file: options.path, loadedAt: options.clock.now(), faults: [] };
    this.#reload = Promise.resolve({ applied: true, changes: [] });
  }

  get state(): ConfigState {
    return this.#state;
  }

  /** Reloads whenever a file changes, or has since the load for the start, until {@link stop}. Once. */
  watch(): void {
    this.#watch(this.#config.files, this.#identity);
  }

  stop(): void {
    this.#stopWatch.abort();
  }

  /** One at a time: who asks while one runs gets a new one behind it. Never rejects. */
  reload(): Promise<ReloadReport> {
    this.#reload = this.#reload.then(() => this.#reloadNow());
    return this.#reload;
  }

  async #reloadNow(): Promise<ReloadReport> {
    const { path, log, clock, faultsHere, apply, onReload } = this.#options;
    const result = await loadConfigApart(path);
    const faults = result.ok ? await faultsHere(result) : result.faults.map(formatFault);
    if (!result.ok || faults.length > 0) {
      // The fault may be in a file that only this configuration names, or be mended by one.
      const files = result.ok ? result.config.files : result.files;
      this.#watch([...new Set([...this.#config.files, ...files])]);
      this.#state = { ...this.#state, faults };
      for (const fault of faults)
        log.error({ fault }, 'configuration refused; the last good one stays');
      onReload();
      return { applied: false, faults };
    }
    const before = this.#config;
    this.#config = result.config;
    this.#state = { ...this.#state, loadedAt: clock.now(), faults: [] };
    this.#watch(result.config.files, result.identity);
    const changes = diffConfigs(before, result.config);
    if (changes.length > 0 || !isDeepStrictEqual(besideLists(before), besideLists(result.config))) {
      apply(result.config, changes);
      log.info({ changes }, 'configuration reloaded');
    }
    onReload();
    return { applied: true, changes };
  }

  /** A watch that goes on misses nothing, so it is replaced for other files only. */
  #watch(files: readonly string[], identity?: string): void {
    if (files.join('\0') === this.#watched.join('\0')) return;
    this.#watched = files;
    this.#stopWatch.abort();
    this.#stopWatch = new AbortController();
    watchFiles(files, () => void this.reload(), this.#stopWatch.signal, identity);
  }
}

/** Without the prefix lists: they may be long, and `diffConfigs` tells every change of theirs. */
function besideLists(config: Config): Omit<Config, 'prefixLists'> {
  const { prefixLists: _, ...rest } = config;
  return rest;
}
