import type { Command } from './command.js';
import { adminClient, type SocketOptions } from './configuration.js';
import { EXIT } from './exit-code.js';
import { withJson, withSocket } from './options.js';

export const limitClearCommand: Command<SocketOptions & { json: boolean; selector: string }> = {
  usage: 'clear <selector>',
  summary: 'release limits whose action is latched',
  about:
    'After `freeze`, `flush` or `teardown` a limit stays latched. This releases it: routes come in again, a session that was ended is enabled. What is still too much latches it again.',
  examples: [
    ['limit clear fabric/10.9.0.2/ipv4', 'one limit, by its id as `status` shows it'],
    ['limit clear fabric', 'every limit of a table'],
    ['limit clear all', 'every limit'],
  ],
  options: (parser) =>
    withJson(withSocket(parser)).positional('selector', {
      type: 'string',
      demandOption: true,
      describe: 'limit id, table name or id, or all',
    }),
  async run({ selector, json, ...where }, { output }) {
    const report = await (await adminClient(where, output)).clearLimit(selector);
    const { cleared } = report;
    if (json) output.print(JSON.stringify(report));
    else if (cleared.length === 0) output.print('nothing was latched');
    else output.print(cleared.map((id) => `cleared ${id}`).join('\n'));
    return EXIT.done;
  },
};
