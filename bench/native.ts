/** The programs of `bench/native`, which `scripts/bench` compiles: run, and spoken to line by line. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Netns } from '../test/support/netns.js';

export type NativeProgram = 'table-watch' | 'route-stamps' | 'bulk-routes';

const PROGRAMS = fileURLToPath(new URL('../.cache/bench/', import.meta.url));

/** Path of a compiled program. */
export function nativeProgram(name: NativeProgram): string {
  return `${PROGRAMS}${name}`;
}

/** A program that answers each line it is given with one line, in order. */
export class LineProgram implements AsyncDisposable {
  readonly #lines: AsyncIterator<string>;
  #said = '';

  private constructor(
    private readonly name: NativeProgram,
    private readonly child: ChildProcess,
    lines: Interface,
  ) {
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** Resolves once it says `ready`. */
  static async start(
    netns: Netns,
    name: NativeProgram,
    ...args: readonly string[]
  ): Promise<LineProgram> {
    const child = netns.spawn([nativeProgram(name), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    if (child.stdout === null) throw new Error(`${name} has no output`);
    const program = new LineProgram(name, child, createInterface({ input: child.stdout }));
    child.stdin?.on('error', () => {}); // It has ended; whoever asks is told so.
    child.stderr?.on('data', (chunk: Buffer) => {
      program.#said += chunk;
    });
    await program.#answer('its start');
    return program;
  }

  /** @throws Error when the program ends, with what it says of the reason. */
  ask(command: string): Promise<string> {
    this.child.stdin?.write(`${command}\n`);
    return this.#answer(command);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  async #answer(command: string): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.name} ended over ${command}: ${this.#said.trim()}`);
    return String(value);
  }
}
