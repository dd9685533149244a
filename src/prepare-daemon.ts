/** What comes before the first write: all that may keep a daemon from beginning. */
import { acquireLock } from './admin/lock.js';
import type { Config } from './config/config.js';
import type { LoadResult } from './config/loaded.js';
import { systemNft } from './connmark/nft.js';
import { Daemon, type DaemonOptions } from './daemon.js';
import type { Kernel } from './kernel/kernel.js';
import { createLogger, type Logger } from './observe/log.js';
import {
  acceptedOrFault,
  checkAgainstKernel,
  checkConnmark,
  checkEnvironment,
  openKernel,
  removeRulesAheadOfLocal,
} from './preflight.js';
import { StartFault } from './start-fault.js';
import { EMPTY_STATE, loadState, type SavedState, statePath } from './state-file.js';

export interface PreparedDaemon {
  /**
   * Runs until `signal` aborts; routes and rules then stay, unless told
   * otherwise. Throws whatever breaks the kernel's socket later.
   */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * All that may keep it from beginning: throws {@link StartFault}. `result` is what
 * came of reading the configuration; a later one takes its place, so nothing holds on to it.
 */
export async function prepareDaemon(
  options: DaemonOptions,
  result: LoadResult,
): Promise<PreparedDaemon> {
  const loaded = acceptedOrFault(result);
  const { config } = loaded;
  checkEnvironment(config);
  const log = createLogger({ level: config.log.level });
  const lock = await acquireLock();
  if (lock === undefined) {
    throw new StartFault('another rib2fib runs in this network namespace', 1);
  }
  let kernel: Kernel | undefined;
  const close = async (): Promise<void> => {
    await kernel?.close();
    lock.release();
  };
  try {
    kernel = await openKernel(log);
    const removed = await removeRulesAheadOfLocal(kernel);
    if (removed > 0) log.warn({ removed }, 'rules of ours stood ahead of table local: taken out');
    await checkAgainstKernel(loaded, kernel);
    await checkConnmark(loaded, systemNft);
    const saved = await savedState(config, log);
    const daemon = new Daemon(options, loaded, kernel, log, saved);
    return { run: (signal) => daemon.run(signal).finally(close) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function savedState(config: Config, log: Logger): Promise<SavedState> {
  const file = statePath(config.admin.socket);
  try {
    return await loadState(file);
  } catch (error) {
    log.error({ err: error, file }, 'the state file is damaged; limits begin unlatched');
    return EMPTY_STATE;
  }
}
