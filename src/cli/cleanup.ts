import type { Command } from './command.js';
import { whileNoDaemonRuns } from './exclusive.js';
import { EXIT } from './exit-code.js';
import { withJson } from './options.js';
import { cleanupText } from './outcome-text.js';

export const cleanupCommand: Command<{ json: boolean }> = {
  usage: 'cleanup',
  summary: 'remove everything of ours from the kernel, and nothing else',
  about:
    'Removes every rule, route and nexthop object with route protocol 178 in this network namespace, rules first. Reads no configuration. Refuses while a daemon runs.',
  examples: [['cleanup', 'after the daemon has been removed for good']],
  options: (parser) =>
    withJson(
      parser.option('config', { type: 'string', hidden: true, describe: 'accepted, not read' }),
    ),
  async run({ json }, { output }) {
    const report = await whileNoDaemonRuns(
      'stop it first, or let it end with `rib2fib run --flush`',
      async () => (await import('../once.js')).cleanup(),
    );
    output.print(json ? JSON.stringify(report) : cleanupText(report, output.style));
    return report.failed.length === 0 ? EXIT.done : EXIT.failed;
  },
};
