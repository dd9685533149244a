import type { Command } from './command.js';
import { adminClient, type SocketOptions } from './configuration.js';
import { EXIT } from './exit-code.js';
import { explainText } from './explain-text.js';
import { withJson, withSocket } from './options.js';

export const explainCommand: Command<SocketOptions & { json: boolean; query: string }> = {
  usage: 'explain <query>',
  summary: 'walk one prefix or address through the whole flow',
  about:
    'Shows for each table what was heard of the prefix, which filter rule decided, the selection, the limits, the next hop, the route, what the kernel has, and the rule that sends traffic there. For an address it is the longest prefix that holds it.',
  examples: [
    ['explain 10.1.0.0/16', 'why it is, or is not, in the kernel'],
    ['explain 2001:db8::1', 'by address'],
  ],
  options: (parser) =>
    withJson(withSocket(parser)).positional('query', {
      type: 'string',
      demandOption: true,
      describe: 'prefix or address',
    }),
  async run({ query, json, ...where }, { output }) {
    const report = await (await adminClient(where, output)).explain(query);
    output.print(json ? JSON.stringify(report) : explainText(report, output.style));
    return EXIT.done;
  },
};
