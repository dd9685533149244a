/**
 * Ways for connections that the test's process, in another namespace, could not go
 * itself, and a way within the namespace whose connections can be cut or left hanging.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Netns } from '../netns.js';

/** A connection made to `from` goes on to `to`. Unix sockets are of no namespace. */
export interface DoorWay {
  readonly from: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly to: { readonly host: string; readonly port: number };
  /** Obeys {@link Door.cut}, {@link Door.stall} and {@link Door.resume}. */
  readonly disturbed: boolean;
}

export type DoorCommand = 'cut' | 'stall' | 'resume';

const PROGRAM = fileURLToPath(new URL('./door-process.ts', import.meta.url));

export class Door implements AsyncDisposable {
  #waiting: { heard(word: unknown): void; gone(): void } | undefined;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (word) => this.#waiting?.heard(word));
    child.once('exit', () => this.#waiting?.gone());
  }

  /** Resolves once every way is open. */
  static async open(netns: Netns, ways: readonly DoorWay[]): Promise<Door> {
    const command = [process.execPath, '--import', import.meta.resolve('tsx'), PROGRAM];
    const args = ways.map((way) => JSON.stringify(way));
    const child = netns.spawn([...command, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const door = new Door(child);
    await door.#heard('open');
    return door;
  }

  /** Resets every connection that is there; new ones are let through. */
  cut(): Promise<void> {
    return this.#tell('cut');
  }

  /** From now on nothing passes, in connections old and new, and none is closed: a router that drops all. */
  stall(): Promise<void> {
    return this.#tell('stall');
  }

  /** Lets pass what was held up, and all that comes. */
  resume(): Promise<void> {
    return this.#tell('resume');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  async #tell(command: DoorCommand): Promise<void> {
    const obeyed = this.#heard(command);
    this.child.send(command);
    await obeyed;
  }

  /** One at a time: what is asked is answered by the same word. */
  #heard(expected: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const wrong = (what: string) => reject(new Error(`the door process ${what}`));
      this.#waiting = {
        heard: (word) => (word === expected ? resolve() : wrong(`says ${String(word)}`)),
        gone: () => wrong('ended'),
      };
    });
  }
}
