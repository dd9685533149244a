import { resolve } from 'node:path';
import { HeapSize } from '../heap-size.js';
import type { Command, Context } from './command.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { withConfig } from './options.js';

export interface RunOptions {
  readonly config: string;
  readonly flush: boolean;
}

export const runCommand: Command<RunOptions> = {
  usage: 'run',
  summary: 'run the daemon in the foreground',
  about:
    'Learns routes, filters them, and keeps the tables and rules of the configuration equal to the result, until SIGTERM. SIGHUP, like a change of the file, reloads the configuration. Routes and rules stay in the kernel when the daemon ends, so that a restart is not felt.',
  examples: [['run --config ./rib2fib.yaml', 'with a file of your own']],
  options: (parser) =>
    withConfig(parser).option('flush', {
      type: 'boolean',
      default: false,
      describe: 'take everything of ours out of the kernel when the daemon ends',
    }),
  run: runUntilStopped,
};

/** Resolves once the daemon has stopped in order; throws its `StartFault`. */
export async function runUntilStopped(
  { config, flush }: RunOptions,
  { version, stopSignal }: Pick<Context, 'version' | 'stopSignal'>,
): Promise<ExitCode> {
  HeapSize.keepSmall();
  const { runDaemon } = await import('../daemon.js');
  await runDaemon({ configPath: resolve(config), flush, version }, stopSignal());
  return EXIT.done;
}
