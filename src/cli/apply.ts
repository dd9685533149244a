import { resolve } from 'node:path';
import type { Command } from './command.js';
import { requireConfiguration } from './configuration.js';
import { whileNoDaemonRuns } from './exclusive.js';
import { EXIT } from './exit-code.js';
import { withConfig, withJson } from './options.js';
import { applyText } from './outcome-text.js';
import { progressBar } from './progress-bar.js';

export const applyCommand: Command<{ config: string; json: boolean }> = {
  usage: 'apply',
  summary: 'bring the kernel in step once, and end',
  about:
    'Reads one full feed from the source, makes tables and rules equal to it, and ends. Refuses while a daemon runs.',
  examples: [['apply --config ./rib2fib.yaml', 'what `plan` has shown']],
  options: (parser) => withJson(withConfig(parser)),
  async run({ config, json }, { output, stopSignal }) {
    await requireConfiguration(config);
    const report = await whileNoDaemonRuns(
      'it applies by itself, see `rib2fib reload`',
      async () => {
        const { applyOnce } = await import('../once.js');
        const onProgress = progressBar(output.progress);
        const configPath = resolve(config);
        return applyOnce({ configPath, signal: stopSignal(), onWait: output.wait, onProgress });
      },
    );
    output.progress('');
    output.print(json ? JSON.stringify(report) : applyText(report, output.style));
    return report.failed.length === 0 ? EXIT.done : EXIT.failed;
  },
};
