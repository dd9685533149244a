/** The run's side of the probe: {@link Ledger} kept by what `probe-process.ts` sees. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { undoAtExit } from '../support/leftovers.js';
import type { Netns } from '../support/netns.js';
import { Ledger, type Outage } from './ledger.js';
import { type Mark, type Message, monotonicMs, QUESTIONS, type Request } from './probe-protocol.js';

const PROGRAM = fileURLToPath(new URL('./probe-process.ts', import.meta.url));

export class Probe implements AsyncDisposable {
  /** In time of `performance.now()`. */
  readonly ledger = new Ledger(QUESTIONS.map(({ name }) => name));
  /** What the kernel showed last of a destination that was out. */
  readonly shown = new Map<string, string>();
  readonly #waiting = new Map<number, { done(mark: Mark): void; failed(error: Error): void }>();
  readonly #offset = monotonicMs() - performance.now();
  #serial = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (message: Message) => this.#hear(message));
    const forget = undoAtExit(() => child.kill('SIGKILL'));
    child.once('exit', (code, signal) => {
      forget();
      for (const { failed } of this.#waiting.values())
        failed(new Error(`the probe has ended: ${signal ?? code}`));
      this.#waiting.clear();
    });
  }

  /** Resolves once it has looked at everything. */
  static async start(node: Netns): Promise<Probe> {
    const options = { execArgv: ['--import', import.meta.resolve('tsx')] };
    const probe = new Probe(fork(PROGRAM, [node.name ?? ''], options));
    await probe.mark();
    return probe;
  }

  /** Resolves once what happened before this call has been looked at, and told; rejects where the probe has ended. */
  mark(): Promise<Mark> {
    const id = ++this.#serial;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed });
      this.child.send({ id } satisfies Request, (error) => {
        if (error === null) return;
        this.#waiting.delete(id);
        failed(error);
      });
    });
  }

  /** See {@link Ledger.settle}. */
  async settle(): Promise<readonly Outage[]> {
    const now = performance.now();
    await this.mark();
    return this.ledger.settle(now);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.disconnect();
    await exit;
  }

  #hear(message: Message): void {
    if (message.type === 'mark') {
      this.#waiting.get(message.id)?.done(message);
      this.#waiting.delete(message.id);
      return;
    }
    const { name, there, at, shown } = message;
    if (!there) this.shown.set(name, shown);
    this.ledger.saw(name, there, at - this.#offset);
  }
}
