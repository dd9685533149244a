import { AdminUnreachable } from '../admin/client.js';
import { systemClock } from '../clock.js';
import type { Command } from './command.js';
import { adminClient, type SocketOptions } from './configuration.js';
import { EXIT } from './exit-code.js';
import { withJson, withSocket } from './options.js';
import { statusText } from './status-text.js';

const WATCH_MS = 2_000;

export const statusCommand: Command<SocketOptions & { json: boolean; watch: boolean }> = {
  usage: 'status',
  summary: 'show how the running daemon is',
  about:
    'Ready or why not, the source and its peers, what each table heard, accepted, desires and has in the kernel, limits, next hops and alerts.',
  examples: [
    ['status', 'once'],
    ['status --watch', 'every two seconds, until Ctrl-C'],
    ['status --json | jq .ready', 'for scripts'],
  ],
  options: (parser) =>
    withJson(
      withSocket(parser).option('watch', {
        alias: 'w',
        type: 'boolean',
        default: false,
        describe: 'again every two seconds',
      }),
    ),
  async run({ json, watch, ...where }, { output, stopSignal }) {
    const client = await adminClient(where, output);
    const frame = async () => {
      const status = await client.status();
      return json ? JSON.stringify(status) : statusText(status, output.style);
    };
    output.print(await frame());
    const signal = watch ? stopSignal() : undefined;
    while (signal !== undefined && (await elapsed(signal))) {
      const text = await frame().catch((error: unknown) => {
        if (error instanceof AdminUnreachable) return output.style.bad(error.message);
        throw error;
      });
      if (!json) output.clear();
      output.print(text);
    }
    return EXIT.done;
  },
};

/** False when `signal` ended the wait. */
async function elapsed(signal: AbortSignal): Promise<boolean> {
  try {
    await systemClock.delay(WATCH_MS, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
