import type { ArgumentsCamelCase, Argv } from 'yargs';
import type { ExitCode } from './exit-code.js';
import type { Output } from './output.js';

export interface Context {
  readonly version: string;
  readonly output: Output;
  /**
   * Aborts on SIGINT or SIGTERM. Who asks for it has to end then; a command
   * that does not ask is ended by the signal itself, as is one signalled twice.
   */
  stopSignal(): AbortSignal;
}

/** One subcommand: what it is called, what it takes, what it does. `exit-code` in `Options` is `exitCode` to `run`. */
export interface Command<Options> {
  /** yargs' command line: `explain <query>`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** A paragraph for its own help. */
  readonly about: string;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  options(parser: Argv): Argv<Options>;
  /** Throws `CommandError`, `AdminUnreachable` or `AdminFault` for what the user is to be told. */
  run(options: ArgumentsCamelCase<Options>, context: Context): Promise<ExitCode>;
}

export type Chosen = (context: Context) => Promise<ExitCode>;

/**
 * Adds a command to the parser. Parsing does nothing by itself: `choose` is
 * handed the command's work once the line has been found right. `group` is the
 * word before `usage`: `limit `.
 */
export function register<Options>(
  parser: Argv,
  command: Command<Options>,
  choose: (chosen: Chosen) => void,
  group = '',
): Argv {
  const { usage, summary, about, examples } = command;
  return parser.command<Options>(
    usage,
    summary,
    (own) =>
      command
        .options(own as Argv)
        .usage(`rib2fib ${group}${usage}\n\n${about}`)
        .example(examples.map(([line, meaning]) => [`rib2fib ${line}`, meaning])),
    (options) => choose((context) => command.run(options, context)),
  );
}
