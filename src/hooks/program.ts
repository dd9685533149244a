/**
 * Runs one program to its end, and no longer: in a process group of its own,
 * which is killed when its time is up, when it floods its output, and, whatever
 * of it is left, when the program has ended. It never rejects.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../clock.js';
import { formatDuration } from '../config/duration.js';
import { reapGroup } from '../kernel/reap.js';
import { withoutRights } from './without-rights.js';

export interface ProgramOptions {
  readonly run: readonly [program: string, ...args: string[]];
  /** Milliseconds. */
  readonly timeout: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** `stopped`: by the signal. `detail` is one phrase, empty for `ok`. */
export interface ProgramEnd {
  readonly result: 'ok' | 'failed' | 'timeout' | 'stopped';
  readonly detail: string;
  /** The last of what it wrote to standard output and standard error. */
  readonly output: string;
}

/** Characters of the output that are kept. */
const KEPT = 1_000;
/** Bytes: reading more than this costs the daemon more than it is worth. */
const MOST_OUTPUT = 1 << 20;
/** For what is still in the pipe when the program has ended, and for a killed one to go. */
const REST_MS = 500;
/** Between two looks whether the rest of a killed group has ended. */
const REAP_MS = 5;

type Verdict = Pick<ProgramEnd, 'result' | 'detail'>;

export async function runProgram(options: ProgramOptions): Promise<ProgramEnd> {
  let child: ChildProcess;
  try {
    child = start(options);
  } catch (error) {
    return { ...cannotStart(error), output: '' };
  }
  const { clock, timeout, signal } = options;
  const over = new AbortController();
  const stop = (): void => over.abort();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const output = new Output(child);
  const ended = endOf(child);
  const verdict = await Promise.race([
    ended,
    output.flooded,
    clock.delay(timeout, over.signal).then(
      (): Verdict => ({
        result: 'timeout',
        detail: `not ended within ${formatDuration(timeout)}, and killed`,
      }),
      (): Verdict => ({ result: 'stopped', detail: 'the daemon ends' }),
    ),
  ]);
  over.abort();
  signal.removeEventListener('abort', stop);
  const unkillable = killGroup(child);
  // A process that sleeps in the kernel cannot be killed; one that has left its group may hold the pipe.
  const rest = new AbortController();
  const late = clock.delay(REST_MS, rest.signal).catch(() => undefined);
  const gone = Promise.all([ended, output.closed]).then(() => reaped(child, options, rest.signal));
  await Promise.race([gone, late]);
  rest.abort();
  output.end();
  return {
    ...verdict,
    detail: unkillable === undefined ? verdict.detail : `${verdict.detail}; ${unkillable}`,
    output: output.text,
  };
}

function start({ run, environment }: ProgramOptions): ChildProcess {
  const [program, ...args] = withoutRights(run);
  return spawn(program, args, {
    cwd: '/',
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // setsid(2): the leader of a group, which can be killed as one.
    detached: true,
  });
}

function endOf(child: ChildProcess): Promise<Verdict> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(cannotStart(error)));
    child.once('exit', (code, signal) => {
      if (code === 0) resolve({ result: 'ok', detail: '' });
      else resolve({ result: 'failed', detail: signal ?? `exit code ${code}` });
    });
  });
}

function cannotStart(error: unknown): Verdict {
  const message = error instanceof Error ? error.message : String(error);
  return { result: 'failed', detail: `cannot be started: ${message}` };
}

/** Its leader may have ended: the rest is still a group of that number. Says why it could not be killed. */
function killGroup({ pid }: ChildProcess): string | undefined {
  if (pid === undefined) return undefined;
  try {
    process.kill(-pid, 'SIGKILL');
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ESRCH' ? undefined : `it cannot be killed: ${code}`;
  }
}

/** Resolves once nothing is left of its group that is ours to take notice of, or with the signal. */
async function reaped(
  { pid }: ChildProcess,
  { clock }: ProgramOptions,
  signal: AbortSignal,
): Promise<void> {
  while (pid !== undefined && !reapGroup(pid) && !signal.aborted) {
    await clock.delay(REAP_MS, signal).catch(() => undefined);
  }
}

/** What a child writes: the last of it kept, the whole of it bounded. */
class Output {
  readonly closed: Promise<void>;
  readonly flooded: Promise<Verdict>;
  readonly #child: ChildProcess;
  #text = '';
  #bytes = 0;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.closed = new Promise((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    this.flooded = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8');
        stream?.on('data', (text: string) => {
          this.#text = (this.#text + text).slice(-KEPT);
          this.#bytes += Buffer.byteLength(text);
          if (this.#bytes <= MOST_OUTPUT) return;
          const detail = `wrote more than ${MOST_OUTPUT >> 20} MiB, and was killed`;
          resolve({ result: 'failed', detail });
        });
      }
    });
  }

  get text(): string {
    return this.#text.trim();
  }

  /** Nothing is read any more: who still writes gets EPIPE. */
  end(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}
