/**
 * The wall clock as one process sees it, set by libfaketime; the monotonic clock
 * goes on, and the machine's is not touched.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export class WallClock {
  constructor(
    private readonly file: string,
    private readonly library: string = faketimeLibrary(),
  ) {
    this.jump(0);
  }

  /** What a process needs in its environment to go by it. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: this.library,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** Seconds ahead of the machine's clock, or behind it. */
  jump(seconds: number): void {
    writeFileSync(this.file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
  }
}

function faketimeLibrary(): string {
  for (const directory of readdirSync('/usr/lib')) {
    const path = join('/usr/lib', directory, 'faketime/libfaketimeMT.so.1');
    if (existsSync(path)) return path;
  }
  throw new Error('libfaketime is missing: scripts/setup installs it');
}
