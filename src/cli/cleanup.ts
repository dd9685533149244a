import type { CleanupReport } from '../admin/command-report.js';
import { systemClock } from '../clock.js';
import { statePath } from '../state-file.js';
import type { Command } from './command.js';
import { adminSocket, type SocketOptions } from './configuration.js';
import { whileNoDaemonRuns } from './exclusive.js';
import { EXIT } from './exit-code.js';
import { withJson, withSocket } from './options.js';
import { cleanupText } from './outcome-text.js';
import type { Output } from './output.js';

export const cleanupCommand: Command<SocketOptions & { json: boolean }> = {
  usage: 'cleanup',
  summary: 'remove everything of ours from the kernel, and nothing else',
  about:
    'Removes every rule, route and nexthop object with route protocol 178 in this network namespace, rules first, and the nftables table rib2fib, and enables the peers that a limit with `teardown` has left disabled at gobgpd. Works without a valid configuration. Refuses while a daemon runs.',
  examples: [['cleanup', 'after the daemon has been removed for good']],
  options: (parser) => withJson(withSocket(parser)),
  async run({ json, ...where }, { output }) {
    const report = await whileNoDaemonRuns(
      'stop it first, or let it end with `rib2fib run --flush`',
      async (): Promise<CleanupReport> => {
        const done = await (await import('../once.js')).cleanup();
        await releasePeers(await adminSocket(where, output), output);
        return done;
      },
    );
    output.print(json ? JSON.stringify(report) : cleanupText(report, output.style));
    return report.failed.length === 0 ? EXIT.done : EXIT.failed;
  },
};

/** Those that the daemon of this admin socket has noted; what becomes of each goes to standard error. */
async function releasePeers(socket: string, { note, noteStyle }: Output): Promise<void> {
  const [{ releaseSavedPeers }, { enablePeers }] = await Promise.all([
    import('../peer-release.js'),
    import('../source/gobgp/enable-peers.js'),
  ]);
  const clock = systemClock;
  await releaseSavedPeers(statePath(socket), {
    clock,
    log: {
      info: (_, text) => note(text),
      warn: (_, text) => note(noteStyle.warning(text)),
    },
    enablePeers: (gobgp, peers, onDone, signal) =>
      enablePeers(gobgp, peers, onDone, { clock, signal }),
  });
}
