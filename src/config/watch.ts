/**
 * Tells when files change, by whatever way they are changed: written in place,
 * renamed over by an editor, or swapped under a symbolic link as the kubelet
 * does with a ConfigMap (`..data` is renamed over, the files stay links).
 *
 * Directories are watched, since a watch on a file follows the inode that a
 * rename leaves behind. An event there is only a hint: what decides is the
 * files' identity (device, inode, size, change time) before and after.
 */
import { readlinkSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import { identityOf, orSystemError } from './file-identity.js';

/** Files must stay the same for so long before a change is told, in milliseconds. */
const SETTLE = 200;

/** Without inotify (its instances are used up) files are looked at this often, in milliseconds. */
const POLL = 5_000;

/** Links that lead to links: as many as the kernel follows (path_resolution(7)). */
const MOST_LINKS = 40;

/**
 * Calls `onChange` once for each change of any of `files`, 200 ms after the
 * last write of a burst, until `signal` aborts. A file that is missing, now or
 * later, is waited for as long as its directory exists; that it vanished is a
 * change. `seenBefore` is what {@link identityOf} said of them before the caller read
 * them: what has changed since is told too. Without it only what changes after
 * the call is noticed.
 */
export function watchFiles(
  files: readonly string[],
  onChange: () => void,
  signal: AbortSignal,
  seenBefore?: string,
): void {
  if (signal.aborted) return;
  const paths = files.map((file) => resolve(file));
  let told = seenBefore ?? identityOf(paths);
  let seen = told;
  let settling: NodeJS.Timeout | undefined;
  let polling: NodeJS.Timeout | undefined;
  let directories = directoriesOf(paths);

  const look = (): void => {
    if (settling !== undefined || signal.aborted) return;
    seen = identityOf(paths);
    if (seen !== told) settling = setTimeout(settle, SETTLE);
  };
  const settle = (): void => {
    settling = undefined;
    const now = identityOf(paths);
    if (now !== seen) {
      seen = now;
      settling = setTimeout(settle, SETTLE);
      return;
    }
    follow();
    if (now === told) return;
    told = now;
    onChange();
  };
  /** Links may lead elsewhere now. A watcher told to unwatch one directory loses others (chokidar 4.0), so it is made anew. */
  const follow = (): void => {
    const before = directories;
    directories = directoriesOf(paths);
    if (before.size === directories.size && [...directories].every((one) => before.has(one)))
      return;
    void watcher.close();
    watcher = open();
  };
  const open = (): FSWatcher => {
    const opened = watch([...directories], {
      depth: 0,
      followSymlinks: false,
      ignoreInitial: true,
      ignorePermissionErrors: true,
      ignored: (path) => !directories.has(path),
    });
    opened.on('raw', look);
    // What happened before it began is seen by looking.
    opened.on('ready', look);
    opened.on('error', () => {
      polling ??= setInterval(look, POLL);
    });
    return opened;
  };

  let watcher = open();
  signal.addEventListener('abort', () => {
    clearTimeout(settling);
    clearInterval(polling);
    void watcher.close();
  });
}

/** Where an event must be seen: the directory of each file, of each link it is reached by, and of its target. */
function directoriesOf(paths: readonly string[]): Set<string> {
  const directories = new Set<string>();
  for (const path of paths) {
    let hop = path;
    directories.add(dirname(hop));
    for (let links = 0; links < MOST_LINKS; links++) {
      const target = orSystemError(() => ({ path: readlinkSync(hop) }));
      if (typeof target === 'string') break;
      hop = resolve(dirname(hop), target.path);
      directories.add(dirname(hop));
    }
    const real = orSystemError(() => ({ path: realpathSync(path) }));
    if (typeof real !== 'string') directories.add(dirname(real.path));
  }
  return directories;
}
