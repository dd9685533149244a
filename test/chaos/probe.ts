/**
 * Asks the kernel every 10 ms which way traffic to each destination goes
 * (RTM_GETROUTE, rules included), by one `ip -batch` that runs on. `ip` answers in
 * order: what has a route on standard output, the rest on standard error.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Netns } from '../support/netns.js';
import { Ledger } from './ledger.js';
import { DESTINATIONS, MANAGEMENT, SERVICE, TABLES } from './network.js';

interface Question {
  readonly name: string;
  readonly command: string;
  /** How its answer begins. */
  readonly opening: string;
  /** Found where, in an answer that is good. */
  readonly table: string;
}

const EVERY_MS = 10;

/** `TABLE PREFIX`: a destination as looked up by the traffic of one table. */
const QUESTIONS: readonly Question[] = TABLES.flatMap((table) =>
  DESTINATIONS.map(({ prefix, address, family }) => {
    const opening = `${address} from ${SERVICE[table][family]} `;
    const command = `route get ${opening}`;
    return { name: `${table} ${prefix}`, command, opening, table: ` table ${table} ` };
  }),
);

export class Probe implements AsyncDisposable {
  readonly ledger = new Ledger(QUESTIONS.map(({ name }) => name));
  /** Between two rounds, at worst. */
  worstGapMs = 0;
  rounds = 0;
  #unanswered = 0;
  #askedAt = performance.now();
  readonly #timer: NodeJS.Timeout;

  private constructor(private readonly child: ChildProcess) {
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('the probe has no pipes');
    createInterface({ input: stdout }).on('line', (line) => this.#answer(line));
    createInterface({ input: stderr }).on('line', (line) => this.#refusal(line));
    child.stdin?.on('error', () => {}); // Its end is told by its exit.
    this.#timer = setInterval(() => this.#ask(), EVERY_MS);
  }

  static start(node: Netns): Probe {
    return new Probe(
      node.spawn(['ip', '-o', '-force', '-batch', '-'], { stdio: ['pipe', 'pipe', 'pipe'] }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  /** A round that is not answered yet is waited for. */
  #ask(): void {
    if (this.child.exitCode !== null) throw new Error('the probe has ended');
    if (this.#unanswered > 0) return;
    const now = performance.now();
    if (this.rounds++ > 0) this.worstGapMs = Math.max(this.worstGapMs, now - this.#askedAt);
    this.#askedAt = now;
    this.#unanswered = QUESTIONS.length;
    this.child.stdin?.write(QUESTIONS.map(({ command }) => `${command}\n`).join(''));
  }

  #answer(line: string): void {
    const question = QUESTIONS.find(({ opening }) => line.includes(opening));
    if (question === undefined) return;
    const { opening, table } = question;
    // `unreachable ADDRESS …` is an answer too; the fallback leads out of the management port.
    const learned = line.startsWith(opening) && !line.includes(`dev ${MANAGEMENT} `);
    this.#note(question, learned && line.includes(table));
  }

  /** `Command failed -:LINE`. */
  #refusal(line: string): void {
    const number = /^Command failed -:(\d+)$/.exec(line)?.[1];
    if (number === undefined) return;
    const question = QUESTIONS[(Number(number) - 1) % QUESTIONS.length];
    if (question !== undefined) this.#note(question, false);
  }

  #note({ name }: Question, there: boolean): void {
    this.#unanswered--;
    this.ledger.saw(name, there, this.#askedAt);
  }
}
