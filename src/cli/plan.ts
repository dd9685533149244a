import { resolve } from 'node:path';
import type { PlanReport } from '../admin/command-report.js';
import type { Command, Context } from './command.js';
import {
  adminClient,
  ifRunning,
  requireConfiguration,
  type SocketOptions,
} from './configuration.js';
import { EXIT } from './exit-code.js';
import { withJson, withSocket } from './options.js';
import { planText } from './plan-text.js';

export const planCommand: Command<SocketOptions & { json: boolean; 'exit-code': boolean }> = {
  usage: 'plan',
  summary: 'show what would change, change nothing',
  about:
    'Prints every route, rule and next hop that would be added (+), replaced (~) or removed (-). Where a daemon runs, it evaluates the given configuration against the routes it has heard; otherwise they are read from the source for this plan.',
  examples: [
    ['plan --config new.yaml', 'what a new configuration would do'],
    ['plan --exit-code', 'exit 2 when anything would change, 0 when nothing would'],
  ],
  options: (parser) =>
    withJson(
      withSocket(parser).option('exit-code', {
        type: 'boolean',
        default: false,
        describe: 'exit 2 when there are differences',
      }),
    ),
  async run(options, context) {
    const { output } = context;
    await requireConfiguration(options.config);
    const report = await evaluate(options, context);
    output.progress('');
    output.print(options.json ? JSON.stringify(report) : planText(report, output.style));
    return options.exitCode && report.changes.length > 0 ? EXIT.differences : EXIT.done;
  },
};

async function evaluate(
  options: SocketOptions,
  { output, stopSignal }: Context,
): Promise<PlanReport> {
  const configPath = resolve(options.config);
  const client = await adminClient(options, output);
  const report = await ifRunning(() => client.plan(configPath));
  if (report !== undefined) return report;
  const { planOnce } = await import('../once.js');
  return planOnce({ configPath, signal: stopSignal(), onWait: output.wait });
}
