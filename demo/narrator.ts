/** Tells the story on the terminal: chapters, what was run, and what was proved. */
import picocolors from 'picocolors';

const { NO_COLOR } = process.env;
const plain = !process.stdout.isTTY || (NO_COLOR ?? '') !== '';
const colors = picocolors.createColors(!plain);

/** What the demo set out to show, and whether it came true. */
export interface Claim {
  readonly holds: boolean;
  readonly text: string;
}

export class Narrator {
  readonly #claims: Claim[] = [];
  #chapter = 0;

  chapter(title: string): void {
    this.#print(`\n${colors.bold(`${++this.#chapter}. ${title}`)}\n`);
  }

  /** Prose, as it stands. */
  say(text: string): void {
    for (const line of text.trim().split('\n')) this.#print(`   ${line.trim()}\n`);
  }

  /** A picture or a file: indentation kept. */
  show(text: string): void {
    for (const line of text.replace(/^\n/, '').trimEnd().split('\n')) this.#print(`   ${line}\n`);
  }

  /** A command and what it printed. */
  command(line: string, output: string): void {
    this.#print(`   ${colors.cyan(`$ ${line}`)}\n`);
    for (const text of output.trimEnd().split('\n')) this.#print(`     ${text}\n`);
  }

  /** Something shown, held against what had to be. */
  claim(holds: boolean, text: string): void {
    this.#claims.push({ holds, text });
    this.#print(`   ${mark(holds)} ${text}\n`);
  }

  /** All claims once more; true when every one of `expected` came true. */
  summary(expected: number): boolean {
    const shown = this.#claims.filter(({ holds }) => holds).length;
    this.#print(`\n${colors.bold('What was shown')}\n`);
    for (const { holds, text } of this.#claims) this.#print(`   ${mark(holds)} ${text}\n`);
    const proved = shown === expected && this.#claims.length === expected;
    const seconds = (performance.now() / 1000).toFixed(0);
    const verdict = proved ? colors.green('PROOF') : colors.red('NO PROOF');
    this.#print(`\n${verdict}: ${shown} of ${expected} claims held, in ${seconds} s\n`);
    return proved;
  }

  #print(text: string): void {
    process.stdout.write(text);
  }
}

function mark(holds: boolean): string {
  return holds ? colors.green('✔') : colors.red('✘');
}
