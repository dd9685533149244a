import yargs, { type Argv } from 'yargs';
import { applyCommand } from './apply.js';
import { checkCommand } from './check.js';
import { cleanupCommand } from './cleanup.js';
import { type Chosen, type Command, register } from './command.js';
import { completionCommand } from './completion.js';
import { CommandError, EXIT } from './exit-code.js';
import { explainCommand } from './explain.js';
import { limitClearCommand } from './limit-clear.js';
import { planCommand } from './plan.js';
import { reloadCommand } from './reload.js';
import { routesCommand } from './routes.js';
import { runCommand } from './run.js';
import { statusCommand } from './status.js';

const WIDEST_HELP = 100;

/**
 * The command that `argv` (without node and script) names, ready to run;
 * `undefined` when help, version or completions were asked for and printed.
 * Throws {@link CommandError} with exit code 64 for a line that is not right.
 */
export async function chooseCommand(
  argv: readonly string[],
  version: string,
): Promise<Chosen | undefined> {
  let chosen: Chosen | undefined;
  const choose = (found: Chosen) => {
    chosen = found;
  };
  const add = <Options>(parser: Argv, command: Command<Options>) =>
    register(parser, command, choose);

  const parser = yargs()
    .scriptName('rib2fib')
    .locale('en')
    .parserConfiguration({ 'duplicate-arguments-array': false })
    .usage(
      'rib2fib COMMAND\n\nKeeps a Linux routing table of its own, and the rules that lead there, equal to what a BGP daemon beside it has learned, filtered and limited.',
    );
  add(parser, runCommand);
  add(parser, checkCommand);
  add(parser, planCommand);
  add(parser, applyCommand);
  add(parser, statusCommand);
  add(parser, routesCommand);
  add(parser, explainCommand);
  add(parser, reloadCommand);
  parser.command('limit', 'release latched limits', (limit) =>
    register(
      limit.usage('rib2fib limit COMMAND'),
      limitClearCommand,
      choose,
      'limit ',
    ).demandCommand(1, 'limit needs a command'),
  );
  add(parser, cleanupCommand);
  add(parser, completionCommand);
  await parser
    .demandCommand(1, 'a command is needed')
    .strict()
    .recommendCommands()
    .version(version)
    .alias('help', 'h')
    .epilogue('rib2fib COMMAND --help has the options and examples of each.')
    .wrap(Math.min(WIDEST_HELP, parser.terminalWidth()))
    .exitProcess(false)
    .fail((message, error) => {
      const fault = (message ?? error.message).replace(/\s*\n\s*/g, ' ');
      throw new CommandError(`${fault} (see rib2fib --help)`, EXIT.usage);
    })
    .parseAsync([...argv]);
  return chosen;
}
