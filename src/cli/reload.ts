import type { Command } from './command.js';
import { adminClient, type SocketOptions } from './configuration.js';
import { EXIT } from './exit-code.js';
import { withJson, withSocket } from './options.js';
import { reloadText } from './outcome-text.js';

export const reloadCommand: Command<SocketOptions & { json: boolean }> = {
  usage: 'reload',
  summary: 'have the running daemon read its configuration again',
  about:
    "The daemon reads the file it was started with, and takes all of it or nothing: a file with a fault is refused with exit code 78, and the configuration before it stays in force. --config is only used to find the daemon's socket.",
  examples: [['reload', 'not often needed: the daemon watches its files']],
  options: (parser) => withJson(withSocket(parser)),
  async run({ json, ...where }, { output }) {
    const report = await (await adminClient(where, output)).reload();
    output.print(json ? JSON.stringify(report) : reloadText(report, output.style));
    return report.applied ? EXIT.done : EXIT.config;
  },
};
