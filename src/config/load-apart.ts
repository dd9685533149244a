/**
 * Reads a configuration in a process of its own, for the daemon: the packages
 * that this takes are a quarter of what an idle daemon would have resident, and
 * a large file is parsed at a stroke (docs/decisions/018-configuration-apart.md).
 */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageVersion } from '../package-version.js';
import type { LoadResult } from './loaded.js';
import { Assembly, type Part } from './transfer.js';

const PROGRAM = fileURLToPath(new URL('./load-process.js', import.meta.url));
/** Of this process, before any upgrade. */
const VERSION = packageVersion();
/** Milliseconds: a file system that does not answer holds up no later reload. */
const PATIENCE = 60_000;

export interface LoadOptions extends Pick<ForkOptions, 'execPath' | 'execArgv'> {
  /** By default a minute. */
  readonly patience?: number;
}

/**
 * As `loadConfig`, which runs in the other process. Never rejects: where that
 * process cannot be started, does not end, or ends before it has said all, the
 * configuration is refused for that; so it is where the program was upgraded
 * meanwhile. `execPath` and `execArgv` are what runs it: by default, what runs this.
 */
export function loadConfigApart(
  path: string,
  { patience = PATIENCE, ...runtime }: LoadOptions = {},
): Promise<LoadResult> {
  return new Promise((resolved) => {
    let child: ChildProcess | undefined;
    const done = (result: LoadResult): void => {
      clearTimeout(deadline);
      resolved(result);
    };
    const fail = (why: string): void => {
      const message = `cannot be read: the process for that ${why}`;
      const fault = { file: path, line: 1, column: 1, path: '', message };
      child?.kill('SIGKILL');
      done({ ok: false, faults: [fault], files: [resolve(path)] });
    };
    const deadline = setTimeout(() => fail(`has not ended within ${patience} ms`), patience);
    const cannotStart = (error: unknown): void => {
      fail(`could not be started: ${error instanceof Error ? error.message : String(error)}`);
    };
    try {
      child = fork(PROGRAM, [path], {
        ...runtime,
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      });
    } catch (error) {
      cannotStart(error);
      return;
    }
    const assembly = new Assembly(VERSION);
    child.on('message', (part) => {
      try {
        const result = assembly.add(part as Part);
        if (result !== undefined) done(result);
      } catch (error) {
        fail(error instanceof Error ? error.message : String(error));
      }
    });
    child.on('error', cannotStart);
    // Behind everything that it said.
    child.on('close', (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`));
  });
}
