/** When a kernel table is as it should be, by looking into it: `bench/native/table-watch.c`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../src/net/family.js';
import { scratchDirectory } from '../test/support/leftovers.js';
import type { Netns } from '../test/support/netns.js';
import { LineProgram } from './native.js';

export interface Seen {
  /** CLOCK_MONOTONIC, ns, of the look that found it so. */
  readonly at: bigint;
  /** Routes above those at the start of the watch. */
  readonly count: number;
}

export interface TableWatchOptions {
  readonly netns: Netns;
  readonly family: Family;
  readonly table: number;
  /** A rule of the namespace sends packets with this mark to the table. */
  readonly mark: number;
  /** Milliseconds for any one condition. Default two minutes. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 120_000;

/**
 * Prefixes handed in are samples: of the longest length, few against the table,
 * in any order. Only the next sample that does not hold yet is looked up, at intervals
 * of a five-hundredth of the time waited so far (0.3 to 20 ms): that is how exact the
 * moment is, and watching takes less than a hundredth of a core. The last word is the
 * kernel's own count.
 */
export class TableWatch implements AsyncDisposable {
  readonly #scratch = scratchDirectory('watch');
  #files = 0;

  private constructor(
    private readonly program: LineProgram,
    private readonly deadlineMs: number,
  ) {}

  /** What is in the table now counts as nothing from here on. */
  static async start(options: TableWatchOptions): Promise<TableWatch> {
    const { netns, family, table, mark, deadlineMs = DEADLINE_MS } = options;
    const args = [family === 'ipv4' ? '4' : '6', String(table), String(mark)];
    const program = await LineProgram.start(netns, 'table-watch', ...args);
    return new TableWatch(program, deadlineMs);
  }

  /** All samples are routes, and the table has exactly `count`. */
  present(samples: readonly string[], count: number): Promise<Seen> {
    return this.#until('present', samples, count);
  }

  /** No sample is a route, and the table has at most `count`. */
  absent(samples: readonly string[], count: number): Promise<Seen> {
    return this.#until('absent', samples, count);
  }

  /** Packets to all samples leave by the interface of this index. */
  via(samples: readonly string[], interfaceIndex: number): Promise<Seen> {
    return this.#until('via', samples, interfaceIndex);
  }

  async count(): Promise<number> {
    return parsed(await this.program.ask('count')).count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    this.#scratch.remove();
  }

  async #until(condition: string, samples: readonly string[], number: number): Promise<Seen> {
    const file = join(this.#scratch.path, String(this.#files++));
    writeFileSync(file, `${samples.join('\n')}\n`);
    return parsed(await this.program.ask(`${condition} ${file} ${number} ${this.deadlineMs}`));
  }
}

function parsed(answer: string): Seen {
  const [, at, count] = /^done (\d+) (-?\d+)$/.exec(answer) ?? [];
  if (at === undefined || count === undefined) throw new Error(`table-watch says: ${answer}`);
  return { at: BigInt(at), count: Number(count) };
}
