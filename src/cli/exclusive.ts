import { acquireLock } from '../admin/lock.js';
import { CommandError } from './exit-code.js';

/**
 * Does `work` while no daemon can start in this network namespace. Throws
 * {@link CommandError} with `instead`, what to do then, when one runs.
 */
export async function whileNoDaemonRuns<T>(instead: string, work: () => Promise<T>): Promise<T> {
  const lock = await acquireLock();
  if (lock === undefined) {
    throw new CommandError(`a rib2fib daemon runs in this network namespace: ${instead}`);
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}
