/**
 * Reads a configuration in a process of its own, for the daemon: the packages
 * that this takes are a quarter of what an idle daemon would have resident, and
 * a large file is parsed at a stroke (docs/decisions/018-configuration-apart.md).
 */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadResult } from './loaded.js';
import { Assembly, type Part } from './transfer.js';

const PROGRAM = fileURLToPath(new URL('./load-process.js', import.meta.url));

/**
 * As `loadConfig`, which runs in the other process. Never rejects: where that
 * process cannot be started, or ends before it has said all, the configuration
 * is refused for that. `runtime` is what runs it: by default, what runs this.
 */
export function loadConfigApart(
  path: string,
  runtime: Pick<ForkOptions, 'execPath' | 'execArgv'> = {},
): Promise<LoadResult> {
  const child = fork(PROGRAM, [path], {
    ...runtime,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  return resultOf(child, path);
}

function resultOf(child: ChildProcess, path: string): Promise<LoadResult> {
  return new Promise((done) => {
    const assembly = new Assembly();
    const fail = (why: string): void => {
      const message = `cannot be read: the process for that ${why}`;
      const fault = { file: path, line: 1, column: 1, path: '', message };
      done({ ok: false, faults: [fault], files: [resolve(path)] });
    };
    child.on('message', (part) => {
      const result = assembly.add(part as Part);
      if (result !== undefined) done(result);
    });
    child.on('error', (error) => fail(`could not be started: ${error.message}`));
    // Behind everything that it said.
    child.on('close', (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`));
  });
}
