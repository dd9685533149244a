/** The directory of the admin socket and the state file, on a small disk of its own. */
import { execFileSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { undoAtExit } from '../support/leftovers.js';

const SIZE = 256 * 1024;
const BALLAST = 'ballast';

export class Disk implements AsyncDisposable {
  /** Neither full nor read-only. */
  usable = true;

  private constructor(
    readonly path: string,
    private readonly forget: () => void,
  ) {}

  /** Mounted at `path`, which is made. */
  static async mount(path: string): Promise<Disk> {
    await mkdir(path);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE},mode=0755`, 'rib2fib-chaos', path]);
    const forget = undoAtExit(() => execFileSync('umount', ['--lazy', path]));
    return new Disk(path, forget);
  }

  async fill(): Promise<void> {
    this.usable = false;
    await writeFile(join(this.path, BALLAST), Buffer.alloc(SIZE)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    });
  }

  async empty(): Promise<void> {
    await rm(join(this.path, BALLAST), { force: true });
    this.usable = true;
  }

  setWritable(writable: boolean): void {
    this.usable = writable;
    execFileSync('mount', ['-o', `remount,${writable ? 'rw' : 'ro'}`, this.path]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.forget();
    execFileSync('umount', ['--lazy', this.path]);
    await rm(this.path, { recursive: true, force: true });
  }
}
