import { once } from 'node:events';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { DaemonOptions } from '../daemon.js';
import { HeapSize } from '../heap-size.js';
import type { PreparedDaemon } from '../prepare-daemon.js';
import type { Command, Context } from './command.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { withoutOptimising } from './loading.js';
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
  const stop = stopSignal();
  const daemon = await Promise.race([
    prepared({ configPath: resolve(config), flush, version }),
    stopped(stop),
  ]);
  await daemon?.run(stop);
  return EXIT.done;
}

/** The configuration is read in another process while the daemon's code is loaded in this one. */
async function prepared(options: DaemonOptions): Promise<PreparedDaemon> {
  const [loaded, { prepareDaemon }] = await withoutOptimising(async () => {
    const { loadConfigApart } = await import('../config/load-apart.js');
    return await Promise.all([loadConfigApart(options.configPath), import('../prepare-daemon.js')]);
  });
  // docs/decisions/015-little-garbage.md
  setFlagsFromString('--interrupt-budget=270336');
  return await prepareDaemon(options, loaded);
}

/** Told to stop before there is a daemon: nothing has been written yet. */
async function stopped(stop: AbortSignal): Promise<undefined> {
  if (!stop.aborted) await once(stop, 'abort');
}
