/** A program that runs until it is stopped and says what it does in a file. */
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Netns } from '../netns.js';

export interface LoggedProcess {
  readonly pid: number;
  readonly running: boolean;
  /** What it has written so far, of this run and those before it in the same file. */
  log(): Promise<string>;
  /** Rejects, with the end of its log, if it has ended. */
  mustRun(): Promise<void>;
  /** Resolves once it has ended. Idempotent. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Starts the command in the namespace; both its outputs are appended to the file. */
export function startLogged(netns: Netns, command: readonly string[], file: string): LoggedProcess {
  const child = netns.spawn(command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command[0]} did not start`);
  const log = createWriteStream(file, { flags: 'a' });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  child.once('close', () => log.end());
  const running = () => child.exitCode === null && child.signalCode === null;
  return {
    pid,
    get running() {
      return running();
    },
    log: () => readFile(file, 'utf8'),
    async mustRun() {
      if (running()) return;
      throw new Error(`${command[0]} ended: ${(await readFile(file, 'utf8')).slice(-1000)}`);
    },
    async stop(signal) {
      if (!running()) return;
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    },
  };
}
