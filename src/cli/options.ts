import type { Argv } from 'yargs';

export const DEFAULT_CONFIG = '/etc/rib2fib/rib2fib.yaml';

export function withConfig<T>(parser: Argv<T>): Argv<T & { config: string }> {
  return parser.option('config', {
    alias: 'c',
    type: 'string',
    default: DEFAULT_CONFIG,
    requiresArg: true,
    describe: 'configuration file',
  });
}

/** `--socket` and, to find it where it is not given, `--config`. */
export function withSocket<T>(
  parser: Argv<T>,
): Argv<T & { config: string } & { socket: string | undefined }> {
  return withConfig(parser).option('socket', {
    type: 'string',
    requiresArg: true,
    describe: "the daemon's admin socket [from the configuration]",
  });
}

export function withJson<T>(parser: Argv<T>): Argv<T & { json: boolean }> {
  return parser.option('json', {
    type: 'boolean',
    default: false,
    describe: 'print one JSON document, as docs/commands.md describes it',
  });
}
