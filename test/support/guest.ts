/**
 * A test file in a kernel of its own, for what this machine's kernel cannot do: Debian's, under QEMU, which
 * emulates the processor, so that it runs wherever the tests do (docs/decisions/024-a-kernel-of-its-own.md).
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { guestKernel, writeGuestImage } from './guest-image.js';
import { scratchDirectory } from './leftovers.js';
import { here } from './netns.js';
import { inRoot } from './peer-root.js';

/** Of one test or suite that ended in the guest, in the order that they ended. */
export interface GuestResult {
  /** With the suites around it, outermost first. */
  readonly name: string;
  readonly milliseconds: number;
  /** Why it failed; absent: it passed. */
  readonly fault?: string;
}

export interface GuestRun {
  readonly results: readonly GuestResult[];
  /** Status of the test file's process; absent where the guest came to no end. */
  readonly exit?: number;
  /** What the kernel and the tests printed. */
  readonly console: string;
}

/**
 * Boots a guest, runs a test file in it, and resolves once it is off again.
 * @param test a path below the project, of a file below `test/guest`.
 * @param deadlineMs when the guest is ended from outside; its results so far are kept.
 */
export async function runInGuest(test: string, deadlineMs: number): Promise<GuestRun> {
  const scratch = scratchDirectory('guest');
  try {
    writeGuestImage(join(scratch.path, 'image'), scratch.path, test);
    const results = join(scratch.path, 'results');
    writeFileSync(results, '');
    const child = here.spawn(inRoot('guest', scratch.path, ['/tmp'], machine(test)), {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let console = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        console += text;
      });
    }
    const deadline = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    await once(child, 'close');
    clearTimeout(deadline);
    return { ...told(readFileSync(results, 'utf8')), console };
  } finally {
    scratch.remove();
  }
}

/** The kernel hands what is behind `--` to the image's init. */
function machine(test: string): readonly string[] {
  const script = `./${test.replace(/\.ts$/, '.js')}`;
  return [
    'qemu-system-x86_64',
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '1G'],
    ...['-nodefaults', '-display', 'none', '-no-reboot'],
    ...['-kernel', guestKernel(), '-initrd', '/tmp/image'],
    ...['-append', `console=ttyS0 quiet panic=-1 mitigations=off -- ${script}`],
    ...['-serial', 'stdio', '-serial', 'file:/tmp/results'],
  ];
}

/** The lines of test/guest/main.ts, and the one of init; one that was cut short is not counted. */
function told(text: string): Pick<GuestRun, 'results' | 'exit'> {
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as GuestResult | { readonly exit: number });
  const results = lines.filter((line): line is GuestResult => 'name' in line);
  const end = lines.find((line): line is { readonly exit: number } => 'exit' in line);
  return { results, ...end };
}
