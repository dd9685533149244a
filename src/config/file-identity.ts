import { statSync } from 'node:fs';

/** Equal while no file has changed: device, inode, size and times of each, or why it has none. */
export function identityOf(paths: readonly string[]): string {
  return paths
    .map((path) => {
      const stats = orSystemError(() => statSync(path, { bigint: true }));
      return typeof stats === 'string'
        ? stats
        : `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
    })
    .join(' ');
}

/** The result, or the code of the system's error: a file that is not there is a state, no failure. */
export function orSystemError<T extends object>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
      return error.code;
    }
    throw error;
  }
}
