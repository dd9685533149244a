/** One `ip -batch` that runs on, and answers the same questions again and again. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Netns } from '../support/netns.js';
import { monotonicMs } from './probe-protocol.js';

/** When a round was asked, and the one before it (`monotonicMs`). */
export interface Asked {
  readonly at: number;
  readonly before: number;
}

export interface Ask {
  /** Lines for `ip -batch`; one that fails prints nothing here. */
  readonly commands: readonly string[];
  /** Told what they printed, one line a route. */
  readonly answer: (lines: readonly string[], asked: Asked) => void;
}

/** Always answered, and by no other: ends the answers to one ask. */
const END = { '-4': '127.0.0.1', '-6': '::1' } as const;

export class Channel implements AsyncDisposable {
  rounds = 0;
  worstGapMs = 0;
  readonly #child: ChildProcess;
  readonly #text: string;
  readonly #end: string;
  #lines: string[] = [];
  /** Told at the end of a round, by the number it must at least have. */
  #waiting: { readonly round: number; readonly done: () => void }[] = [];
  /** Of the running round; behind the last when none runs. */
  #asking: number;
  #asked: Asked = { at: monotonicMs(), before: monotonicMs() };

  constructor(
    netns: Netns,
    family: '-4' | '-6',
    private readonly asks: readonly Ask[],
  ) {
    this.#asking = asks.length;
    this.#end = `local ${END[family]} `;
    this.#text = asks
      .flatMap(({ commands }) => [...commands, `route get ${END[family]}`])
      .map((command) => `${command}\n`)
      .join('');
    this.#child = netns.spawn(['ip', family, '-o', '-force', '-batch', '-'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const { stdin, stdout } = this.#child;
    if (stdin === null || stdout === null) throw new Error('a channel without pipes');
    stdin.on('error', () => {}); // Its end is told by its exit.
    createInterface({ input: stdout }).on('line', (line) => this.#hear(line));
  }

  /** Begins a round, unless one is not answered yet. */
  ask(): void {
    if (this.#child.exitCode !== null) throw new Error('the probe has ended');
    if (this.#asking < this.asks.length) return;
    const now = monotonicMs();
    if (this.rounds++ > 0) this.worstGapMs = Math.max(this.worstGapMs, now - this.#asked.at);
    this.#asked = { at: now, before: this.#asked.at };
    this.#asking = 0;
    this.#child.stdin?.write(this.#text);
  }

  /** Resolves at the end of a round that began after this call. */
  round(): Promise<void> {
    return new Promise((done) => this.#waiting.push({ round: this.rounds + 1, done }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  #hear(line: string): void {
    if (!line.startsWith(this.#end)) {
      this.#lines.push(line);
      return;
    }
    this.asks[this.#asking]?.answer(this.#lines, this.#asked);
    this.#lines = [];
    this.#asking++;
    if (this.#asking < this.asks.length) return;
    const over = this.#waiting.filter(({ round }) => round <= this.rounds);
    this.#waiting = this.#waiting.filter(({ round }) => round > this.rounds);
    for (const { done } of over) done();
  }
}
